"""What Pillow does not do: 16 bit in PNG and TIFF, PNG's chunks, TIFF with EXIF."""

import io
import os
from pathlib import Path
from typing import BinaryIO

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from srgan_tf.errors import UserError
from srgan_tf.pictures.metadata import Metadata, png_chunks, read_tiff_metadata
from srgan_tf.pictures.metadata.tiff import begin_tiff, finish_tiff

_IHDR_END = 33
ANIMATED = "has {} frames or pages; only single pictures are upscaled"


def is_16bit(image: Image.Image) -> bool:
    """Whether an open PNG or TIFF picture has 16 bit per value."""
    if image.format == "PNG":
        image.fp.seek(24)
        return image.fp.read(1) == b"\x10"
    if image.format == "TIFF":
        return set(image.tag_v2.get(258, (1,))) == {16}
    return False


def read_16bit_png(file: BinaryIO) -> np.ndarray:
    """Reads uint16 `[H, W, C]`."""
    file.seek(0)
    pixels = imagecodecs.png_decode(file.read())
    return pixels[..., None] if pixels.ndim == 2 else pixels


def read_16bit_tiff(path: str | os.PathLike) -> tuple[np.ndarray, Metadata]:
    """Reads uint16 `[H, W, C]` and, for files that Pillow cannot open, metadata.

    Raises:
        UserError: If it holds something else.
    """
    with tifffile.TiffFile(path) as file:
        if len(file.pages) > 1:
            raise UserError(ANIMATED.format(len(file.pages)))
        page = file.pages[0]
        pixels = page.asarray()
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        if page.photometric not in (0, 1, 2):  # gray, inverted or not, and RGB
            raise UserError(
                f"holds 16-bit {page.photometric.name}; gray and RGB are supported"
            )
        if page.planarconfig == 2 and page.samplesperpixel > 1:
            pixels = np.moveaxis(pixels, 0, -1)
        if pixels.dtype != np.uint16 or pixels.ndim != 3 or pixels.shape[-1] > 4:
            raise UserError(
                f"holds {pixels.dtype} values in the shape {pixels.shape}; of 16-bit "
                "pictures gray, RGB and alpha are supported"
            )
        if page.photometric == 0:
            pixels = 65535 - pixels
        if page.extrasamples and page.extrasamples[0] == 1:  # alpha is multiplied in
            alpha = np.maximum(pixels[..., -1:], 1).astype(np.float32)
            colours = np.minimum(np.round(pixels[..., :-1] * (65535 / alpha)), 65535)
            pixels[..., :-1] = colours.astype(np.uint16)
    with open(path, "rb") as raw:
        metadata = read_tiff_metadata(raw, pixels.shape[1], pixels.shape[0])
    return pixels, metadata


def _without_single_channel(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def write_16bit_png(path: Path, pixels: np.ndarray, fitted: Metadata) -> None:
    """Writes uint16 `[H, W, C]`."""
    encoded = imagecodecs.png_encode(_without_single_channel(pixels), level=6)
    with PngFile(path, png_chunks(fitted, pixels)) as file:
        file.write(encoded[:_IHDR_END])
        file.write(memoryview(encoded)[_IHDR_END:])


class PngFile(io.BufferedWriter):
    """A PNG file that gets further chunks behind its header."""

    def __init__(self, path: Path, chunks: bytes) -> None:
        super().__init__(io.FileIO(path, "w"))
        self.chunks = chunks

    def write(self, data) -> int:
        if self.tell() == _IHDR_END:
            super().write(self.chunks)
            self.chunks = b""
        return super().write(data)


def write_tiff(path: Path, pixels: np.ndarray, fitted: Metadata) -> None:
    """Writes uint8 or uint16 `[H, W, C]`."""
    options = {"extrasamples": ["unassalpha"]} if pixels.shape[-1] in (2, 4) else {}
    if fitted.dpi:
        options |= {"resolution": fitted.dpi, "resolutionunit": "INCH"}
    fields_at = begin_tiff(path, fitted)
    tifffile.imwrite(
        path,
        _without_single_channel(pixels),
        append="force",
        photometric="rgb" if pixels.shape[-1] >= 3 else "minisblack",
        planarconfig="contig",
        compression="adobe_deflate",
        predictor=True,
        metadata=None,
        software=False,
        **options,
    )
    finish_tiff(path, fields_at)
