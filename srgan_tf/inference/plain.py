"""What a network need not guess: flat areas, and grays.

The upsampling layers answer one colour with a pattern of `scale` by `scale` pixels, in
the released SRGAN 2 to 7 levels from its lowest to its highest, and a level or two, for
pure colours more, beside the colour itself. And at the edges of black on white, say,
the three channels differ.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from scipy import ndimage

REACH = 2  # LR pixels to each side that tell how plain it is around a pixel
STEEP = 8 / 255  # what they differ by, in [0, 1], where nothing is flat any more
MARGIN = 3 * REACH + 1  # LR pixels on each side that a result pixel depends on
_BAND = 16  # LR rows that are done at a time
_AROUND = (2 * REACH + 1, 2 * REACH + 1, 1)


def keep_plain(sr: np.ndarray, lr: np.ndarray) -> np.ndarray:
    """SR that is flat where LR is, and gray where LR is.

    Where 13 by 13 LR pixels are of one colour, so is the result, and where in all of
    them the three channels are equal, so they are in the result. From there the
    network's answer fades in over five LR pixels; and to what is flat also as the
    pixels around begin to differ by up to eight levels.

    Args:
        sr: float32 `[scale * H, scale * W, C]` in [-1, 1].
        lr: float32 `[H + 2 * MARGIN, W + 2 * MARGIN, C]` in [0, 1]: what SR was made
            from, with the pixels around.
    """
    if lr.shape[-1] == 3:
        gray = (lr == lr[..., :1]).all(axis=-1, keepdims=True)
        if gray.any():
            weight = gray.astype(np.float32)
            sr = _mixed(sr, lr, weight, lambda part, _: part.mean(-1, keepdims=True))
    steps = ndimage.maximum_filter(lr, _AROUND) - ndimage.minimum_filter(lr, _AROUND)
    flat = np.maximum(1 - steps.max(axis=-1, keepdims=True) / STEEP, 0)
    if not flat.any():
        return sr
    scale = sr.shape[0] // (lr.shape[0] - 2 * MARGIN)
    return _mixed(sr, lr, flat, lambda _, around: 2 * _enlarged(around, scale) - 1)


def _mixed(
    sr: np.ndarray,
    lr: np.ndarray,
    weight: np.ndarray,
    plain: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """SR with something else in it, computed only where it is to be seen.

    Args:
        sr: As above.
        lr: Likewise.
        weight: float32 `[H + 2 * MARGIN, W + 2 * MARGIN, 1]` in [0, 1], how much of it.
        plain: Makes it of a part of SR, and of the LR pixels there and one around them.
    """
    # Smooth, and no more than it is anywhere around.
    weight = ndimage.uniform_filter(ndimage.minimum_filter(weight, _AROUND), _AROUND)
    # With one more pixel on each side, which bilinear enlargement sees as well.
    inner = slice(MARGIN - 1, 1 - MARGIN)
    weight, lr = weight[inner, inner], lr[inner, inner]
    height = lr.shape[0] - 2
    scale = sr.shape[0] // height
    mixed = sr
    for top in range(0, height, _BAND):
        rows = slice(top, min(top + _BAND, height) + 2)
        columns = np.flatnonzero(weight[rows].any(axis=(0, 2)))
        if not columns.size:
            continue
        left = max(columns[0] - 2, 0)
        right = min(columns[-1] + 1, lr.shape[1] - 2)
        around = rows, slice(left, right + 2)
        place = (
            slice(scale * top, scale * (rows.stop - 2)),
            slice(scale * left, scale * right),
        )
        share, part = _enlarged(weight[around], scale), sr[place]
        if mixed is sr:
            mixed = sr.copy()
        mixed[place] = (1 - share) * part + share * plain(part, lr[around])
    return mixed


def _enlarged(lr: np.ndarray, scale: int) -> np.ndarray:
    """LR pixels, bilinear, without the outermost ones."""
    size = [scale * side for side in lr.shape[:2]]
    large = tf.image.resize(lr, size, "bilinear").numpy()
    return large[scale:-scale, scale:-scale]
