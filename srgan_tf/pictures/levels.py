"""Pictures of any depth as 8 bit: white is the number that the file says it is.

Cameras, scanners and microscopes store 10, 12 or 14 bits in 16, and programs store
floats in 0..1. Taken for 16-bit or 8-bit values these would be black.
"""

import os
import struct

import numpy as np
import tifffile
from PIL import ExifTags, Image

from srgan_tf.errors import UserError, reason
from srgan_tf.pictures.formats import read_photo_file
from srgan_tf.pictures.modes import upright

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MAX_SAMPLE_VALUE, _SMAX_SAMPLE_VALUE = 281, 341
_OVERSHOOT = 0.1  # of floats that a sharp filter has been over, as parts of white


def read_8bit(path: str | os.PathLike) -> np.ndarray:
    """Reads a picture as uint8 `[H, W, 1 or 3]`, upright and without transparency.

    White is 65535 in 16-bit files, unless they say that they hold fewer bits (TIFF's
    BitsPerSample, MaxSampleValue or SMaxSampleValue, PNG's sBIT). In files of floats it
    is 1, unless they say otherwise (SMaxSampleValue).

    Raises:
        UserError: If it cannot be read; or does not say what white is and holds only
            16-bit values below 16384, or floats beyond 0..1.
    """
    floats = _read_floats(path)
    pixels = read_photo_file(path).pixels if floats is None else floats
    pixels = pixels[..., : 3 if pixels.shape[-1] > 2 else 1]
    if pixels.dtype == np.uint8:
        return pixels
    said, inverted = _declared(path, pixels)
    if inverted and floats is None:
        pixels = 65535 - pixels  # as they are stored
    pixels = _unscaled(path, pixels)
    white = _white_of(pixels, said)
    levels = np.clip(np.floor(pixels * (255 / white) + 0.5), 0, 255).astype(np.uint8)
    return 255 - levels if inverted else levels


def _unscaled(path: str | os.PathLike, pixels: np.ndarray) -> np.ndarray:
    """The numbers of a TIFF file of 9 to 15 bits, which have been brought to 16."""
    with open(path, "rb") as file:
        if pixels.dtype.kind == "f" or file.read(4) not in _TIFF:
            return pixels
    with tifffile.TiffFile(path) as tiff:
        bits = tiff.pages.first.bitspersample
    if not 8 < bits < 16:
        return pixels
    return np.round(pixels * ((2**bits - 1) / 65535)).astype(pixels.dtype)


def _white_of(pixels: np.ndarray, said: float | None) -> float:
    least, most = float(pixels.min()), float(pixels.max())
    if pixels.dtype.kind == "f":
        white = said or 1.0
        spare = white * _OVERSHOOT
        if not -spare <= least <= most <= white + spare:
            raise UserError(
                f"holds floats in {least:.6g}..{most:.6g}, and white is {white:.6g}; "
                "scale them to 0..1, or store what is white as SMaxSampleValue"
            )
        return white
    if said is None and most < 2**14:
        raise UserError(
            f"holds 16-bit values of at most {most:.0f}, as of 10, 12 or 14 bits, and "
            "does not say so; scale them to 16 bits, or store the largest possible "
            "value as TIFF's MaxSampleValue"
        )
    # Some store the largest value there is, not the largest possible.
    white = 2.0 ** int(said or 65535).bit_length() - 1
    if most > white:
        raise UserError(f"says that white is {said:.0f} but holds {most:.0f}")
    return white


def _declared(path: str | os.PathLike, pixels: np.ndarray) -> tuple[float | None, bool]:
    """The largest possible value as far as a file says it; whether 0 is white."""
    with open(path, "rb") as file:
        head = file.read(4)
    if head in _TIFF:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages.first
            said = page.tags.valueof(_SMAX_SAMPLE_VALUE)
            if pixels.dtype.kind != "f":
                said = said or page.tags.valueof(_MAX_SAMPLE_VALUE)
                if not said and page.bitspersample < 16:
                    said = 2**page.bitspersample - 1
            return float(np.max(said)) if said else None, page.photometric == 0
    if head == b"\x89PNG":
        bits = _significant_bits(path)
        # Values should have been scaled to 16 bits: the rest of them repeats the first.
        if bits and pixels.max() < 2**bits and (pixels % 2 ** (16 - bits)).any():
            return 2.0**bits - 1, False
        return (65535.0 if bits else None), False
    return (None if pixels.dtype.kind == "f" else 65535.0), False


def _significant_bits(path: str | os.PathLike) -> int:
    """What PNG's sBIT chunk says of the colours; 0 if there is none."""
    with open(path, "rb") as file:
        file.seek(8)
        while header := file.read(8):
            length, name = struct.unpack(">I4s", header)
            if name == b"sBIT":
                return max(file.read(length)[:3])
            if name == b"IDAT":
                break
            file.seek(length + 4, os.SEEK_CUR)
    return 0


def _read_floats(path: str | os.PathLike) -> np.ndarray | None:
    """float64 `[H, W, C]` of a TIFF or PFM file of floats, None of other files."""
    try:
        with open(path, "rb") as file:
            head = file.read(4)
        if head[:2] in (b"PF", b"Pf"):
            with Image.open(path) as image:
                return np.asarray(image, np.float64).reshape(*image.size[::-1], -1)
        if head not in _TIFF:
            return None
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages.first
            if page.dtype is None or page.dtype.kind != "f":
                return None
            pixels = page.asarray().astype(np.float64)
            if page.planarconfig == 2 and page.samplesperpixel > 1:
                pixels = np.moveaxis(pixels, 0, -1)
            pixels = pixels[..., None] if pixels.ndim == 2 else pixels
            turn = page.tags.valueof(ExifTags.Base.Orientation, default=1)
            return upright(pixels, turn)
    except FileNotFoundError:
        return None
    except Exception as error:
        raise UserError(f"cannot be read: {reason(error)}") from None
