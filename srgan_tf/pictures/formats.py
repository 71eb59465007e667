"""Photo files: pixels as they are, upright, with all that was stored beside them.

Pillow reads and writes 8-bit pictures and everybody's metadata. It reads 16-bit colour
as 8 bit without a word, and writes TIFF either compressed or with EXIF: `deep_files`
does these.
"""

import contextlib
import dataclasses
import io
import logging
import os
import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from srgan_tf.errors import UserError, reason
from srgan_tf.files import whole_file
from srgan_tf.pictures.deep_files import (
    ANIMATED,
    PngFile,
    is_16bit,
    read_16bit_png,
    read_16bit_tiff,
    write_16bit_png,
    write_tiff,
)
from srgan_tf.pictures.metadata import (
    ORIENTATION,
    PNG_SIGNATURE,
    Metadata,
    PngParts,
    fit,
    png_chunks,
    read_metadata,
    save_options,
    split_png,
)

log = logging.getLogger(__name__)

# What `--format` may be, and the file name suffixes of each.
FORMATS = {
    "png": (".png",),
    "jpg": (".jpg", ".jpeg"),
    "webp": (".webp",),
    "tiff": (".tif", ".tiff"),
    "bmp": (".bmp",),
}
PHOTO_SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
_READABLE = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
_PILLOW_FORMATS = {"jpg": "JPEG"}
_CHANNELS_TO_MODE = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@dataclasses.dataclass
class Photo:
    """A picture in memory.

    Attributes:
        pixels: uint8 or uint16 `[H, W, C]`: gray, gray and alpha, RGB, or RGBA (alpha
            not multiplied into the colours).
        metadata: What was stored beside the pixels.
    """

    pixels: np.ndarray
    metadata: Metadata


def read_photo_file(path: str | os.PathLike) -> Photo:
    """Reads a JPEG, PNG, WebP, TIFF or BMP file, turned upright by its EXIF.

    Palette and CMYK pictures become RGB (by the CMYK profile, where there is one); gray
    stays gray, alpha stays, 16 bit stay 16 bit.

    Raises:
        UserError: If the file cannot be read, is damaged, animated, or of a kind that
            this package does not keep without loss.
    """
    try:
        with _without_warnings():
            photo = _read(path)
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError("there is no such file") from None
    except Image.UnidentifiedImageError:
        raise UserError("is no JPEG, PNG, WebP, TIFF or BMP picture") from None
    except MemoryError:
        raise UserError("does not fit into memory") from None
    # Decoders answer a damaged file with exceptions of nearly every kind.
    except Exception as error:
        raise UserError(f"cannot be read: {reason(error)}") from None
    if 0 in photo.pixels.shape:
        raise UserError("has no pixels")
    return photo


def _read(path: str | os.PathLike) -> Photo:
    try:
        opened, parts = _open(path)
    except Image.UnidentifiedImageError:
        with open(path, "rb") as file:
            if file.read(4) not in (b"II*\0", b"MM\0*"):
                raise
        # Pillow does not know gray with alpha of 16 bit.
        pixels, metadata = read_16bit_tiff(path)
        return Photo(upright(pixels, metadata.make_upright()), metadata)
    with opened as image:
        frames = getattr(image, "n_frames", 1)
        # MPO is a JPEG with further pictures behind it, as some cameras write.
        if frames > 1 and image.format != "MPO":
            raise UserError(ANIMATED.format(frames))
        metadata = read_metadata(image, parts)
        orientation = metadata.make_upright()
        if is_16bit(image):
            png = image.format == "PNG"
            pixels = read_16bit_png(image.fp) if png else read_16bit_tiff(path)[0]
        else:
            image.load()
            if image.format == "TIFF" and ORIENTATION not in image.tag_v2:
                orientation = 1  # Pillow turned it, while loading
            image.info["icc_profile"] = metadata.icc
            image, metadata.icc = _plain_mode(image)
            pixels = pixels_of(image)
    return Photo(upright(pixels, orientation), metadata)


def _open(path: str | os.PathLike) -> tuple[Image.Image, PngParts | None]:
    """Opens a picture; of a PNG file only the pixels, and gives its other parts."""
    with open(path, "rb") as file:
        if file.read(len(PNG_SIGNATURE)) == PNG_SIGNATURE:
            file.seek(0)
            parts = split_png(file.read())
            return Image.open(io.BytesIO(parts.pixels), formats=["PNG"]), parts
    return Image.open(path, formats=_READABLE), None


