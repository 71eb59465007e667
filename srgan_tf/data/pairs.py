"""LR/HR pairs as `tf.data`: random crops, flips and rotations, LR made on the fly."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from srgan_tf.data.crops import paired_crops, random_crops
from srgan_tf.data.degradation_ops import to_8bit
from srgan_tf.data.degradations import (
    KINDS,
    MARGIN,
    Degradation,
    degrade_crop,
    degrade_photo,
)
from srgan_tf.data.paired_photos import PairedPhotos, PhotoPair
from srgan_tf.data.photo_table import PhotoTable, table_of_arrays
from srgan_tf.data.photos import Photos
from srgan_tf.data.prepared import Prepared, RecordTable
from srgan_tf.errors import UserError
from srgan_tf.pictures.imresize import imresize, resize_matrix
from srgan_tf.pictures.ranges import hr_from_255, lr_from_255


def make_pair(crops, scale: int):
    """Makes `(lr, hr)` from HR crops with a margin of `2 * scale` pixels.

    The bicubic kernel reaches no further, so LR is free of the crop's borders: it
    equals the same part of the whole photo's LR.

    Args:
        crops: `[N, h + 4 * scale, w + 4 * scale, 3]`, values 0..255, h and w static.

    Returns:
        LR `[N, h / scale, w / scale, 3]` in [0, 1] and HR `[N, h, w, 3]` in [-1, 1],
        float32.
    """
    height, width = crops.shape[1:3]
    # As `imresize`, without what lies in the margin, and with one large product for the
    # horizontal pass in place of many small ones.
    down = resize_matrix(height, 1 / scale)[2:-2]
    across = np.kron(
        resize_matrix(width, 1 / scale)[2:-2].T, np.eye(3, dtype="float32")
    )
    rows = tf.reshape(tf.cast(crops, tf.float32), (-1, height, 3 * width))
    rows = tf.reshape(to_8bit(_product(down, rows)), (-1, 3 * width))
    lr = to_8bit(_product(rows, across))
    lr = tf.reshape(lr, (-1, len(down), across.shape[1] // 3, 3))
    return lr_from_255(lr), _hr(crops, 2 * scale)


def _product(x, y):
    """`x @ y` in this thread: of `tf.matmul` all cores would make a part, and wait."""
    return tf.raw_ops.BatchMatMulV3(x=x, y=y, Tout=tf.float32)


def make_degraded_pair(crop, seed, *, kind: Degradation, scale: int):
    """Makes `(lr, hr)` from one HR crop, LR degraded.

    Args:
        crop: `[h + 2 * m, w + 2 * m, 3]`, values 0..255, m = `MARGIN * scale`.
        seed: Two integers.
        kind: What may happen to it.
        scale: Factor between LR and HR.

    Returns:
        LR `[h / scale, w / scale, 3]` in [0, 1] and HR `[h, w, 3]` in [-1, 1], float32.
    """
    lr = degrade_crop(crop, seed, kind=kind, scale=scale)
    return lr_from_255(lr), _hr(crop, MARGIN * scale)


def _hr(crops, margin: int):
    return hr_from_255(
        tf.cast(crops[..., margin:-margin, margin:-margin, :], tf.float32)
    )


def training_pairs(
    photos: Sequence[np.ndarray | PhotoPair],
    crop_size: int = 96,
    *,
    scale: int = 4,
    batch_size: int = 16,
    seed: int = 0,
    start: int = 0,
    degradation: str = "bicubic",
    share: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """An endless `tf.data` set of `(lr, hr)` batches for `fit(..., shuffle=False)`.

    It is made of TensorFlow ops alone: no thread waits for Python, and it can be
    serialised, with the photos that are in memory.

    Args:
        photos: `Photos`, `Prepared`, `PairedPhotos`, or uint8 arrays `[H, W, 3]`; no
            side smaller than `crop_size`.
        crop_size: Side of the HR crop in pixels; a multiple of `scale`.
        scale: Factor between LR and HR.
        batch_size: Crops per batch, from distinct photos; see `random_crops`.
        seed: Equal seeds give equal sequences.
        start: The step to start at: element k is the batch of step `start + k`.
        degradation: What LR went through, one of `KINDS` such as `photo`; by default
            MATLAB's bicubic and nothing else. Pairs have LR of their own.
        share: Which of how many equal shares of each batch is wanted, for a worker
            among several; no photo of the others is read.

    Raises:
        UserError: If a photo is to be read from a file that TensorFlow cannot read, or
            pairs are to be degraded.
        ValueError: If a photo is too small.

    Example:
        >>> photos = [np.zeros((120, 100, 3), np.uint8)]
        >>> lr, hr = next(iter(training_pairs(photos, batch_size=2)))
        >>> tuple(lr.shape), tuple(hr.shape)
        ((2, 24, 24, 3), (2, 96, 96, 3))
    """
    auto = {"num_parallel_calls": tf.data.AUTOTUNE}
    size = batch_size // share[1]
    which: dict[str, Any] = {"batch_size": batch_size, "seed": seed, "share": share}
    check_usable(photos, degradation)
    steps = tf.data.Dataset.range(start, np.iinfo(np.int64).max)
    if isinstance(photos, PairedPhotos):
        paired = paired_crops(*photos.tables(), crop_size, scale=scale, **which)
        pairs = steps.map(lambda step: _pair_from_255(*paired(step)), **auto)
    elif degradation == "bicubic":
        crops = random_crops(_table(photos), crop_size, margin=2 * scale, **which)
        pairs = steps.map(lambda step: make_pair(crops(step)[0], scale), **auto)
    else:
        margin = MARGIN * scale
        crops = random_crops(_table(photos), crop_size, margin=margin, **which)
        make = functools.partial(
            make_degraded_pair, kind=KINDS[degradation], scale=scale
        )
        singly = steps.map(crops, **auto).unbatch()
        pairs = singly.map(make, **auto).batch(size, True)
    options = tf.data.Options()
    # There is a core's work in every step already.
    options.threading.max_intra_op_parallelism = 1
    # They rewrite the graph, for which they copy all photos.
    options.experimental_optimization.apply_default_optimizations = False
    return pairs.with_options(options).prefetch(tf.data.AUTOTUNE)


def check_usable(photos: Sequence, degradation: str) -> None:
    """Refuses what `training_pairs` cannot use.

    Raises:
        UserError: If a photo is to be read from a file that TensorFlow cannot read, or
            pairs are to be degraded.
    """
    if isinstance(photos, Photos):
        photos.table()
    if isinstance(photos, PairedPhotos) and degradation != "bicubic":
        raise UserError(
            f"--degradation={degradation} makes LR, but these photos have LR of their "
            "own: leave it out, or name the folder HR alone."
        )


def _table(photos: Sequence) -> PhotoTable | RecordTable:
    if isinstance(photos, Photos | Prepared):
        return photos.table()
    return table_of_arrays(photos)


def _pair_from_255(lr, hr):
    lr, hr = tf.cast(lr, tf.float32), tf.cast(hr, tf.float32)
    return lr_from_255(lr), hr_from_255(hr)


def whole_pair(
    photo: np.ndarray | PhotoPair,
    scale: int,
    *,
    degradation: str = "bicubic",
    index: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """`(lr, hr)` of a whole photo, cropped at right and bottom to a multiple of scale.

    LR `[1, h, w, 3]` in [0, 1] and HR `[1, scale * h, scale * w, 3]` in [-1, 1].

    Args:
        photo: uint8 `[H, W, 3]`; or a pair, which has LR of its own.
        scale: Factor between LR and HR.
        degradation: What LR went through, one of `KINDS`.
        index: Of the photo in its set: fixes what is left to chance there.
    """
    if isinstance(photo, PhotoPair):
        lr, hr = photo.lr[None], photo.hr[None]
        hr = hr[:, : scale * lr.shape[1], : scale * lr.shape[2]]
        return lr_from_255(lr.astype(np.float32)), hr_from_255(hr.astype(np.float32))
    height, width = (size - size % scale for size in photo.shape[:2])
    hr = photo[None, :height, :width].astype(np.float32)
    if degradation == "bicubic":
        lr = np.asarray(imresize(hr, 1 / scale))
    else:
        lr = degrade_photo(photo, degradation, scale=scale, index=index)[None]
    return lr_from_255(lr.astype(np.float32)), hr_from_255(hr)


def validation_pairs(
    photos: Sequence[np.ndarray | PhotoPair],
    scale: int = 4,
    *,
    degradation: str = "bicubic",
) -> tf.data.Dataset:
    """A `tf.data` set of `(lr, hr)`, one whole photo per batch; see `whole_pair`."""
    picture = tf.TensorSpec((1, None, None, 3), tf.float32)
    pairs = tf.data.Dataset.from_generator(
        lambda: (
            whole_pair(photo, scale, degradation=degradation, index=i)
            for i, photo in enumerate(photos)
        ),
        output_signature=(picture, picture),
    )
    # Else Keras finds the end by one step too many, which metrics count (as 0 dB).
    return pairs.apply(tf.data.experimental.assert_cardinality(len(photos))).prefetch(1)
