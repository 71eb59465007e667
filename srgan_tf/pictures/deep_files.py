"""16-bit PNG and TIFF files, which Pillow reads as 8 bit, and TIFF with EXIF."""

import os
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from srgan_tf.errors import UserError
from srgan_tf.pictures.metadata import ORIENTATION, Metadata

ANIMATED = "has {} frames or pages; only single pictures are upscaled"


def is_16bit(image: Image.Image) -> bool:
    """Whether an open PNG or TIFF picture has 16 bit per value."""
    if image.format == "PNG":
        with open(image.filename, "rb") as file:
            return file.read(25)[24] == 16
    if image.format == "TIFF":
        return set(image.tag_v2.get(258, (1,))) == {16}
    return False


def read_16bit_png(path: str | os.PathLike) -> np.ndarray:
    """Reads uint16 `[H, W, C]`."""
    pixels = imagecodecs.png_decode(Path(path).read_bytes())
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
        icc, xmp = (page.tags.valueof(tag) for tag in (34675, 700))
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
        metadata = Metadata(icc=icc, xmp=xmp)
        metadata.exif[ORIENTATION] = page.tags.valueof(ORIENTATION, default=1)
    return pixels, metadata


def _without_single_channel(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def write_16bit_png(path: Path, pixels: np.ndarray, metadata: Metadata) -> None:
    """Writes uint16 `[H, W, C]`."""
    encoded = imagecodecs.png_encode(_without_single_channel(pixels), level=6)
    with open(path, "wb") as file:
        file.write(encoded[:33])  # signature and IHDR
        file.write(metadata.png_chunks(pixels))
        file.write(memoryview(encoded)[33:])


def write_tiff(path: Path, pixels: np.ndarray, metadata: Metadata) -> None:
    """Writes uint8 or uint16 `[H, W, C]`."""
    options = {"extrasamples": ["unassalpha"]} if pixels.shape[-1] in (2, 4) else {}
    if metadata.dpi:
        options |= {"resolution": metadata.dpi, "resolutionunit": "INCH"}
    tifffile.imwrite(
        path,
        _without_single_channel(pixels),
        photometric="rgb" if pixels.shape[-1] >= 3 else "minisblack",
        planarconfig="contig",
        byteorder="<",
        bigtiff=False,
        compression="adobe_deflate",
        predictor=True,
        metadata=None,
        software=False,
        iccprofile=metadata.icc_for(pixels.shape[-1]),
        extratags=metadata.tiff_tags(pixels),
        **options,
    )
    metadata.add_sub_ifds(path)
