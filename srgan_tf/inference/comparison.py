"""Bicubic and SR side by side, to look at."""

import numpy as np

from srgan_tf.pictures.formats import Photo
from srgan_tf.pictures.imresize import imresize_large

_SIDE = 1024


def comparison_size(width: int, height: int, scale: int) -> tuple[int, int]:
    """Width and height of the comparison for a photo of some size."""
    width, height = (min(scale * side, _SIDE) for side in (width, height))
    return 2 * width, height


def comparison(lr: Photo, sr: np.ndarray) -> Photo:
    """The middle of a photo, enlarged: bicubic left, SR right."""
    height, width = sr.shape[:2]
    part = _middle(height), _middle(width)
    before = imresize_large(lr.pixels, (height, width), part=part)
    both = np.concatenate([before, sr[part]], axis=1)
    return Photo(both, lr.metadata.colours())


def _middle(length: int) -> slice:
    return slice(max(length - _SIDE, 0) // 2, (length + _SIDE) // 2)
