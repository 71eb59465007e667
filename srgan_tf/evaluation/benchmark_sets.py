"""Pictures of benchmark folders such as Set5."""

from pathlib import Path

import numpy as np

from srgan_tf.data.pair_folders import Pair, check_sizes
from srgan_tf.errors import UserError
from srgan_tf.pictures.imresize import crop_to_multiple, imresize
from srgan_tf.pictures.levels import read_8bit


def read_pair(pair: Pair, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """Reads HR and reads LR, or makes it from HR by MATLAB's bicubic.

    HR is cropped at right and bottom to a multiple of the scale.

    Returns:
        uint8 HR `[scale * h, scale * w, C]` and LR `[h, w, C]`. C is 1 for a picture
        stored with one channel, which is luma itself, else 3.

    Raises:
        UserError: If a file is no whole picture, or the sizes do not fit the scale.
    """
    hr = crop_to_multiple(_read(pair.hr), scale)
    height, width = hr.shape[:2]
    # Wang's SSIM needs its window inside what is left of the cropped borders.
    if min(height, width) < 11 + 2 * scale:
        raise UserError(
            f"{pair.hr}: {width}x{height} is too small to measure at scale {scale}; "
            f"at least {11 + 2 * scale} pixels each way are needed."
        )
    if pair.lr is None:
        return hr, np.asarray(imresize(hr, 1 / scale)).astype(np.uint8)
    lr = _read(pair.lr)
    check_sizes(pair, hr.shape, lr.shape, scale)
    return hr, lr


def _read(path: Path) -> np.ndarray:
    try:
        return read_8bit(path)
    except UserError as error:
        what = str(error).removeprefix("cannot be read: ")
        raise UserError(f"{path} cannot be read as a picture: {what}") from None
