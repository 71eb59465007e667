"""Photos of TensorFlow Datasets, as files."""

import logging
import os
import urllib.request
from pathlib import Path

from tqdm import tqdm

from srgan_tf.errors import UserError, reason
from srgan_tf.files import whole_folder

log = logging.getLogger(__name__)

DIV2K_HOME = "https://data.vision.ee.ethz.ch/cvl/DIV2K/"


def tfds_photos(name: str, split: str = "train", data_dir: str | None = None) -> Path:
    """Unpacks a TensorFlow data set into a folder of photo files, once.

    Crops are drawn from any photo at any step, which the set's record files, made to be
    read in sequence, do not allow.

    Args:
        name: Such as `div2k`. Of its pictures `hr` are taken, or else the first kind.
        split: Such as `train`.
        data_dir: Where TensorFlow Datasets keeps its files; its own default if None.

    Returns:
        The folder, beside the set's own files.

    Raises:
        UserError: If there is no such set or split, or it cannot be fetched.
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
        return folder
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
    return folder


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
