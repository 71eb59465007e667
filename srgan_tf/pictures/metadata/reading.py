"""Metadata out of opened picture files; what is damaged is named and left out."""

import io
import math
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from PIL import Image, ImageCms, TiffImagePlugin

from srgan_tf.pictures.metadata import jpeg, png
from srgan_tf.pictures.metadata.colour import ADOBE_GAMMA, ADOBE_RGB, make_profile
from srgan_tf.pictures.metadata.exif import EXIF, GPS, INTEROP, ROOT, Exif
from srgan_tf.pictures.metadata.exif_layout import SHORT
from srgan_tf.pictures.metadata.exif_sizes import (
    ORIENTATION,
    RESOLUTION_UNIT,
    X_RESOLUTION,
)
from srgan_tf.pictures.metadata.reading_boxes import read_boxes
from srgan_tf.pictures.metadata.reading_png import read_chunks
from srgan_tf.pictures.metadata.record import Metadata
from srgan_tf.pictures.metadata.taking import (
    LAYERS,
    TIFF_LAYOUT,
    comment_text,
    take_exif,
    take_photoshop,
    take_tiff,
)

# In EXIF's own words, the camera's files are in Adobe RGB (DCF 2.0, section 5.4).
COLOUR_SPACE, INTEROP_INDEX = 0xA001, 0x0001


def read_metadata(image: Image.Image, parts: png.PngParts | None = None) -> Metadata:
    """Takes the metadata out of a Pillow picture that was opened but not yet loaded.

    Args:
        image: The picture.
        parts: Of a PNG file, which must be the picture of their pixels.
    """
    metadata = Metadata(stored=image.size)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2  # image.size is upright already
        metadata.stored = (tags[256], tags[257])
        if LAYERS in tags:
            metadata.lost.append("Photoshop's layers")
        take_tiff(metadata, cast(BinaryIO, image.fp))
    elif parts:
        metadata.lost += parts.damaged
        read_chunks(metadata, parts.chunks)
    else:
        _read_info(metadata, image.info)
        if image.format in ("JPEG", "MPO"):
            _read_jpeg(metadata, image)
        if image.format == "AVIF":
            _undo_pillows_exif(metadata, image)
        if image.format in ("JPEG2000", "JXL"):
            read_boxes(metadata, _content(image))
        if not metadata.icc:
            metadata.colour = heif_colour(image)
    metadata.dpi = metadata.dpi or _resolution(metadata.exif, image.info.get("dpi"))
    return _checked(metadata)


def read_pillow_metadata(image: Image.Image, colour: Mapping[bytes, bytes]) -> Metadata:
    """Takes the metadata out of a Pillow picture in memory.

    Args:
        image: The picture.
        colour: What `heif_colour` said of it before it was loaded.
    """
    metadata = Metadata(stored=image.size)
    info = dict(image.info)
    if "exif" not in info:  # of TIFF, or made by hand
        try:
            info["exif"] = _exif_of(image)
        # Pillow fails in many ways on fields that it has read itself.
        except Exception:
            metadata.lost.append("damaged EXIF")
    _read_info(metadata, info)
    if not metadata.icc:
        metadata.colour = dict(colour)
    if "srgb" not in info and not metadata.icc:
        gamma, chromaticity = info.get("gamma"), info.get("chromaticity")
        if gamma:
            metadata.colour[b"gAMA"] = struct.pack(">L", round(gamma * 1e5))
        if chromaticity:
            numbers = (round(x * 1e5) for x in chromaticity)
            metadata.colour[b"cHRM"] = struct.pack(">8L", *numbers)
    metadata.dpi = _resolution(metadata.exif, info.get("dpi"))
    return _checked(metadata)


def read_tiff_metadata(file: BinaryIO, width: int, height: int) -> Metadata:
    """Takes the metadata out of a TIFF file that Pillow cannot open."""
    metadata = Metadata(stored=(width, height))
    take_tiff(metadata, file)
    return _checked(metadata)


def heif_colour(image: Any) -> dict[bytes, bytes]:
    """What an AVIF or HEIF file says of its colours, if it is not plain sRGB, as PNG.

    Args:
        image: Opened by Pillow, which forgets it when the picture is loaded.
    """
    primaries, curve = 2, 2  # unspecified
    if known := image.info.get("nclx_profile"):  # by pillow-heif
        primaries = known["color_primaries"]
        curve = known["transfer_characteristics"]
    elif image.format == "AVIF":
        head = _content(image)[:65_536]
        at = head.find(b"colrnclx")
        if at >= 0:
            primaries, curve = struct.unpack_from(">HH", head.ljust(at + 12), at + 8)
    usual = primaries in (1, 2) and curve in (1, 2, 6, 13)
    return (
        {}
        if usual or max(primaries, curve) > 255
        else {b"cICP": bytes((primaries, curve, 0, 1))}
    )


