"""Pixels of more than 8 bits, which Pillow reads as 8 bit without a word."""

import re
import struct
from collections.abc import Iterator

import imagecodecs
import numpy as np
from PIL import Image

from srgan_tf.errors import optional

_J2K_SIZE = b"\xff\x4f\xff\x51"  # the markers that JPEG 2000's code begins with


def depth(image: Image.Image, data: bytes) -> int:
    """Bits per value of an open picture that is no TIFF.

    Args:
        image: As Pillow opened it.
        data: The content of its file, at the least the first 64 KB.
    """
    if image.format == "PNG":
        return data[24]
    if image.format == "JPEG2000":
        start = data.find(_J2K_SIZE)
        return (data[start + 42] & 127) + 1 if start >= 0 else 8
    if image.format == "AVIF":
        start = data.find(b"av1C")
        flags = data[start + 6] if start >= 0 else 0
        return (12 if flags & 0x20 else 10) if flags & 0x40 else 8
    if image.format == "HEIF":
        return image.info.get("bit_depth", 8)
    if image.format == "PPM":
        return 16 if _ppm_header(data)[3] > 255 else 8
    return 8


def read_deep(image: Image.Image, data: bytes) -> np.ndarray:
    """Reads uint16 `[H, W, C]`, scaled to 16 bits, of what `depth` finds deep.

    As it is stored, but for HEIC, whose turns are part of its decoding.
    """
    bits = depth(image, data)
    if image.format == "PNG":
        pixels = imagecodecs.png_decode(data)
    elif image.format == "JPEG2000":
        pixels = imagecodecs.jpeg2k_decode(data)
    elif image.format == "AVIF":
        pixels = imagecodecs.avif_decode(data)
    elif image.format == "HEIF":
        heif = optional("pillow_heif", "heif")
        picture = heif.open_heif(data, convert_hdr_to_8bit=False)
        pixels = np.asarray(picture) >> (16 - bits)
    else:
        pixels, largest = _read_ppm(data)
        return to_16bit(pixels, largest)
    return to_16bit(pixels, 2**bits - 1)


def to_16bit(pixels: np.ndarray, largest: int) -> np.ndarray:
    """Whole numbers up to the largest as uint16 `[H, W, C]`."""
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if largest == 65535:
        return pixels.astype(np.uint16, copy=False)
    return np.round(pixels * (65535 / largest)).astype(np.uint16)


def _ppm_header(data: bytes) -> tuple[int, int, int, int, int]:
    """The number behind the P, width, height, largest value, and where values begin."""
    gap = rb"(?:\s|#[^\n]*\n)+"
    number = rb"(\d+)"
    found = re.match(
        rb"P([1-6])" + 2 * (gap + number) + rb"(?:" + gap + number + rb")?", data
    )
    if not found:
        return 0, 0, 0, 0, 0
    kind, width, height = (int(found[i]) for i in (1, 2, 3))
    largest = int(found[4] or 1) if kind not in (1, 4) else 1
    return kind, width, height, largest, found.end() + 1


def _read_ppm(data: bytes) -> tuple[np.ndarray, int]:
    kind, width, height, largest, start = _ppm_header(data)
    shape = (height, width, 1 if kind in (2, 5) else 3)
    count = height * width * shape[-1]
    if kind in (2, 3):
        plain = re.sub(rb"#[^\n]*", b"", data[start - 1 :]).split()[:count]
        return np.array(plain, np.uint16).reshape(shape), largest
    return np.frombuffer(data, ">u2", count, start).reshape(shape), largest


# ---- the boxes that JPEG 2000, JPEG XL, AVIF and HEIC files consist of


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The name and content of each box of a file or box (ISO/IEC 14496-12, 4.2)."""
    start = 0
    while start + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1 and start + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, start + 8)
            header = 16
        end = start + size if size else len(data)
        if end < start + header:
            return
        yield name, data[start + header : end]
        start = end


def jp2_profile(data: bytes) -> bytes | None:
    """The colour profile of a JPEG 2000 file, which Pillow does not read."""
    for name, header in boxes(data):
        if name != b"jp2h":
            continue
        for inner, body in boxes(header):
            if inner == b"colr" and body[:1] in (b"\2", b"\3"):
                return body[3:]
    return None