def picture_size(path: str | os.PathLike) -> tuple[int, int]:
    """Width and height from a file's header; (0, 0) if it cannot be read."""
    try:
        with open(path, "rb") as file:
            head = file.read(24)
        if head.startswith(PNG_SIGNATURE):
            return struct.unpack(">LL", head[16:])
        with _without_warnings(), Image.open(path, formats=_READABLE) as image:
            return image.size
    except Exception:  # the same as in read_photo_file, which will report it
        return 0, 0


def pixels_of(image: Image.Image) -> np.ndarray:
    """The pixels `[H, W, C]` of a Pillow picture of any mode of 8 or 16 bit.

    Raises:
        UserError: If it holds 32-bit values.
    """
    image, _ = _plain_mode(image)
    pixels = np.asarray(image)
    if image.mode.startswith("I;16"):
        pixels = pixels.astype(np.uint16)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def image_of(pixels: np.ndarray) -> Image.Image:
    """A Pillow picture of uint8 `[H, W, C]`, or of one channel of uint16."""
    if pixels.shape[-1] == 1:
        return Image.fromarray(pixels[..., 0])
    # Pillow knows two channels by name only.
    mode = _CHANNELS_TO_MODE[pixels.shape[-1]]
    height, width = pixels.shape[:2]
    pixels = np.ascontiguousarray(pixels)
    return Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)


def write_photo_file(
    photo: Photo, path: str | os.PathLike, file_format: str, *, quality: int = 95
) -> None:
    """Writes a photo whole or not at all.

    Args:
        photo: What to write. 16 bit stay 16 bit in PNG and TIFF and become 8 in others.
        path: The file. An existing one is replaced once the new one is complete.
        file_format: One of `FORMATS`.
        quality: 1 to 100, of JPEG and WebP.

    Raises:
        UserError: If the format cannot hold the picture, or the disk not the file.
    """
    path = Path(path)
    pixels = photo.pixels
    if file_format in ("jpg", "bmp") and pixels.shape[-1] in (2, 4):
        if (pixels[..., -1] != np.iinfo(pixels.dtype).max).any():
            raise UserError(
                f"has transparency, which {file_format} cannot hold: choose png, webp "
                "or tiff"
            )
        pixels = pixels[..., :-1]
    if file_format == "webp" and pixels.shape[-1] < 3:
        gray, alpha = pixels[..., :1], pixels[..., 1:]
        pixels = np.concatenate([gray, gray, gray, alpha], axis=-1)
    pixels, fitted = fit(photo.metadata, file_format, pixels)
    if file_format not in ("png", "tiff") and pixels.dtype == np.uint16:
        pixels = np.round(pixels / 257).astype(np.uint8)
    try:
        with whole_file(path) as partial:
            if file_format == "tiff":
                write_tiff(partial, pixels, fitted)
            elif pixels.dtype == np.uint16:
                write_16bit_png(partial, pixels, fitted)
            elif file_format == "png":
                with PngFile(partial, png_chunks(fitted, pixels)) as file:
                    image_of(pixels).save(file, "PNG")
            else:
                with _without_warnings():
                    image_of(pixels).save(
                        partial,
                        _PILLOW_FORMATS.get(file_format, file_format.upper()),
                        **_save_options(file_format, quality),
                        **save_options(fitted, file_format, pixels),
                    )
    except (ValueError, MemoryError) as error:
        raise UserError(f"{path} cannot be written: {reason(error)}") from None
    if fitted.lost:
        lost = ", ".join(dict.fromkeys(fitted.lost))
        log.warning("%s: left out %s.", path.name, lost)


@contextlib.contextmanager
def _without_warnings():
    """Pillow's remarks on odd but readable files, and on pictures above 89 megapixels.

    Those above 179 megapixels it refuses.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _save_options(file_format: str, quality: int) -> dict:
    return {
        "jpg": {"quality": quality, "subsampling": 0},
        "webp": {"quality": quality},
    }.get(file_format, {})


def _plain_mode(image: Image.Image) -> tuple[Image.Image, bytes | None]:
    """The picture as gray or RGB, with alpha if it has any, and its colour profile."""
    icc = image.info.get("icc_profile")
    if image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in image.info:
        return image, icc
    if image.mode.startswith("I;16"):
        return image, icc
    if image.mode in ("I", "F"):
        raise UserError("holds 32-bit values; 8 and 16 bit are supported")
    if image.mode == "CMYK":
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        if icc:
            with contextlib.suppress(ImageCms.PyCMSError, OSError):
                profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
                converted = ImageCms.profileToProfile(
                    image, profile, srgb, outputMode="RGB"
                )
                return converted, srgb.tobytes()
        return image.convert("RGB"), None
    gray = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        return image.convert("LA" if gray else "RGBA"), icc
    return image.convert("L" if gray else "RGB"), icc


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Applies the EXIF orientation: 1 is upright, 2 to 8 are mirrored or turned."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
