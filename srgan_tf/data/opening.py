"""A data set by its name: photos, pairs of photos, or what `prepare` has made."""

from srgan_tf.data.listing import find_photos
from srgan_tf.data.pair_folders import find_pairs, is_paired
from srgan_tf.data.paired_photos import PairedPhotos
from srgan_tf.data.photos import Photos
from srgan_tf.data.prepared import Prepared, is_prepared
from srgan_tf.options import TrainOptions

PhotoSet = Photos | PairedPhotos | Prepared


def open_photos(
    dataset: str,
    split: str = "train",
    *,
    data_dir: str | None = None,
    min_side: int,
    scale: int = 4,
    cache_gib: float = 8.0,
) -> PhotoSet:
    """Opens a data set for training or validation.

    Args:
        dataset: A prepared folder, a folder with `HR/` and `LR/`, or what `find_photos`
            takes.
        split: Of a TensorFlow data set or of `bundled`.
        data_dir: Where TensorFlow Datasets keeps its files.
        min_side: The shorter side an HR photo must have, in pixels.
        scale: Factor between LR and HR.
        cache_gib: Memory for decoded photos, in GiB; a prepared set needs none.

    Raises:
        UserError: If there is no such set, or nothing in it can be used.
    """
    if is_prepared(dataset):
        return Prepared(dataset, min_side)
    if is_paired(dataset):
        pairs = find_pairs(dataset)
        return PairedPhotos(pairs, scale, min_side=min_side, cache_gib=cache_gib)
    return Photos(find_photos(dataset, split, data_dir), min_side, cache_gib)


def training_photos(options: TrainOptions) -> PhotoSet:
    """Opens what a training is to learn from; see `open_photos`."""
    return open_photos(
        options.dataset,
        options.split,
        data_dir=options.data_dir,
        min_side=options.crop_size,
        scale=options.scale,
        cache_gib=options.cache_gib,
    )
