"""What is stored beside a photo's pixels: EXIF, colours, XMP, IPTC, texts, dpi."""

from srgan_tf.pictures.metadata.exif_sizes import ORIENTATION
from srgan_tf.pictures.metadata.png import PNG_SIGNATURE, PngParts, split_png
from srgan_tf.pictures.metadata.reading import (
    heif_colour,
    read_metadata,
    read_pillow_metadata,
    read_tiff_metadata,
)
from srgan_tf.pictures.metadata.record import Metadata
from srgan_tf.pictures.metadata.writing import fit, png_chunks, save_options

__all__ = [
    "ORIENTATION",
    "PNG_SIGNATURE",
    "Metadata",
    "PngParts",
    "fit",
    "heif_colour",
    "png_chunks",
    "read_metadata",
    "read_pillow_metadata",
    "read_tiff_metadata",
    "save_options",
    "split_png",
]
