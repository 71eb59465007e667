"""HR photos: one read as the networks see it, and many in memory or on the disk."""

import functools
import itertools
import logging
import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from srgan_tf.data.photo_table import PhotoTable, fresh_memory, stored_orientation
from srgan_tf.errors import UserError, reason
from srgan_tf.pictures.formats import read_header
from srgan_tf.pictures.levels import read_8bit
from srgan_tf.progress import progress

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
        # The limit is no flag here.
        what = str(error).replace("--max_megapixels=", "")
        raise UserError(f"{path}: {what}") from None
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
        self.cache_gib = cache_gib
        bad, files = [], []
        bar = progress("Reading photos", total=len(paths), unit="photo")
        with ThreadPoolExecutor() as pool, bar:
            places = []
            used = 0
            for _, size in _in_slices(pool, _size, paths):
                planned = 3 * size[0] * size[1]
                fits = min(size) >= min_side and used + planned <= cache_gib * 2**30
                places.append((used, used + planned) if fits else None)
                used += planned * fits
            pixels, memory = fresh_memory(used)
            load = functools.partial(_load, memory, min_side)
            for (path, _), file in _in_slices(pool, load, zip(paths, places)):
                bar.update()
                if isinstance(file, str):
                    bad.append(f"{path}: {file}")
                else:
                    files.append(file)
        for line in bad:
            log.warning("Left out %s.", line)
        if bad:
            log.warning("Left out %d of %d photos.", len(bad), len(paths))
        if not files:
            raise UserError(
                f"None of the {len(paths)} photos can be used (first: {bad[0]}); "
                "name photos that open and are large enough for the crop."
            )
        self.paths = [file.path for file in files]
        self._files = files
        self._table = PhotoTable(
            pixels,
            np.array([file.start for file in files], np.int64),
            np.array([file.size for file in files], np.int32),
            self.paths,
            [file.orientation or 1 for file in files],
        )

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        if self._files[index].start < 0:
            return read_photo(self.paths[index])
        return self._table.photo(index)

    def table(self) -> PhotoTable:
        """The photos for the pipeline.

        Raises:
            UserError: If one that is not in memory is of a kind that TensorFlow cannot
                read.
        """
        for file in self._files:
            if file.start < 0 and not file.orientation:
                gib = 3 * self._table.sizes.prod(axis=1, dtype=np.int64).sum() / 2**30
                raise UserError(
                    f"{file.path} is beyond --cache_gib={self.cache_gib:g}, and "
                    "TensorFlow cannot read that kind of file on use: raise it, to "
                    f"{math.ceil(10 * gib) / 10:g} for all photos, or use the command "
                    "prepare."
                )
        return self._table

    def check_unchanged(self) -> None:
        """Looks at the files that are read on use.

        Raises:
            UserError: If one has vanished or changed since the start, naming it.
        """
        for file in self._files:
            try:
                if file.start >= 0 or _stamp(file.path) == file.stamp:
                    continue
                what = "it has changed"
            except OSError as error:
                what = reason(error)
            raise UserError(
                f"{file.path} cannot be read as at the start of the run any more "
                f"({what}): put it back, and the same command continues."
            )

    def __str__(self):
        sizes = self._table.sizes.prod(axis=1, dtype=np.int64)
        inside = self._table.offsets >= 0
        gib = 3 * sizes[inside].sum() / 2**30
        text = f"{len(self):,} photos, {sizes.sum() / 1e6:,.1f} megapixels"
        if inside.all():
            return f"{text}, all in memory ({gib:.2f} GiB)."
        return (
            f"{text}, of which {inside.sum():,} photos in memory ({gib:.2f} GiB of "
            f"--cache_gib={self.cache_gib:g}); the others are read from their files on "
            "use, which is slower the larger they are: the command prepare cuts them."
        )


class _File(NamedTuple):
    """A photo that has been read: where it is in memory, or else how to read it."""

    path: str
    start: int
    size: tuple[int, int]
    orientation: int | None = None
    stamp: tuple[int, int] | None = None


def _in_slices(pool: Executor, function: Callable, items: Iterable):
    """`(item, function(item))` of all; an interrupt waits for 64 of them only."""
    items = iter(items)
    while some := list(itertools.islice(items, 64)):
        yield from zip(some, pool.map(function, some))


def _size(path: str) -> tuple[int, int]:
    """The sides of a photo, in any order; zeros if it cannot be read."""
    try:
        header = read_header(path)
    except UserError:
        return 0, 0
    return header.height, header.width


def _load(memory: np.ndarray, min_side: int, item) -> _File | str:
    """Decodes a photo into its place in memory, if any; or says what is wrong."""
    path, place = item
    try:
        photo = read_photo(path)
        stamp = _stamp(path)
    except UserError as error:
        return str(error).removeprefix(f"{path}: ")
    except OSError as error:
        return reason(error)
    height, width = photo.shape[:2]
    if min(height, width) < min_side:
        return f"{width}x{height}, smaller than {min_side}"
    if place:
        start, end = place
        if photo.size != end - start:
            return "its header tells another size"
        memory[start:end] = photo.ravel()
        return _File(path, start, (height, width))
    orientation = stored_orientation(path, photo)
    return _File(path, -1, (height, width), orientation, stamp)


def _stamp(path: str) -> tuple[int, int]:
    """What changes when a file does: its size and its time."""
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns
