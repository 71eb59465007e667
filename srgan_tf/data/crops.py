"""Random crops of photos, flipped and turned, as stateless TensorFlow ops."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from srgan_tf.data.photo_table import PhotoTable, each, orders, turned
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
    share: tuple[int, int] = (0, 1),
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """The crops of each step, as a pure function of its number.

    Nothing is carried from step to step, so a run can continue at any of them. The
    crops of a step come from distinct photos (from every photo equally often where
    there are fewer photos than crops), and an epoch visits every photo.

    Args:
        table: The photos, no side smaller than `crop_size`.
        crop_size: Side of the crop in pixels, without margin.
        margin: Of pixels on every side, filled from the photo and, beyond its border,
            with the border pixel.
        batch_size: Crops of a step.
        seed: Equal seeds give equal sequences.
        share: Which of how many equal shares of each step is wanted; no photo of the
            others is read.

    Returns:
        A function of the int64 step that gives `(crops, seeds)`: uint8
        `[n, side, side, 3]`, n = the share of batch_size, side = crop_size + 2 margins,
        and int64 `[n, 2]`, to be used for what else is random about each crop.

    Raises:
        ValueError: If a photo is too small.
    """
    side = crop_size + 2 * margin
    places = _places(table.sizes, crop_size, batch_size, seed, share)

    def crops(step):
        index, corner, turn, seeds = places(step)
        corner -= margin
        low = tf.maximum(corner, 0)
        extent = tf.minimum(corner + side, tf.gather(table.sizes, index)) - low
        before = low - corner
        rows = tf.range(side)
        rows = tf.where(turn[:, :1], side - 1 - rows, rows) - before[:, :1]
        rows = tf.clip_by_value(rows, 0, extent[:, :1] - 1)
        behind = side - before - extent
        # Rows have been reversed already, where they are.
        turns = orders(turn & [False, True, True])
        whole = zip(
            table.windows(index, low, extent),
            each(rows, _times(before[:, 1]), _times(behind[:, 1]), *turns),
        )
        return tf.stack([_whole(part, side, *others) for part, others in whole]), seeds

    return crops


def paired_crops(
    lr: PhotoTable,
    hr: PhotoTable,
    crop_size: int = 96,
    *,
    scale: int = 4,
    batch_size: int = 16,
    seed: int = 0,
    share: tuple[int, int] = (0, 1),
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """As `random_crops`, of pairs of photos: both crops show the same, turned alike.

    Args:
        lr: The LR photos, no side smaller than `crop_size / scale`.
        hr: The HR photos in the same order, `scale` times as large.
        crop_size: Side of the HR crop in pixels, a multiple of `scale`.
        scale: Factor between LR and HR.
        batch_size, seed, share: As there.

    Returns:
        A function of the int64 step that gives `(lr, hr)`: uint8
        `[n, crop_size / scale, crop_size / scale, 3]` and
        `[n, crop_size, crop_size, 3]`.

    Raises:
        ValueError: If a photo is too small.
    """
    places = _places(lr.sizes, crop_size // scale, batch_size, seed, share)

    def crops(step):
        index, corner, turn, _ = places(step)

        def of(table, factor, side):
            extent = tf.fill(corner.shape, side)
            parts = table.windows(index, factor * corner, extent)
            turns = each(*orders(turn))
            crops = tf.stack([turned(part, *x) for part, x in zip(parts, turns)])
            return tf.ensure_shape(crops, (len(parts), side, side, 3))

        return of(lr, 1, crop_size // scale), of(hr, scale, crop_size)

    return crops


def _places(
    sizes: np.ndarray | tf.Tensor,
    crop_size: int,
    batch_size: int,
    seed: int,
    share: tuple[int, int],
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]]:
    """Where crops of a step lie and how they turn: `(index, corner, turn, seeds)`."""
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

    return places


def _times(columns):
    """What makes so many copies of a column, for `tf.tile`."""
    one = tf.ones_like(columns)
    return tf.stack([one, columns, one], 1)


def _whole(part, side: int, rows, left, right, axes, order):
    """Takes rows of a part, repeats its border columns, and turns it."""
    part = tf.gather(part, rows)
    first, last = tf.tile(part[:, :1], left), tf.tile(part[:, -1:], right)
    crop = turned(tf.concat([first, part, last], 1), axes, order)
    return tf.ensure_shape(crop, (side, side, 3))
