"""Where HR photos come from: a folder, a glob, TensorFlow Datasets, or scikit-image."""

import functools
import glob
import itertools
import logging
import math
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from tqdm import tqdm

from srgan_tf.data.photo_table import (
    Header,
    PhotoTable,
    fresh_memory,
    read_header,
    stamp,
)
from srgan_tf.data.tfds_photos import unpack
from srgan_tf.errors import UserError, reason
from srgan_tf.pictures.formats import PHOTO_SUFFIXES

log = logging.getLogger(__name__)

BUNDLED_VALID = ("astronaut.png", "coffee.png")
BUNDLED_TRAIN = (
    "brick.png",
    "camera.png",
    "chelsea.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "retina.jpg",
    "rocket.jpg",
)


def read_photo(path: str | os.PathLike) -> np.ndarray:
    """Reads a picture of any mode as uint8 RGB `[H, W, 3]`, turned upright by its EXIF.

    Gray, palette, CMYK and 16-bit pictures are converted; transparency is dropped.

    Raises:
        OSError: If the file cannot be read or is no whole picture.
    """
    try:
        with Image.open(path) as image:
            image = ImageOps.exif_transpose(image)
            if image.mode.startswith("I"):  # 16-bit gray, which Pillow would clip
                image = Image.fromarray((np.asarray(image) / 257).astype(np.uint8))
            return np.asarray(image.convert("RGB"))
    except (SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise OSError(str(error)) from error


def find_photos(
    dataset: str, split: str = "train", data_dir: str | None = None
) -> list[str]:
    """Lists the photo files of a data set.

    Args:
        dataset: A folder (searched in depth), a glob, `bundled` (the photos that ship
            inside scikit-image), or the name of a TensorFlow data set with pictures,
            such as `div2k`.
        split: Of a TensorFlow data set; of `bundled`, `train` or `validation`.
        data_dir: Where TensorFlow Datasets keeps its files; its own default if None.

    Returns:
        Paths, sorted.

    Raises:
        UserError: If there is no such place, or no picture in it.

    Example:
        >>> Path(find_photos("bundled", "validation")[0]).suffix
        '.png'
    """
    if dataset == "bundled":
        import skimage.data

        folder = Path(skimage.data.__file__).parent
        names = BUNDLED_VALID if split == "validation" else BUNDLED_TRAIN
        return [str(folder / name) for name in names]
    if os.path.isdir(dataset):
        return _pictures(Path(dataset).rglob("*"), f"the folder {dataset}")
    if glob.has_magic(dataset):
        return _pictures(glob.glob(dataset, recursive=True), f"the glob {dataset}")
    if os.sep in dataset or dataset.startswith("."):
        raise UserError(f"There is no folder {dataset}: name a folder of photos.")
    folder = unpack(dataset, split, data_dir)
    return _pictures(folder.iterdir(), f"the folder {folder}")


def _pictures(paths, where: str) -> list[str]:
    found = sorted(str(p) for p in paths if str(p).lower().endswith(PHOTO_SUFFIXES))
    if not found:
        raise UserError(
            f"There is no picture in {where} (looked for {', '.join(PHOTO_SUFFIXES)})."
        )
    return found


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
        bad = []
        headers, offsets, used = [], [], 0
        bar = tqdm(desc="Reading photos", total=len(paths), unit="photo", leave=False)
        with ThreadPoolExecutor() as pool, bar:
            for path, header in _in_slices(pool, _try(read_header), paths):
                if isinstance(header, OSError):
                    bad.append(f"{path}: {header}")
                elif min(header.height, header.width) < min_side:
                    size = f"{header.width}x{header.height}"
                    bad.append(f"{path}: {size}, smaller than {min_side}")
                else:
                    size = 3 * header.height * header.width
                    fits = used + size <= cache_gib * 2**30
                    headers.append(header)
                    offsets.append(used if fits else -1)
                    used += size * fits
            bar.update(len(bad))
            pixels, memory = fresh_memory(used)
            whole = []
            load = _try(functools.partial(_load, memory))
            for (header, _), error in _in_slices(pool, load, zip(headers, offsets)):
                bar.update()
                whole.append(error is None)
                if error:
                    bad.append(f"{header.path}: {error}")
        for line in bad:
            log.warning("Left out %s", line)
        if bad:
            log.warning("Left out %d of %d photos.", len(bad), len(paths))
        if not any(whole):
            raise UserError(
                f"None of the {len(paths)} photos can be used (first: {bad[0]}); "
                "name photos that open and are large enough for the crop."
            )
        headers = list(itertools.compress(headers, whole))
        self.paths = [header.path for header in headers]
        self._table = PhotoTable(
            pixels,
            np.array(offsets, np.int64)[whole],
            np.array([(h.height, h.width) for h in headers], np.int32),
            headers,
        )

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        if self._table.offsets[index] < 0:
            return read_photo(self.paths[index])
        return self._table.photo(index)

    def table(self) -> PhotoTable:
        """The photos for `window`.

        Raises:
            UserError: If one that is not in memory is of a kind that TensorFlow cannot
                read.
        """
        for header in self._in_files():
            if not header.kind:
                gib = 3 * self._table.sizes.prod(axis=1, dtype=np.int64).sum() / 2**30
                raise UserError(
                    f"{header.path} is beyond --cache_gib={self.cache_gib:g}, and "
                    "TensorFlow cannot read that kind of file on use: raise it, to "
                    f"{math.ceil(10 * gib) / 10:g} for all photos."
                )
        return self._table

    def check_unchanged(self) -> None:
        """Looks at the files that are read on use.

        Raises:
            UserError: If one has vanished or changed since the start, naming it.
        """
        for header in self._in_files():
            try:
                if stamp(header.path) == header.stamp:
                    continue
                what = "it has changed"
            except OSError as error:
                what = reason(error)
            raise UserError(
                f"{header.path} cannot be read as at the start of the run any more "
                f"({what}): put it back, and the same command continues."
            )

    def _in_files(self) -> Iterable[Header]:
        return itertools.compress(self._table.headers, self._table.offsets < 0)


def _in_slices(pool: Executor, function: Callable, items: Iterable):
    """`(item, function(item))` of all; an interrupt waits for 64 of them only."""
    items = iter(items)
    while some := list(itertools.islice(items, 64)):
        yield from zip(some, pool.map(function, some))


def _try(function: Callable) -> Callable:
    """Gives the OSError where there is one."""

    def tried(item):
        with warnings.catch_warnings():
            # Pillow's remarks on odd but readable files.
            warnings.simplefilter("ignore")
            try:
                return function(item)
            except OSError as error:
                return error

    return tried


def _load(memory: np.ndarray, item: tuple[Header, int]) -> None:
    """Decodes a photo into its place in memory, or nowhere if that is -1."""
    header, start = item
    photo = read_photo(header.path)
    if photo.shape[:2] != (header.height, header.width):
        raise OSError("its header tells another size")
    if start >= 0:
        memory[start : start + photo.size] = photo.ravel()
