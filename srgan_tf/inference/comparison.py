"""Bicubic and SR side by side, to look at."""

import numpy as np

from srgan_tf.pictures.formats import Photo
from srgan_tf.pictures.imresize import imresize_large

_SIDE = 1024


def comparison_size(width: int, height: int, scale: int) -> tuple[int, int]:
    """Width and height of the comparison for a photo of some size."""
    width, height = (scale * min(side, _SIDE // scale) for side in (width, height))
    return 2 * width, height


def comparison(lr: Photo, sr: np.ndarray, scale: int) -> Photo:
    """The middle of a photo, enlarged: bicubic left, SR right."""
    (rows, columns, _), part = lr.pixels.shape, _SIDE // scale
    height, width = min(rows, part), min(columns, part)
    top, left = (rows - height) // 2, (columns - width) // 2
    before = imresize_large(lr.pixels[top : top + height, left : left + width], scale)
    after = sr[
        scale * top : scale * (top + height), scale * left : scale * (left + width)
    ]
    return Photo(np.concatenate([before, after], axis=1), lr.metadata.colours())