def _exif_of(image: Image.Image) -> bytes:
    """What Pillow has understood of EXIF."""
    source, exif = image.getexif(), Image.Exif()
    exif.endian = source.endian
    is_tiff = isinstance(image, TiffImagePlugin.TiffImageFile)
    for tag, value in source.items():
        if not (is_tiff and tag in (*TIFF_LAYOUT, LAYERS)):
            # Pillow shows each byte of a text as one letter, and writes ASCII only.
            exif[tag] = value.encode("latin-1") if isinstance(value, str) else value
    for ifd in (EXIF, GPS):
        if fields := source.get_ifd(ifd):
            exif[ifd] = dict(fields)
    return exif.tobytes()


def _read_info(metadata: Metadata, info: Mapping[Any, Any]) -> None:
    """What Pillow's plugins have found."""
    metadata.icc = info.get("icc_profile")
    xmp = info.get("xmp")
    metadata.xmp = xmp.encode() if isinstance(xmp, str) else xmp
    take_exif(metadata, info.get("exif") or b"")
    if comment := info.get("comment"):
        comment = comment.encode() if isinstance(comment, str) else comment
        metadata.texts.append(comment_text(comment))


def _read_jpeg(metadata: Metadata, image: Any) -> None:
    segments = jpeg.read_segments(image.applist)
    metadata.texts = [comment_text(comment) for comment in segments.comments]
    metadata.lost += segments.lost
    if segments.resources:
        take_photoshop(metadata, segments.resources)
    if metadata.xmp:
        try:
            metadata.xmp = jpeg.joined_xmp(metadata.xmp, segments.extensions)
        except ValueError as error:
            metadata.lost.append(f"a part of XMP ({error})")
    if "icc_profile" in image.info and not metadata.icc:  # some parts are missing
        metadata.lost.append("a damaged colour profile")


def _content(image: Any) -> bytes:
    """The file of a picture that was opened but not yet loaded."""
    if image.fp is None or getattr(image.fp, "closed", False):
        return b""
    image.fp.seek(0)
    return image.fp.read()


def _resolution(exif: Exif, dpi: Any) -> tuple[float, float] | None:
    """Pixels per inch by the file's own way to say so, or else by EXIF."""
    fields = exif.ifds[ROOT]
    try:
        if not dpi and X_RESOLUTION in fields and X_RESOLUTION + 1 in fields:
            unit = fields.get(RESOLUTION_UNIT)
            per_inch = {0: 1.0, 2: 1.0, 3: 2.54}[exif.whole_number(unit) if unit else 0]
            tags = (X_RESOLUTION, X_RESOLUTION + 1)
            dpi = [exif.numbers_of(fields[tag])[0] * per_inch for tag in tags]
        x, y = map(float, dpi)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None
    return (x, y) if x > 0 and y > 0 and math.isfinite(x * y) else None


def _undo_pillows_exif(metadata: Metadata, image: Any) -> None:
    """EXIF as in the file: Pillow writes it anew to add AVIF's own orientation."""
    written = metadata.exif.ifds[ROOT].get(ORIENTATION)
    orientation = metadata.exif.whole_number(written) if written else 1
    stored = image._decoder.get_info()[4]
    if stored and stored != image.info["exif"]:
        take_exif(metadata, stored)
        metadata.exif.set_numbers(ROOT, ORIENTATION, [orientation], SHORT)


def _checked(metadata: Metadata) -> Metadata:
    """Leaves out what cannot be read, and says what a camera's colours are."""
    if metadata.icc:
        try:
            ImageCms.ImageCmsProfile(io.BytesIO(metadata.icc))
        except OSError:
            metadata.icc = None
            metadata.lost.append("a damaged colour profile")
    if metadata.xmp:
        metadata.xmp = metadata.xmp.strip(b"\0")
    exif = metadata.exif.ifds
    index = exif[INTEROP].get(INTEROP_INDEX)
    adobe_rgb = index and index.data.startswith(b"R03") and COLOUR_SPACE in exif[EXIF]
    if adobe_rgb and not metadata.icc and not metadata.colour:
        metadata.icc = make_profile(3, ADOBE_RGB, ADOBE_GAMMA)
    return metadata
