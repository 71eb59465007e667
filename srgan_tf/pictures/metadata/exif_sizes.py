"""What EXIF says in pixels, brought to the pixels of the result."""

import struct
from collections.abc import Callable

from srgan_tf.pictures.metadata.exif import EXIF, INTEROP, ROOT, Exif, field_name
from srgan_tf.pictures.metadata.exif_layout import LONG, SHORT
from srgan_tf.pictures.metadata.geometry import Geometry

ORIENTATION = 0x0112
# Horizontal fields; the vertical ones have the tags above.
_SIZES = ((ROOT, 0x0100), (EXIF, 0xA002), (INTEROP, 0x1001))
X_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x0128
_SENSOR = ((EXIF, 0xA20E), (ROOT, 0x920E))  # pixels per unit; the second in TIFF/EP
_PLACES = ((EXIF, 0x9214), (EXIF, 0xA214), (ROOT, 0x9214))  # subject area and location
# GeoTIFF: metres per pixel, pairs of a pixel and a place, both as one matrix, and keys,
# of which one says that pixels are points, counted from their middle.
_PIXEL_SCALE, _TIE_POINTS, _MATRIX, _GEO_KEYS = 0x830E, 0x8482, 0x85D8, 0x87AF
_RASTER_TYPE, _POINTS = 1025, 2


def resize_exif(exif: Exif, geometry: Geometry) -> list[str]:
    """Changes fields in pixels to those of the result; some cannot be and go.

    Returns:
        The names of those that went.
    """
    lost: list[str] = []
    x_scale, y_scale = geometry.scale

    def change(ifd: int, tag: int, function: Callable[[list], list]) -> None:
        if field := exif.ifds[ifd].get(tag):
            try:
                numbers = function(exif.numbers_of(field))
                exif.set_numbers(ifd, tag, numbers, field.kind)
            except (ArithmeticError, LookupError, ValueError, struct.error):
                del exif.ifds[ifd][tag]
                lost.append(field_name(tag))

    for ifd, tag in _SIZES:
        for offset, size in enumerate(geometry.written):
            if field := exif.ifds[ifd].get(tag + offset):
                kind = field.kind if field.kind in (SHORT, LONG) else LONG
                exif.set_numbers(ifd, tag + offset, [size], kind)
    for ifd, tag in (*_SENSOR, (ROOT, X_RESOLUTION)):
        fields = exif.ifds[ifd]
        if geometry.swaps and tag in fields and tag + 1 in fields:
            fields[tag], fields[tag + 1] = fields[tag + 1], fields[tag]
    for ifd, tag in _SENSOR:
        change(ifd, tag, lambda numbers: [numbers[0] * x_scale])
        change(ifd, tag + 1, lambda numbers: [numbers[0] * y_scale])
    for ifd, tag in _PLACES:
        change(ifd, tag, geometry.subject)

    middle = 0.5 if _pixels_are_points(exif) else 0.0

    def pixel_scale(numbers):
        return [numbers[0] / x_scale, numbers[1] / y_scale, *numbers[2:]]

    def tie_points(numbers):
        for i in range(0, len(numbers), 6):
            numbers[i] = (numbers[i] + middle) * x_scale - middle
            numbers[i + 1] = (numbers[i + 1] + middle) * y_scale - middle
        return numbers

    def matrix(numbers):
        for row in range(0, 16, 4):
            x, y = numbers[row] / x_scale, numbers[row + 1] / y_scale
            numbers[row + 3] += middle * (x - numbers[row] + y - numbers[row + 1])
            numbers[row : row + 2] = x, y
        return numbers

    for tag, function in (
        (_PIXEL_SCALE, pixel_scale),
        (_TIE_POINTS, tie_points),
        (_MATRIX, matrix),
    ):
        if geometry.orientation == 1:
            change(ROOT, tag, function)
        elif exif.ifds[ROOT].pop(tag, None):
            lost.append(field_name(tag))
    return lost


def _pixels_are_points(exif: Exif) -> bool:
    keys = exif.ifds[ROOT].get(_GEO_KEYS)
    if keys is None or keys.kind != SHORT:
        return False
    numbers = exif.numbers_of(keys)
    return (_RASTER_TYPE, _POINTS) in zip(numbers[::4], numbers[3::4])
