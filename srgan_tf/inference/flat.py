"""Flat areas, where a network's answer is neither flat nor quite of their colour.

The upsampling layers answer one colour with a pattern of `scale` by `scale` pixels, in
the released SRGAN 2 to 7 levels from its lowest to its highest, and a level or two, for
pure colours more, beside the colour itself. But there is nothing to guess there.
"""

import numpy as np
import tensorflow as tf
from scipy import ndimage

REACH = 2  # LR pixels to each side that tell how flat it is around a pixel
STEEP = 8 / 255  # what they differ by, in [0, 1], where nothing is flat any more
MARGIN = 3 * REACH + 1  # LR pixels on each side that a result pixel depends on


def keep_flat(sr: np.ndarray, lr: np.ndarray) -> np.ndarray:
    """SR that is flat where LR is.

    Where 13 by 13 LR pixels are of one colour, so is the result. From there the
    network's answer fades in over five LR pixels, or as the pixels around begin to
    differ by up to eight levels.

    Args:
        sr: float32 `[scale * H, scale * W, C]` in [-1, 1].
        lr: float32 `[H + 2 * MARGIN, W + 2 * MARGIN, C]` in [0, 1]: what SR was made
            from, with the pixels around.
    """
    flatness = _flatness(lr)
    # One more pixel on each side, which bilinear enlargement sees as well.
    inner = slice(MARGIN - 1, 1 - MARGIN)
    if not flatness[inner, inner].any():
        return sr
    part = np.concatenate([lr, flatness], axis=-1)[inner, inner]
    scale = sr.shape[0] // (part.shape[0] - 2)
    size = (scale * part.shape[0], scale * part.shape[1])
    part = tf.image.resize(part, size, "bilinear").numpy()[scale:-scale, scale:-scale]
    colours, weight = 2 * part[..., :-1] - 1, part[..., -1:]
    return sr + weight * (colours - sr)


def _flatness(lr: np.ndarray) -> np.ndarray:
    """1 where LR is flat, 0 where it is not, float32 `[H, W, 1]`."""
    size = 2 * REACH + 1
    around = (size, size, 1)
    steps = ndimage.maximum_filter(lr, around) - ndimage.minimum_filter(lr, around)
    flatness = np.maximum(1 - steps.max(axis=-1, keepdims=True) / STEEP, 0)
    # Smooth, and no more than it is anywhere around.
    return ndimage.uniform_filter(ndimage.minimum_filter(flatness, around), around)
