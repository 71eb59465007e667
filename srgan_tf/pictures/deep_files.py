"""Writing what Pillow does not: 16-bit PNG and TIFF, PNG's chunks, TIFF with EXIF."""

import io
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile

from srgan_tf.pictures.metadata import Metadata, png_chunks
from srgan_tf.pictures.metadata.tiff import begin_tiff, finish_tiff

_IHDR_END = 33


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
    fields_at = begin_tiff(path, fitted)
    tifffile.imwrite(
        path,
        _without_single_channel(pixels),
        append=True,
        photometric="rgb" if pixels.shape[-1] >= 3 else "minisblack",
        planarconfig="contig",
        compression="adobe_deflate",
        predictor=True,
        metadata=None,
        software=False,
        extrasamples=["unassalpha"] if pixels.shape[-1] in (2, 4) else None,
        resolution=fitted.dpi,
        resolutionunit="INCH" if fitted.dpi else None,
    )
    finish_tiff(path, fields_at)
