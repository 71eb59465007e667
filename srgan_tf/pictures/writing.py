"""Writing photo files, whole, with what each kind can hold.

Pillow writes 8-bit pictures, and TIFF either compressed or with EXIF: `deep_files` does
the others.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from srgan_tf.errors import UserError, reason
from srgan_tf.files import whole_file
from srgan_tf.pictures.deep_files import PngFile, write_16bit_png, write_tiff
from srgan_tf.pictures.formats import Photo
from srgan_tf.pictures.kinds import KINDS, check_there
from srgan_tf.pictures.metadata import fit, png_chunks, save_options
from srgan_tf.pictures.modes import image_of

log = logging.getLogger(__name__)

# Colours as sharp as brightness, by each plugin's word for it; and room for a note.
_ALWAYS: dict[str, dict] = {
    "jpg": {"subsampling": 0},
    "avif": {"subsampling": "4:4:4"},
    "heic": {"chroma": 444},
    "jxl": {"use_container": True},
}


def picture_of(photo: Photo) -> Image.Image:
    """A Pillow picture with the profile, EXIF, XMP and resolution in its `info`."""
    pixels, fitted = fit(photo.metadata, "webp", photo.pixels)
    image = image_of(pixels)
    image.info.update(save_options(fitted, "webp", pixels))
    if "exif" in image.info:
        image.info["exif"] = b"Exif\0\0" + image.info["exif"]  # as JPEG must have it
    return image


def check_fits(kind: str, width: int, height: int, pixel_bytes: int = 3) -> None:
    """Refuses sizes that a kind of file cannot hold.

    Args:
        kind: One of `options.RESULT_FORMATS`.
        width: Of the picture, in pixels.
        height: Likewise.
        pixel_bytes: That a pixel's values take up.

    Raises:
        UserError: Naming one that can.
    """
    limits = KINDS[kind]
    assert limits.side is not None
    if max(width, height) > limits.side:
        most = f"{limits.side} a side"
    elif width * height > limits.area:
        most = f"{limits.area / 1e6:.0f} megapixels"
    elif width * height * pixel_bytes > limits.size:
        most = f"{limits.size / 2**30:.1f} GiB"
    else:
        return
    raise UserError(
        f"cannot be written as {limits.title}, which holds {most}: the result has "
        f"{width}x{height} pixels; choose png"
    )


def check_opaque(kind: str, pixels: np.ndarray) -> None:
    """Refuses transparency that a kind of file cannot hold.

    Raises:
        UserError: Naming one that can.
    """
    if KINDS[kind].alpha or pixels.shape[-1] in (1, 3):
        return
    if (pixels[..., -1] != np.iinfo(pixels.dtype).max).any():
        raise UserError(
            f"has transparency, which {KINDS[kind].title} cannot hold: choose png, "
            "webp or tiff"
        )


def write_photo_file(
    photo: Photo,
    path: str | os.PathLike,
    kind: str,
    *,
    quality: int = 95,
    lossless: bool = False,
) -> None:
    """Writes a photo whole or not at all.

    Args:
        photo: What to write. 16 bit stay 16 bit in PNG and TIFF and become 8 in others.
        path: The file. An existing one is replaced once the new one is complete.
        kind: One of `options.RESULT_FORMATS`.
        quality: 1 to 100, of those that lose something.
        lossless: Lose nothing, where a kind has the choice.

    Raises:
        UserError: If the kind cannot hold the picture, or the disk not the file.
    """
    with whole_file(path) as partial:
        lost = encode_photo(photo, partial, kind, quality=quality, lossless=lossless)
    say_lost(path, lost)


def say_lost(path: str | os.PathLike, lost: Sequence[str]) -> None:
    """Says what a file lacks of its photo's metadata."""
    if lost:
        log.warning("%s: left out %s.", Path(path).name, ", ".join(lost))


def encode_photo(
    photo: Photo, path: Path, kind: str, *, quality: int = 95, lossless: bool = False
) -> list[str]:
    """Writes a photo to a path as it is.

    Args:
        photo: As in `write_photo_file`.
        path: The file.
        kind: Likewise, as all that follow.
        quality: Likewise.
        lossless: Likewise.

    Returns:
        What of the metadata was left out, in words.

    Raises:
        UserError: If the kind cannot hold the picture.
        OSError: If the disk cannot hold the file.
    """
    limits = KINDS[kind]
    check_there(limits)
    check_opaque(kind, photo.pixels)
    pixels = photo.pixels
    height, width, channels = pixels.shape
    check_fits(kind, width, height, channels * pixels.itemsize)
    if not limits.alpha and pixels.shape[-1] in (2, 4):
        pixels = pixels[..., :-1]
    if pixels.shape[-1] < 3 and not _opens_as_gray(kind, pixels):
        gray, alpha = pixels[..., :1], pixels[..., 1:]
        pixels = np.concatenate([gray, gray, gray, alpha], axis=-1)
    pixels, fitted = fit(photo.metadata, kind, pixels)
    if not limits.deep and pixels.dtype == np.uint16:
        pixels = np.round(pixels / 257).astype(np.uint8)
    try:
        if kind == "tiff":
            write_tiff(path, pixels, fitted)
        elif pixels.dtype == np.uint16:
            write_16bit_png(path, pixels, fitted)
        elif kind == "png":
            with PngFile(path, png_chunks(fitted, pixels)) as file:
                image_of(pixels).save(file, "PNG")
        else:
            image_of(pixels).save(
                path,
                limits.pillow[0],
                **_quality_options(kind, quality, lossless),
                **save_options(fitted, kind, pixels),
            )
    except (ValueError, MemoryError) as error:
        raise UserError(
            f"cannot be written as {limits.title}: {reason(error)}"
        ) from None
    return list(dict.fromkeys(fitted.lost))


def _opens_as_gray(kind: str, pixels: np.ndarray) -> bool:
    if kind == "tiff":  # Pillow knows no 16-bit gray with transparency
        return pixels.shape[-1] == 1 or pixels.dtype == np.uint8
    if kind == "heic":  # its plugin shows transparency with RGB only
        return pixels.shape[-1] == 1
    return kind not in ("webp", "avif")  # which hold none


def _quality_options(kind: str, quality: int, lossless: bool) -> dict:
    limits = KINDS[kind]
    options: dict = {"quality": quality} if limits.lossy else {}
    if lossless and limits.lossless:
        options = {"lossless": True}
    return options | _ALWAYS.get(kind, {})
