"""Upscaling pictures: any size, gray and alpha, 8 and 16 bit."""

import math
import os
from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

from srgan_tf.errors import UserError
from srgan_tf.inference.compiled import CompiledGenerator, interpolate
from srgan_tf.inference.exported import ExportedModel, is_export
from srgan_tf.inference.tiles import Upscaler
from srgan_tf.models import Generator
from srgan_tf.models.pretrained import load_generator, released_models
from srgan_tf.pictures.formats import image_of, pixels_of, read_photo_file
from srgan_tf.pictures.imresize import imresize_large
from srgan_tf.pictures.ranges import lr_from_pixels, sr_to_pixels


def upscale(
    image: np.ndarray | Image.Image | str | os.PathLike,
    model: str | os.PathLike | Generator | Upscaler | None = None,
    scale: int | None = None,
    realism: float | None = None,
    fast: bool = False,
    self_ensemble: bool = False,
    tile: int | None = None,
) -> np.ndarray | Image.Image:
    """Upscales one picture.

    Args:
        image: A NumPy array `[H, W]` or `[H, W, C]` of gray (C = 1), gray and alpha,
            RGB or RGBA, of uint8, uint16 or floats in [0, 1]; a Pillow picture; or a
            photo file.
        model: See `load_model`. To upscale many pictures, load it once.
        scale: Factor of the size; that of the model if None. Below it, the result is
            downsized by MATLAB's bicubic.
        realism: See `load_model`.
        fast: See `CompiledGenerator`.
        self_ensemble: Averages eight flips and turns: fewer errors, eight times slower.
        tile: Side of the tiles in LR pixels; fewer need less memory. The result is the
            same.

    Returns:
        A Pillow picture for a Pillow picture, else an array of the input's type (uint8
        or uint16 for a file) and number of dimensions (`[H, W, C]` for a file).

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
        pixels = pixels_of(image)
    else:
        pixels = _checked(image)
    if not isinstance(model, Upscaler):
        model = load_model(model, scale, realism, fast)
    sr = upscale_pixels(model, pixels, scale, self_ensemble, tile)
    if isinstance(image, Image.Image):
        return image_of(sr)
    return sr[..., 0] if np.ndim(image) == 2 else sr


def load_model(
    model: str | os.PathLike | Generator | None = None,
    scale: int | None = None,
    realism: float | None = None,
    fast: bool = False,
) -> Upscaler:
    """Loads a generator and compiles it for inference, or opens an export.

    Args:
        model: A name or file for `load_generator`, an export (see `ExportedModel`), a
            generator, or None: the released SRGAN of the scale or, where there is
            none, of the next larger one.
        scale: The factor wanted; 4 if None.
        realism: Weights between the released SRResNet (0, most faithful) and SRGAN (1,
            most photo-realistic), or between two files `FAITHFUL,REALISTIC`.
        fast: See `CompiledGenerator`.

    Raises:
        UserError: If there is no such model.
    """
    names = [model]
    if model is None:
        size = _released_scale(scale)
        names = [f"srgan_x{size}"]
        if realism is not None:
            names = [f"srresnet_x{size}", *names]
    elif realism is not None:
        names = str(model).split(",")
        if len(names) != 2:
            raise UserError(
                "--realism blends two generators: leave --model out or name both, "
                f"--model=FAITHFUL,REALISTIC. Received: {model}"
            )
    named = [name for name in names if not isinstance(name, Generator)]
    exports = [name for name in named if is_export(name)]
    if exports and realism is not None:
        raise UserError(
            f"--realism blends weights, which the export {exports[0]} does not give "
            "away: name the models it was made from."
        )
    if exports and fast:
        raise UserError(
            f"--fast does not apply to {exports[0]}: an export's arithmetic is its own."
        )
    if exports:
        return ExportedModel(exports[0])
    generators = [
        name if isinstance(name, Generator) else load_generator(name) for name in names
    ]
    if len(generators) == 2:
        return CompiledGenerator(interpolate(*generators, realism), fast)
    return CompiledGenerator(generators[0], fast)


def _released_scale(scale: int | None) -> int:
    """The scale of the released SRGAN that serves a wanted scale."""
    scale = scale or 4
    released = sorted(
        int(name.removeprefix("srgan_x"))
        for name in released_models()
        if name.startswith("srgan_x")
    )
    return next((size for size in released if size >= scale), max([*released, 4]))


def check_scale(model: Upscaler, scale: int | None) -> int:
    """The factor of the result.

    Raises:
        UserError: If the model's is smaller.
    """
    scale = scale or model.scale
    if not 1 < scale <= model.scale:
        raise UserError(f"--scale={scale}: the model's scale is {model.scale}.")
    return scale


def upscale_pixels(
    model: Upscaler,
    pixels: np.ndarray,
    scale: int | None = None,
    self_ensemble: bool = False,
    tile: int | None = None,
    progress: Callable[[int], object] = lambda lr_pixels: None,
) -> np.ndarray:
    """Upscales `[H, W, C]` of gray, gray and alpha, RGB or RGBA.

    Gray enters the network as RGB and its results are averaged. Alpha is enlarged by
    MATLAB's bicubic, which keeps opaque areas opaque; before, the colours of pixels
    that cannot be seen, often black, give way to those at the visible edge, so that
    none shines through in a halo.

    Args:
        model: See `load_model`.
        pixels: uint8, uint16 or floats in [0, 1].
        scale: As in `upscale`.
        self_ensemble: Likewise.
        tile: Likewise.
        progress: Called with the number of LR pixels after each tile.

    Returns:
        `[scale * H, scale * W, C]` of the same type.
    """
    scale = check_scale(model, scale)
    height, width, channels = pixels.shape
    colours = channels - (channels in (2, 4))
    visible = pixels[..., :colours]
    if colours < channels:
        visible = _extend_colours(visible, pixels[..., -1])

    def read(rows, columns):
        lr = lr_from_pixels(visible[rows, columns])
        return np.ascontiguousarray(np.broadcast_to(lr, (*lr.shape[:2], 3)))

    size = (model.scale * height, model.scale * width)
    sr = np.empty((*size, colours), pixels.dtype)
    for rows, columns, part in model.tiles(height, width, read, tile, self_ensemble):
        if colours == 1:
            part = part.mean(axis=-1, keepdims=True)
        sr[rows, columns] = sr_to_pixels(part, pixels.dtype)
        progress(part.shape[0] * part.shape[1] // model.scale**2)
    if scale != model.scale:
        sr = _resized(sr, scale / model.scale)
    if colours < channels:
        alpha = _resized(pixels[..., -1:], scale)
        sr = np.concatenate([sr, alpha], axis=-1)
    return sr


def _resized(pixels: np.ndarray, factor: float) -> np.ndarray:
    out = imresize_large(pixels, factor)
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
    pixels = np.asarray(image)
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
    if np.issubdtype(kind, np.floating) and not (
        math.isfinite(pixels.sum()) and pixels.min() >= 0 and pixels.max() <= 1
    ):
        raise UserError(
            f"float pictures hold 0 to 1. Received: {pixels.min()} to {pixels.max()}"
        )
    return pixels
