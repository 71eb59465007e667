"""Photos that come in pairs, LR and HR, as people make them with two cameras."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from srgan_tf.data.pair_folders import Pair, check_sizes
from srgan_tf.data.photo_table import PhotoTable
from srgan_tf.data.photos import Photos


class PhotoPair(NamedTuple):
    """Two photos of the same: uint8 LR `[h, w, 3]` and HR, `scale` times as large."""

    lr: np.ndarray
    hr: np.ndarray


class PairedPhotos(Sequence):
    """LR/HR pairs in memory, as far as a budget allows; see `Photos`.

    A pair of which a photo is no picture, or too small, is named in a warning and left
    out.

    Args:
        pairs: Their files.
        scale: Factor between LR and HR.
        min_side: The shorter side an HR photo must have, in pixels.
        cache_gib: Memory for decoded photos, in GiB.

    Indexing gives a `PhotoPair`.

    Raises:
        UserError: If sizes do not fit the scale, or no pair remains.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        scale: int = 4,
        *,
        min_side: int,
        cache_gib: float = 8.0,
    ):
        of_hr = cache_gib * scale**2 / (scale**2 + 1)
        by_hr = {str(pair.hr): pair for pair in pairs}
        self._hr = Photos(list(by_hr), min_side, of_hr)
        by_lr = {str(by_hr[path].lr): i for i, path in enumerate(self._hr.paths)}
        self._lr = Photos(list(by_lr), min_side // scale, cache_gib - of_hr)
        self._numbers = [by_lr[path] for path in self._lr.paths]  # of HR photos
        lr, hr = self.tables()
        for path, small, large in zip(hr.paths, lr.sizes, hr.sizes):
            check_sizes(by_hr[path], (*large, 3), (*small, 3), scale)

    def __len__(self):
        return len(self._numbers)

    def __getitem__(self, index):
        return PhotoPair(self._lr[index], self._hr[self._numbers[index]])

    def tables(self) -> tuple[PhotoTable, PhotoTable]:
        """LR and HR for the pipeline.

        Raises:
            UserError: If one that is not in memory is of a kind that TensorFlow cannot
                read.
        """
        return self._lr.table(), self._hr.table().select(self._numbers)

    def check_unchanged(self) -> None:
        """Looks at the files that are read on use.

        Raises:
            UserError: If one has vanished or changed since the start, naming it.
        """
        self._lr.check_unchanged()
        self._hr.check_unchanged()

    def __str__(self):
        return f"{len(self)} pairs. HR: {self._hr} LR: {self._lr}"
