"""Random crops of photos, flipped and turned, as stateless TensorFlow ops."""

import numpy as np
import tensorflow as tf

from srgan_tf.data.photo_table import PhotoTable, turned
from srgan_tf.data.prepared import RecordTable

# What numbers are drawn for; each has a sequence of its own.
_ORDER, _PLACES, _CROPS = range(3)


def random_crops(
    table: PhotoTable | RecordTable,
    crop_size: int = 96,
    *,
    margin: int = 0,
    batch_size: int = 16,
    seed: int = 0,
    start: int = 0,
    share: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """An endless set of single crops, `batch_size` for each step, from a step on.

    It is a pure function of the step: nothing is carried from step to step, so a run
    can continue at any of them. The crops of a step come from distinct photos (from
    every photo equally often where there are fewer photos than crops), and an epoch
    visits every photo.

    Args:
        table: The photos, no side smaller than `crop_size`.
        crop_size: Side of the crop in pixels, without margin.
        margin: Of pixels on every side, filled from the photo and, beyond its border,
            with the border pixel.
        batch_size: Crops of a step.
        seed: Equal seeds give equal sequences.
        start: The step to start at.
        share: Which of how many equal shares of each step is wanted; no photo of the
            others is read.

    Returns:
        A set of `(crop, seed)`: uint8 `[side, side, 3]`, side = crop_size + 2 margins,
        and int64 `[2]`, to be used for what else is random about this crop.

    Raises:
        ValueError: If a photo is too small.
    """
    side = crop_size + 2 * margin

    def crop(index, corner, turn, crop_seed):
        corner -= margin
        size = tf.gather(table.sizes, index)
        low = tf.maximum(corner, 0)
        extent = tf.minimum(corner + side, size) - low
        part = table.window(index, low, extent)
        part = _widen(part, low - corner, side, upside_down=turn[0])
        part = turned(part, tf.stack([False, turn[1], turn[2]]))
        return tf.ensure_shape(part, (side, side, 3)), crop_seed

    places = _places(table.sizes, crop_size, batch_size, seed, start, share)
    return places.map(crop, num_parallel_calls=tf.data.AUTOTUNE)


def paired_crops(
    lr: PhotoTable,
    hr: PhotoTable,
    crop_size: int = 96,
    *,
    scale: int = 4,
    batch_size: int = 16,
    seed: int = 0,
    start: int = 0,
    share: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """As `random_crops`, of pairs of photos: both crops show the same, turned alike.

    Args:
        lr: The LR photos, no side smaller than `crop_size / scale`.
        hr: The HR photos in the same order, `scale` times as large.
        crop_size: Side of the HR crop in pixels, a multiple of `scale`.
        scale: Factor between LR and HR.
        batch_size, seed, start, share: As there.

    Returns:
        A set of `(lr, hr)`: uint8 `[crop_size / scale, crop_size / scale, 3]` and
        `[crop_size, crop_size, 3]`.

    Raises:
        ValueError: If a photo is too small.
    """

    def crop(index, corner, turn, _):
        def part(table, factor, side):
            cut = table.window(index, factor * corner, tf.constant([side, side]))
            return tf.ensure_shape(turned(cut, turn), (side, side, 3))

        return part(lr, 1, crop_size // scale), part(hr, scale, crop_size)

    places = _places(lr.sizes, crop_size // scale, batch_size, seed, start, share)
    return places.map(crop, num_parallel_calls=tf.data.AUTOTUNE)


def _places(
    sizes: np.ndarray | tf.Tensor,
    crop_size: int,
    batch_size: int,
    seed: int,
    start: int,
    share: tuple[int, int],
) -> tf.data.Dataset:
    """A set of `(index, corner, turn, seed)`: where each crop lies and how it turns."""
    if (least := np.min(sizes)) < crop_size:
        raise ValueError(f"A photo has a side of {least} < {crop_size}.")
    count = len(sizes)
    slots = count * -(-batch_size // count)
    steps_per_epoch = slots // batch_size
    part, parts = share
    mine = slice(part * batch_size // parts, (part + 1) * batch_size // parts)

    def key(purpose, number):
        return tf.random.fold_in(tf.constant([seed, purpose], tf.int64), number)

    def places(step):
        epoch, batch = step // steps_per_epoch, step % steps_per_epoch
        slot = batch * batch_size + tf.range(batch_size, dtype=tf.int64)
        index = tf.random.experimental.index_shuffle(
            slot, key(_ORDER, epoch), slots - 1
        )
        index %= count
        u = tf.random.stateless_uniform((batch_size, 3), key(_PLACES, step))
        room = tf.gather(sizes, index) - crop_size + 1
        corner = tf.cast(u[:, :2] * tf.cast(room, tf.float32), tf.int32)
        turn = tf.cast(8 * u[:, 2], tf.int32)[:, None] & [4, 2, 1] > 0
        seeds = tf.random.split(key(_CROPS, step), batch_size)
        return index[mine], corner[mine], turn[mine], seeds[mine]

    steps = tf.data.Dataset.range(start, np.iinfo(np.int64).max)
    return steps.map(places, num_parallel_calls=tf.data.AUTOTUNE).unbatch()


def _widen(part, before, side: int, *, upside_down):
    """Repeats border pixels: `before` of them at the top and left, others behind."""
    rows = tf.range(side)
    rows = tf.where(upside_down, side - 1 - rows, rows) - before[0]
    part = tf.gather(part, tf.clip_by_value(rows, 0, tf.shape(part)[0] - 1))
    behind = side - before[1] - tf.shape(part)[1]
    first = tf.tile(part[:, :1], [1, before[1], 1])
    last = tf.tile(part[:, -1:], [1, behind, 1])
    return tf.concat([first, part, last], 1)
