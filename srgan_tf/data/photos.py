"""HR photos: one read as the networks see it, and many in memory or on the disk."""

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from tqdm import tqdm

from srgan_tf.errors import UserError
from srgan_tf.pictures.levels import read_8bit

log = logging.getLogger(__name__)


def read_photo(path: str | os.PathLike) -> np.ndarray:
    """Reads a picture of any mode as uint8 RGB `[H, W, 3]`, turned upright by its EXIF.

    Gray, palette, CMYK and deep pictures are converted (see `read_8bit`); transparency
    is dropped.

    Raises:
        UserError: If it cannot be read, naming it.
    """
    try:
        pixels = read_8bit(path)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return pixels if pixels.shape[-1] == 3 else np.repeat(pixels, 3, axis=-1)


class Photos(Sequence):
    """HR photos in memory, as far as a budget allows; the others are read on use.

    Every file is decoded once at the start, so that nothing is found broken later.
    Files that are no picture, or too small, are named in a warning and left out.

    Args:
        paths: Photo files.
        min_side: The shorter side a photo must have, in pixels.
        cache_gib: Memory for decoded photos, in GiB.

    Indexing gives uint8 `[H, W, 3]`.

    Raises:
        UserError: If no photo remains.
    """

    def __init__(self, paths: Sequence[str], min_side: int, cache_gib: float = 8.0):
        self.paths: list[str] = []
        self._cached = {}
        room = cache_gib * 2**30
        bad = []
        bar = tqdm(desc="Reading photos", total=len(paths), unit="photo", leave=False)
        with ThreadPoolExecutor() as pool, bar:
            # In slices, so that photos beyond the budget do not pile up in memory.
            for start in range(0, len(paths), 64):
                some = paths[start : start + 64]
                for path, photo in zip(some, pool.map(_try_read, some)):
                    bar.update()
                    if isinstance(photo, UserError):
                        bad.append(str(photo))
                    elif min(photo.shape[:2]) < min_side:
                        height, width = photo.shape[:2]
                        bad.append(f"{path}: {width}x{height}, smaller than {min_side}")
                    else:
                        if photo.nbytes <= room:
                            room -= photo.nbytes
                            self._cached[len(self.paths)] = photo
                        self.paths.append(path)
        for line in bad:
            log.warning("Left out %s.", line)
        if bad:
            log.warning("Left out %d of %d photos.", len(bad), len(paths))
        if not self.paths:
            raise UserError(
                f"None of the {len(paths)} photos can be used (first: {bad[0]}); "
                "name photos that open and are large enough for the crop."
            )

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        photo = self._cached.get(index)
        return read_photo(self.paths[index]) if photo is None else photo


def _try_read(path: str) -> np.ndarray | UserError:
    try:
        return read_photo(path)
    except UserError as error:
        return error
