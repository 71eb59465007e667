"""Upscaling pictures: any size, gray and alpha, 8 and 16 bit."""

import io
import math
import numbers
import os
from collections.abc import Callable
from typing import IO, Any, cast, overload

import numpy as np
from PIL import Image
from scipy import ndimage

from srgan_tf.errors import UserError, reason
from srgan_tf.inference.loading import kept_model
from srgan_tf.inference.plain import MARGIN, keep_plain
from srgan_tf.inference.sizes import beyond
from srgan_tf.inference.tiles import Upscaler
from srgan_tf.models import Generator
from srgan_tf.pictures.formats import Photo, photo_of, read_photo_file
from srgan_tf.pictures.imresize import imresize_large
from srgan_tf.pictures.ranges import lr_from_pixels, sr_to_pixels
from srgan_tf.pictures.writing import picture_of

# LR pixels: with four, 0.02 to 0.06 dB less within eight SR pixels of the edges.
MIRRORED = 8


@overload
def upscale(
    image: np.ndarray | str | os.PathLike | bytes | bytearray | IO[bytes],
    model: str | os.PathLike | Generator | Upscaler | None = None,
    *,
    scale: int | None = None,
    realism: float | None = None,
    denoise: float | None = None,
    precision: str = "auto",
    fast: bool = False,
    self_ensemble: bool = False,
    tile: int | None = None,
) -> np.ndarray: ...


@overload
def upscale(
    image: Image.Image,
    model: str | os.PathLike | Generator | Upscaler | None = None,
    *,
    scale: int | None = None,
    realism: float | None = None,
    denoise: float | None = None,
    precision: str = "auto",
    fast: bool = False,
    self_ensemble: bool = False,
    tile: int | None = None,
) -> Image.Image: ...


def upscale(
    image: np.ndarray | Image.Image | str | os.PathLike | bytes | bytearray | IO[bytes],
    model: str | os.PathLike | Generator | Upscaler | None = None,
    *,
    scale: int | None = None,
    realism: float | None = None,
    denoise: float | None = None,
    precision: str = "auto",
    fast: bool = False,
    self_ensemble: bool = False,
    tile: int | None = None,
) -> np.ndarray | Image.Image:
    """Upscales one picture.

    Args:
        image: A NumPy array `[H, W]` or `[H, W, C]` of gray (C = 1), gray and alpha,
            RGB or RGBA, of uint8, uint16 or floats in [0, 1]; a Pillow picture; or a
            photo file: its path, its bytes, or itself, opened in binary mode.
        model: See `load_model`; or what it returns. A model from files is loaded at the
            first call and kept for the next.
        scale: Factor of the size; that of the model if None. Below it, the result is
            downsized by MATLAB's bicubic.
        realism: See `load_model`, like all that follow.
        denoise: Likewise.
        precision: Likewise.
        fast: Likewise.
        self_ensemble: Likewise.
        tile: Likewise.

    Returns:
        A Pillow picture for a Pillow picture, upright, with what is stored beside it in
        its `info`; else an array of the input's type (uint8 or uint16 for a file) and
        number of dimensions (`[H, W, C]` for a file).

    Raises:
        UserError: If the picture or the model cannot be used.

    Example:
        >>> upscale(np.zeros((6, 8, 3), np.uint8)).shape
        (24, 32, 3)
    """
    if isinstance(image, (str, os.PathLike)):
        try:
            pixels = read_photo_file(image).pixels
        except UserError as error:
            raise UserError(f"{image}: {error}") from None
    elif isinstance(image, Image.Image):
        if 0 in image.size:
            raise UserError(
                "a picture has at least one pixel. Received: {}x{}".format(*image.size)
            )
        photo = photo_of(image)
        pixels = photo.pixels
    elif isinstance(image, (bytes, bytearray, memoryview)) or hasattr(image, "read"):
        pixels = read_photo_file(_content(cast("bytes | IO[bytes]", image))).pixels
    else:
        pixels = _checked(image)
    wishes: dict[str, Any] = {
        "realism": realism,
        "denoise": denoise,
        "precision": precision,
        "fast": fast,
        "self_ensemble": self_ensemble,
        "tile": tile,
    }
    if not isinstance(model, Upscaler):
        model = kept_model(model, scale=scale, **wishes)
    elif given := [
        name
        for name, wish in wishes.items()
        if wish is not None and wish is not False and wish != "auto"
    ]:
        raise UserError(f"{given[0]} is for load_model: this model is loaded already.")
    sr = upscale_pixels(model, pixels, scale=scale)
    if isinstance(image, Image.Image):
        return picture_of(Photo(sr, photo.metadata))
    return sr[..., 0] if isinstance(image, np.ndarray) and image.ndim == 2 else sr


def check_scale(model: Upscaler, scale: int | None) -> int:
    """The factor of the result.

    Raises:
        UserError: If the model's is smaller.
    """
    scale = model.scale if scale is None else scale
    if not isinstance(scale, numbers.Integral):
        raise UserError(f"--scale={scale}: must be a whole number.")
    if not 1 < scale <= model.scale:
        raise beyond(f"--scale={scale}", model.scale)
    return scale


