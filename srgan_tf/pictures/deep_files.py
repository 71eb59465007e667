"""Writing 16-bit PNG and TIFF, which Pillow does not, and TIFF with EXIF."""

from pathlib import Path

import imagecodecs
import numpy as np
import tifffile

from srgan_tf.pictures.metadata import Metadata


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
