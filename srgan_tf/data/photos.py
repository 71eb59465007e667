"""Where HR photos come from: a folder, a glob, TensorFlow Datasets, or scikit-image."""

import glob
import logging
import os
import urllib.request
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from tqdm import tqdm

from srgan_tf.errors import UserError, reason
from srgan_tf.files import whole_folder
from srgan_tf.pictures.kinds import PHOTO_SUFFIXES

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
DIV2K_HOME = "https://data.vision.ee.ethz.ch/cvl/DIV2K/"


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
    return _tfds_photos(dataset, split, data_dir)


def _pictures(paths, where: str) -> list[str]:
    found = sorted(str(p) for p in paths if str(p).lower().endswith(PHOTO_SUFFIXES))
    if not found:
        raise UserError(
            f"There is no picture in {where} (looked for {', '.join(PHOTO_SUFFIXES)})."
        )
    return found


def _tfds_photos(name: str, split: str, data_dir: str | None) -> list[str]:
    """Unpacks a TensorFlow data set into encoded photo files, once.

    Crops are drawn from any photo at any step, which the set's record files, made to be
    read in sequence, do not allow.
    """
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
        raise UserError(
            f"{name} is no folder, and TensorFlow Datasets has no such set "
            f"({reason(error)})"
        ) from None
    folder = builder.data_path.parent / f"photos-{builder.info.version}-{split}"
    folder = Path(os.fspath(folder))
    if folder.is_dir():
        return _pictures(folder.iterdir(), f"the folder {folder}")
    if not builder.data_path.exists():
        _download(builder, name)
    images = {
        key: feature
        for key, feature in builder.info.features.items()
        if isinstance(feature, tfds.features.Image)
    }
    if not images:
        raise UserError(
            f"The data set {name} has no pictures: {builder.info.features}."
        )
    key = "hr" if "hr" in images else next(iter(images))
    try:
        records = builder.as_dataset(
            split=split, decoders={key: tfds.decode.SkipDecoding()}
        )
    except ValueError:
        splits = ", ".join(builder.info.splits)
        raise UserError(
            f"--split={split}: {name} has no such split, only {splits}."
        ) from None
    with whole_folder(folder) as partial:
        for i, record in enumerate(tqdm(records, f"Unpacking {name}", unit="photo")):
            encoded = record[key].numpy()
            suffix = ".png" if encoded.startswith(b"\x89PNG") else ".jpg"
            (partial / f"{i:07d}{suffix}").write_bytes(encoded)
    return _pictures(folder.iterdir(), f"the folder {folder}")


def _download(builder, name: str) -> None:
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import downloader

    downloader.MAX_RETRIES = 0  # else a missing network is noticed after 204 s
    try:
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(verify_ssl=True)
        )
    except Exception as error:  # every kind of network and disk trouble ends here
        raise UserError(
            f"TensorFlow Datasets cannot fetch {name} "
            f"({type(error).__name__}: {reason(error, 120)}); connect to the network "
            "once or name a folder of photos."
        ) from None


def resolve_auto(data_dir: str | None = None) -> str:
    """What `auto` means: `div2k` if it is or can be on this machine, else `bundled`.

    The paper trained on 350,000 ImageNet photos; DIV2K is what its successors use.
    """
    import tensorflow_datasets as tfds

    try:
        if tfds.builder("div2k", data_dir=data_dir).data_path.exists():
            return "div2k"
        with urllib.request.urlopen(DIV2K_HOME, timeout=5):
            return "div2k"
    except Exception as error:
        log.debug("div2k is out of reach: %s", error)
        return "bundled"


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
        self.paths = []
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
                    if isinstance(photo, OSError):
                        bad.append(f"{path}: {photo}")
                    elif min(photo.shape[:2]) < min_side:
                        height, width = photo.shape[:2]
                        bad.append(f"{path}: {width}x{height}, smaller than {min_side}")
                    else:
                        if photo.nbytes <= room:
                            room -= photo.nbytes
                            self._cached[len(self.paths)] = photo
                        self.paths.append(path)
        for line in bad:
            log.warning("Left out %s", line)
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


def _try_read(path: str) -> np.ndarray | OSError:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd but readable files
        try:
            return read_photo(path)
        except OSError as error:
            return error
