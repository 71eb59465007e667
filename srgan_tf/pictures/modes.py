"""Pillow pictures of every mode as arrays, and arrays as Pillow pictures."""

import contextlib
import io

import numpy as np
from PIL import Image, ImageCms

from srgan_tf.errors import UserError

_CHANNELS_TO_MODE = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def pixels_of(image: Image.Image) -> np.ndarray:
    """The pixels `[H, W, C]` of a Pillow picture of any mode of 8 or 16 bit.

    As they are stored, whatever its orientation and profile are.

    Raises:
        UserError: If it holds 32-bit values.
    """
    image, _ = plain_mode(image)
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


def plain_mode(image: Image.Image) -> tuple[Image.Image, bytes | None]:
    """The picture as gray or RGB, with alpha if it has any, and its colour profile.

    Raises:
        UserError: If it holds 32-bit values.
    """
    icc = image.info.get("icc_profile")
    if image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in image.info:
        return image, icc
    if image.mode.startswith("I;16"):
        return image, icc
    if image.mode in ("I", "F"):
        raise UserError("holds 32-bit values; 8 and 16 bit are supported")
    if image.mode == "CMYK":
        if icc and (converted := _in_srgb(image, icc)):
            return converted, _SRGB
        return image.convert("RGB"), None
    if image.mode == "LAB":
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
        converted = _in_srgb(image, lab)
        if converted is None:
            raise UserError("holds CIELAB colours that cannot be converted to RGB")
        return converted, _SRGB
    gray = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        return image.convert("LA" if gray else "RGBA"), icc
    return image.convert("L" if gray else "RGB"), icc


_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _in_srgb(image: Image.Image, icc: bytes) -> Image.Image | None:
    """A picture's colours as sRGB; None if its profile is damaged or of others."""
    with contextlib.suppress(ImageCms.PyCMSError, OSError):
        return ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(icc)),
            ImageCms.ImageCmsProfile(io.BytesIO(_SRGB)),
            outputMode="RGB",
        )
    return None


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Applies the EXIF orientation: 1 is upright, 2 to 8 are mirrored or turned."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