def upscale_pixels(
    model: Upscaler,
    pixels: np.ndarray,
    *,
    scale: int | None = None,
    size: tuple[int, int] | None = None,
    progress: Callable[[int], object] = lambda lr_pixels: None,
    network_only: bool = False,
) -> np.ndarray:
    """Upscales `[H, W, C]` of gray, gray and alpha, RGB or RGBA.

    Gray enters the network as RGB and its results are averaged. Beyond the edges the
    network sees mirrored pixels before its zero padding; what is gray stays gray, and
    what is flat, flat (see `keep_plain`). Alpha is enlarged by MATLAB's bicubic, which
    keeps opaque areas opaque; before, the colours of pixels that cannot be seen, often
    black, give way to those at the visible edge, so that none shines through in a halo.
    A model of other channels than RGB takes its own.

    Args:
        model: See `load_model`.
        pixels: uint8, uint16 or floats in [0, 1].
        scale: As in `upscale`.
        size: Width and height of the result, in pixels, instead of the scale.
        progress: Called with the number of LR pixels after each tile.
        network_only: For measurements of a model: with its own zero padding and
            without what is done for flat areas and grays.

    Returns:
        `[scale * H, scale * W, C]` or, with a size, `[height, width, C]`, of the same
        type.

    Raises:
        UserError: If the model cannot make such pictures, or they are not finite.
    """
    scale = check_scale(model, scale)
    height, width, channels = pixels.shape
    result = (size[1], size[0]) if size else (scale * height, scale * width)
    rgb = model.channels == 3
    if not rgb and channels != model.channels:
        raise UserError(
            f"the model takes pictures of {model.channels} channels. Received: "
            f"{channels}"
        )
    colours = channels - (rgb and channels in (2, 4))
    visible = pixels[..., :colours]
    if colours < channels:
        visible = _extend_colours(visible, pixels[..., -1])

    def read(rows, columns):
        places = np.ix_(_mirrored(rows, height), _mirrored(columns, width))
        lr = lr_from_pixels(visible[places])
        shape = (*lr.shape[:2], model.channels)
        return np.ascontiguousarray(np.broadcast_to(lr, shape))

    sr = np.empty((model.scale * height, model.scale * width, colours), pixels.dtype)
    beyond = 0 if network_only else MIRRORED
    for rows, columns, part in model.tiles(height, width, read, beyond=beyond):
        if not math.isfinite(part.sum()):
            raise UserError("the model's result is not finite: its weights are damaged")
        if not network_only:
            around = (_around(span, model.scale) for span in (rows, columns))
            part = keep_plain(part, read(*around))[..., :colours]
        elif rgb and colours == 1:
            part = part.mean(axis=-1, keepdims=True)
        sr[rows, columns] = sr_to_pixels(part, pixels.dtype)
        progress(part.shape[0] * part.shape[1] // model.scale**2)
    if sr.shape[:2] != result:
        sr = _resized(sr, result)
    if colours < channels:
        alpha = _resized(pixels[..., -1:], result)
        sr = np.concatenate([sr, alpha], axis=-1)
    return sr


def _mirrored(pixels: slice, length: int) -> np.ndarray:
    """Where the pixels of an axis are that goes on in mirror images at its ends."""
    places = np.arange(pixels.start, pixels.stop) % (2 * length)
    return np.minimum(places, 2 * length - 1 - places)


def _around(pixels: slice, scale: int) -> slice:
    """The LR pixels of some SR pixels and beside them, as `keep_plain` needs them."""
    return slice(pixels.start // scale - MARGIN, pixels.stop // scale + MARGIN)


def _content(file: bytes | bytearray | memoryview | IO[bytes]) -> io.BytesIO:
    if isinstance(file, (bytes, bytearray, memoryview)):
        return io.BytesIO(file)
    try:
        content = file.read()
    except (OSError, ValueError) as error:  # closed, or opened to be written
        raise UserError(f"the file cannot be read: {reason(error)}") from None
    if not isinstance(content, bytes):
        raise UserError("a file is read in binary mode: open it with 'rb'")
    return io.BytesIO(content)


def _resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    out = imresize_large(pixels, size)
    if not np.issubdtype(out.dtype, np.integer):
        np.clip(out, 0, 1, out=out)  # cubic kernels overshoot
    return out


def _extend_colours(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Gives fully transparent pixels the colour of the nearest visible one."""
    hidden = alpha == 0
    if not hidden.any() or hidden.all():
        return colours
    rows, columns = ndimage.distance_transform_edt(
        hidden, return_distances=False, return_indices=True
    )
    return colours[rows, columns]


def _checked(image) -> np.ndarray:
    """An array as `[H, W, C]`.

    Raises:
        UserError: If its shape or type is not that of a picture.
    """
    if np.ma.is_masked(image):
        raise UserError("a masked array has gaps: fill them (numpy.ma.filled)")
    pixels = np.asarray(image)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    kind = pixels.dtype
    if kind not in (np.uint8, np.uint16) and not np.issubdtype(kind, np.floating):
        raise UserError(
            f"pictures are uint8, uint16 or floats in [0, 1]. Received: {kind}"
        )
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if pixels.ndim != 3 or pixels.shape[-1] not in (1, 2, 3, 4) or 0 in pixels.shape:
        raise UserError(
            "pictures are [H, W] or [H, W, C] with one to four channels. Received: "
            f"{np.shape(image)}"
        )
    # NaN is in both; the sum would be too much for float16.
    if np.issubdtype(kind, np.floating) and not (
        pixels.min() >= 0 and pixels.max() <= 1
    ):
        raise UserError(
            f"float pictures hold 0 to 1. Received: {pixels.min()} to {pixels.max()}"
        )
    return pixels
