"""What a network need not guess: flat areas, and grays.

The upsampling layers answer one colour with a pattern of `scale` by `scale` pixels, in
the released SRGAN 2 to 7 levels from its lowest to its highest, and a level or two, for
pure colours more, beside the colour itself. And at the edges of black on white, say,
the three channels differ.
"""

import numpy as np
import tensorflow as tf
from scipy import ndimage

REACH = 2  # LR pixels to each side that tell how plain it is around a pixel
STEEP = 8 / 255  # what they differ by, in [0, 1], where nothing is flat any more
MARGIN = 3 * REACH + 1  # LR pixels on each side that a result pixel depends on
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
        sr = _mixed(sr, sr.mean(axis=-1, keepdims=True), gray.astype(np.float32))
    steps = ndimage.maximum_filter(lr, _AROUND) - ndimage.minimum_filter(lr, _AROUND)
    flat = np.maximum(1 - steps.max(axis=-1, keepdims=True) / STEEP, 0)
    return _mixed(sr, 2 * _enlarged(lr, sr) - 1, flat) if flat.any() else sr


def _mixed(sr: np.ndarray, plain: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """SR with something else in it, by weights in [0, 1] for LR pixels."""
    # Smooth, and no more than it is anywhere around.
    weight = ndimage.uniform_filter(ndimage.minimum_filter(weight, _AROUND), _AROUND)
    if not weight.any():
        return sr
    weight = _enlarged(weight, sr)
    return (1 - weight) * sr + weight * plain


def _enlarged(lr: np.ndarray, sr: np.ndarray) -> np.ndarray:
    """LR pixels to the size of SR, bilinear, without the margin."""
    # With one more pixel on each side, which bilinear enlargement sees as well.
    inner = lr[MARGIN - 1 : 1 - MARGIN, MARGIN - 1 : 1 - MARGIN]
    rows, columns, _ = inner.shape
    scale = sr.shape[0] // (rows - 2)
    size = (scale * rows, scale * columns)
    large = tf.image.resize(inner, size, "bilinear").numpy()
    return large[scale:-scale, scale:-scale]
