"""LR/HR pairs as `tf.data`: random crops, flips and rotations, LR made on the fly."""

import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from srgan_tf.data.degradations import (
    KINDS,
    MARGIN,
    Degradation,
    degrade_crop,
    degrade_photo,
)
from srgan_tf.pictures.imresize import imresize
from srgan_tf.pictures.ranges import hr_from_255, lr_from_255


class CropSampler:
    """Batches of HR crops as a pure function of the step: `sampler(step)`.

    Nothing is carried from step to step, so a run can continue at any of them. The
    crops of a batch come from distinct photos (from every photo equally often where
    there are fewer photos than crops), and an epoch visits every photo.

    Each crop has a margin of `2 * scale` HR pixels on every side, filled from the
    photo (beyond its border, with the border pixel). The bicubic kernel reaches no
    further, so the LR picture made from it is free of the crop's borders: it equals the
    same part of the whole photo's LR.

    Args:
        photos: uint8 `[H, W, 3]` each, no side smaller than `crop_size`.
        crop_size: Side of the HR crop in pixels, without margin; a multiple of `scale`.
        scale: Factor between LR and HR.
        batch_size: Crops per batch.
        seed: Equal seeds give equal sequences.
        margin: Of other width, in HR pixels.
    """

    def __init__(
        self,
        photos: Sequence[np.ndarray],
        crop_size: int = 96,
        scale: int = 4,
        batch_size: int = 16,
        seed: int = 0,
        margin: int | None = None,
    ):
        self.photos = photos
        self.crop_size = crop_size
        self.batch_size = batch_size
        self.seed = seed
        self.margin = margin or 2 * scale
        repeats = -(-batch_size // len(photos))
        self.slots = len(photos) * repeats
        self.order = functools.lru_cache(maxsize=4)(self._order)

    def _order(self, epoch: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, 0, epoch])
        return rng.permutation(self.slots) % len(self.photos)

    def __call__(self, step: int) -> np.ndarray:
        """Returns uint8 `[batch_size, side, side, 3]`, side = crop_size + 2 margins."""
        epoch, batch = divmod(int(step), self.slots // self.batch_size)
        first = batch * self.batch_size
        chosen = self.order(epoch)[first : first + self.batch_size]
        rng = np.random.default_rng([self.seed, 1, int(step)])
        return np.stack([self._crop(self.photos[i], rng) for i in chosen])

    def _crop(self, photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        span = np.arange(-self.margin, self.crop_size + self.margin)
        height, width = photo.shape[:2]
        top = rng.integers(height - self.crop_size + 1)
        left = rng.integers(width - self.crop_size + 1)
        rows = np.clip(top + span, 0, height - 1)
        columns = np.clip(left + span, 0, width - 1)
        crop = photo[rows[:, None], columns]
        crop = np.rot90(crop, rng.integers(4))
        return crop[:, ::-1] if rng.integers(2) else crop


def make_pair(crops, scale: int):
    """Makes `(lr, hr)` from HR crops with a margin of `2 * scale` pixels.

    Args:
        crops: `[N, h + 4 * scale, w + 4 * scale, 3]`, values 0..255.

    Returns:
        LR `[N, h / scale, w / scale, 3]` in [0, 1] and HR `[N, h, w, 3]` in [-1, 1],
        float32.
    """
    margin = 2 * scale
    lr = imresize(crops, 1 / scale)[..., 2:-2, 2:-2, :]
    hr = tf.cast(crops, tf.float32)[..., margin:-margin, margin:-margin, :]
    return lr_from_255(lr), hr_from_255(hr)


def make_degraded_pair(crops, seed, kind: Degradation, scale: int):
    """Makes `(lr, hr)` as `make_pair` does, but each LR degraded by itself.

    Args:
        crops: `[N, h + 2 * m, w + 2 * m, 3]`, values 0..255, m = `MARGIN * scale`.
        seed: Two integers.
        kind: What may happen to a crop.
    """
    lr = tf.map_fn(
        lambda pair: degrade_crop(*pair, kind=kind, scale=scale),
        (crops, tf.random.split(seed, len(crops))),
        fn_output_signature=tf.float32,
    )
    margin = MARGIN * scale
    hr = tf.cast(crops, tf.float32)[..., margin:-margin, margin:-margin, :]
    return lr_from_255(lr), hr_from_255(hr)


def training_pairs(
    photos: Sequence[np.ndarray],
    crop_size: int = 96,
    scale: int = 4,
    batch_size: int = 16,
    seed: int = 0,
    start: int = 0,
    *,
    degradation: str = "bicubic",
) -> tf.data.Dataset:
    """An endless `tf.data` set of `(lr, hr)` batches for `fit(..., shuffle=False)`.

    Args:
        start: The step to start at: element k is the batch of step `start + k`. The
            other arguments are those of `CropSampler`.
        degradation: What LR went through, one of `KINDS` such as `photo`; by default
            MATLAB's bicubic and nothing else.

    Example:
        >>> photos = [np.zeros((120, 100, 3), np.uint8)]
        >>> lr, hr = next(iter(training_pairs(photos, batch_size=2)))
        >>> tuple(lr.shape), tuple(hr.shape)
        ((2, 24, 24, 3), (2, 96, 96, 3))
    """
    clean = degradation == "bicubic"
    margin = (2 if clean else MARGIN) * scale
    sampler = CropSampler(photos, crop_size, scale, batch_size, seed, margin)
    side = crop_size + 2 * sampler.margin

    def batch_of_pairs(step):
        crops = tf.numpy_function(sampler, [step], tf.uint8, stateful=False)
        crops = tf.ensure_shape(crops, (batch_size, side, side, 3))
        if clean:
            return make_pair(crops, scale)
        key = tf.random.fold_in(tf.constant([seed, 2], tf.int64), step)
        return make_degraded_pair(crops, key, KINDS[degradation], scale)

    steps = tf.data.Dataset.range(start, np.iinfo(np.int64).max)
    pairs = steps.map(batch_of_pairs, num_parallel_calls=tf.data.AUTOTUNE)
    return pairs.prefetch(tf.data.AUTOTUNE)


def whole_pair(
    photo: np.ndarray, scale: int, *, degradation: str = "bicubic", index: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """`(lr, hr)` of a whole photo, cropped at right and bottom to a multiple of scale.

    LR `[1, h, w, 3]` in [0, 1] and HR `[1, scale * h, scale * w, 3]` in [-1, 1].

    Args:
        photo: uint8 `[H, W, 3]`.
        scale: Factor between LR and HR.
        degradation: What LR went through, one of `KINDS`.
        index: Of the photo in its set: fixes what is left to chance there.
    """
    height, width = (size - size % scale for size in photo.shape[:2])
    hr = photo[None, :height, :width].astype(np.float32)
    if degradation == "bicubic":
        lr = np.asarray(imresize(hr, 1 / scale))
    else:
        lr = degrade_photo(photo, degradation, scale=scale, index=index)[None]
    return lr_from_255(lr.astype(np.float32)), hr_from_255(hr)


def validation_pairs(
    photos: Sequence[np.ndarray], scale: int = 4, *, degradation: str = "bicubic"
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
