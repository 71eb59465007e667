"""Bicubic resizing equal to MATLAB's `imresize`, which makes the paper's LR pictures.

TensorFlow's and Pillow's bicubic filters differ from it at the borders and in
rounding, which is enough to move benchmark PSNR. Here each pass is a product with a
small dense matrix: exact in float32 for factors 2 and 4 (the weights are multiples of
2^-12), fast on any device, and compiled by XLA.
"""

import functools
import math

import numpy as np
from keras import ops


def crop_to_multiple(picture: np.ndarray, factor: int) -> np.ndarray:
    """Crops `[H, W, C]` at right and bottom to a multiple of a factor each way."""
    height, width = (side - side % factor for side in picture.shape[:2])
    return picture[:height, :width]


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel with a = -0.5 (Keys 1981, eq. 15)."""
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1.0
    far = -0.5 * x**3 + 2.5 * x**2 - 4.0 * x + 2.0
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def _taps(
    length: int, scale: float, out: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels each output pixel of one pass sees, and with what weight.

    Returns:
        Columns and weights, both `[out, taps]`, by default `ceil(length * scale)`;
        pixels beyond the border count as the border pixel.
    """
    out = out or math.ceil(length * scale)
    shrink = min(scale, 1.0)
    width = 4.0 / shrink
    centre = (np.arange(out) + 0.5) / scale - 0.5
    taps = np.floor(centre - width / 2)[:, None] + np.arange(math.ceil(width) + 2)
    weights = _cubic(shrink * (centre[:, None] - taps))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.clip(taps, 0, length - 1).astype(int), weights


@functools.lru_cache(maxsize=64)
def resize_matrix(length: int, scale: float) -> np.ndarray:
    """The weights of one pass of `imresize` along an axis.

    Args:
        length: Number of input pixels.
        scale: Factor of the size; below 1 the kernel is widened (antialiasing).

    Returns:
        float32 array `[ceil(length * scale), length]` whose rows sum to 1; pixels
        beyond the border count as the border pixel.
    """
    columns, weights = _taps(length, scale)
    matrix = np.zeros((len(columns), length))
    np.add.at(matrix, (np.arange(len(columns))[:, None], columns), weights)
    return matrix.astype(np.float32)


def _to_8bit_grid(images):
    return ops.clip(ops.floor(images + 0.5), 0.0, 255.0)


def imresize(images, scale: float):
    """Resizes 8-bit pictures as MATLAB's `imresize(picture, scale, 'bicubic')` does.

    The vertical pass comes first and each pass rounds half up to 8 bit, as for uint8
    input in MATLAB. Pictures made so equal MATLAB's value for value at factors 1/2
    and 1/4.

    Args:
        images: `[..., H, W, C]`, values 0..255, H and W static.
        scale: Factor of the size, such as `1 / 4`.

    Returns:
        float32 tensor `[..., ceil(H * scale), ceil(W * scale), C]` of whole numbers in
        0..255.

    Example:
        >>> lr = imresize(np.full((8, 12, 3), 200, np.uint8), 1 / 4)
        >>> tuple(lr.shape), float(lr[0, 0, 0])
        ((2, 3, 3), 200.0)
    """
    images = ops.cast(images, "float32")
    height, width, channels = images.shape[-3:]
    batch = images.shape[:-3]
    rows = ops.reshape(images, (*_static(batch), height, width * channels))
    rows = _to_8bit_grid(ops.matmul(resize_matrix(height, scale), rows))
    columns = ops.reshape(rows, (*_static(batch), rows.shape[-2], width, channels))
    return _to_8bit_grid(ops.matmul(resize_matrix(width, scale), columns))


def _static(batch) -> tuple[int, ...]:
    """Batch dimensions with the one unknown size, if any, as -1 for reshape."""
    return tuple(-1 if size is None else size for size in batch)


def imresize_large(
    picture: np.ndarray,
    scale: float | tuple[int, int],
    *,
    part: tuple[slice, slice] = np.s_[:, :],
) -> np.ndarray:
    """`imresize` of one picture of any size and depth, in strips of 64 pixels.

    The dense matrices of `imresize` are made for training crops; at 100 megapixels they
    would outgrow the picture.

    Args:
        picture: `[H, W, C]` of uint8, uint16 or float32.
        scale: Factor of the size, or height and width of the result, as in MATLAB.
        part: Rows and columns of the result that are wanted.

    Returns:
        Array `[ceil(H * scale), ceil(W * scale), C]` of the same type, or the part of
        it; integers are rounded half up after each pass, as in MATLAB.
    """
    if isinstance(scale, tuple):
        taps = [_taps(x, out / x, out) for x, out in zip(picture.shape[:2], scale)]
    else:
        taps = [_taps(length, scale) for length in picture.shape[:2]]
    rows, columns = (
        (places[span], weights[span]) for (places, weights), span in zip(taps, part)
    )
    out = np.empty((len(rows[0]), len(columns[0]), picture.shape[2]), picture.dtype)
    for top in range(0, len(out), 64):
        strip = _resize_rows(picture, rows, top, picture.dtype).swapaxes(0, 1)
        for left in range(0, out.shape[1], 64):
            block = _resize_rows(strip, columns, left, picture.dtype)
            out[top : top + 64, left : left + 64] = block.swapaxes(0, 1)
    return out


def _resize_rows(picture, taps, start: int, dtype) -> np.ndarray:
    """Up to 64 rows of a vertical pass, from row `start` on."""
    rows, weights = (array[start : start + 64] for array in taps)
    low = rows.min()
    matrix = np.zeros((len(rows), rows.max() + 1 - low), np.float32)
    np.add.at(matrix, (np.arange(len(rows))[:, None], rows - low), weights)
    source = picture[low : rows.max() + 1].astype(np.float32)
    out = (matrix @ source.reshape(len(source), -1)).reshape(-1, *source.shape[1:])
    if np.issubdtype(dtype, np.integer):
        out = np.clip(np.floor(out + 0.5), 0, np.iinfo(dtype).max)
    return out.astype(dtype)
