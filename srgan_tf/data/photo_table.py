"""Photos as TensorFlow sees them: one block of memory, and files for what is beyond it.

No Python is needed to read from it, so neither several threads nor another machine wait
for an interpreter.
"""

import ctypes
import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from srgan_tf.data.decoding import decode, decode_part
from srgan_tf.pictures.modes import upright

# By EXIF orientation, 0 standing for none: whether to reverse rows and columns of what
# is stored, and then to transpose it.
_TURNS = ("000", "000", "010", "110", "100", "001", "101", "111", "011")


class PhotoTable(NamedTuple):
    """Photos of any number and size.

    Attributes:
        pixels: uint8 tensor; RGB rows of those in memory, one photo after the other.
        offsets: int64, where each begins in `pixels`; -1 if it is read from its file.
        sizes: int32 `[count, 2]`, height and width.
        paths: Of all photos, in order, if any is read from its file.
        orientations: Of those files, as EXIF counts them.
    """

    pixels: tf.Tensor
    offsets: np.ndarray
    sizes: np.ndarray
    paths: Sequence[str] = ()
    orientations: Sequence[int] = ()

    def photo(self, index: int) -> np.ndarray:
        """A photo that is in memory, uint8 `[H, W, 3]`; it shares that memory."""
        height, width = map(int, self.sizes[index])
        start = self.offsets[index]
        flat = np.asarray(memoryview(self.pixels))
        return flat[start : start + 3 * height * width].reshape(height, width, 3)

    def select(self, numbers: Sequence[int]) -> "PhotoTable":
        """The table of some of the photos, in that order."""
        return self._replace(
            offsets=self.offsets[numbers],
            sizes=self.sizes[numbers],
            paths=[self.paths[i] for i in numbers],
            orientations=[self.orientations[i] for i in numbers],
        )

    def windows(self, index, low, extent) -> list[tf.Tensor]:
        """Parts of photos, as TensorFlow ops.

        Args:
            index: int64 numbers of the photos, `[n]`, n static.
            low: int32 `[n, 2]`, each part's first row and column.
            extent: int32 `[n, 2]`, its height and width; it lies within the photo.

        Returns:
            uint8 `[height, width, 3]` of each.
        """
        sizes = tf.gather(self.sizes, index)
        offsets = tf.gather(self.offsets, index)
        # Numbers of all parts at once: single ones would cost more than the pixels.
        height, width, row = extent[:, 0], extent[:, 1], 3 * sizes[:, 1]
        starts = offsets + tf.cast(low[:, 0], tf.int64) * tf.cast(row, tf.int64)
        lengths = tf.cast(height, tf.int64) * tf.cast(row, tf.int64)
        ranges = starts[:, None], lengths[:, None]
        of_rows = tf.stack([height, row], 1)
        first = tf.pad(3 * low[:, 1:], [[0, 0], [1, 0]])
        of_part = tf.stack([height, 3 * width], 1)
        shapes = tf.stack([height, width, tf.fill(height.shape, 3)], 1)

        def from_memory(start, length, of_rows, first, of_part, shape):
            # Whole rows lie together: one copy, and one of the columns.
            rows = tf.reshape(tf.slice(self.pixels, start, length), of_rows)
            return tf.reshape(tf.slice(rows, first, of_part), shape)

        def from_file(path, turn, size, low, extent):
            axes = orders(turn)[1][:2]
            size, first, sides = (tf.gather(pair, axes) for pair in (size, low, extent))
            first = tf.where(turn[:2], size - first - sides, first)
            part = decode_part(tf.io.read_file(path), size, first, sides)
            return turned(part, *orders(turn))

        in_memory = each(*ranges, of_rows, first, of_part, shapes)
        if (self.offsets >= 0).all():
            return [from_memory(*one) for one in in_memory]
        turns = np.array([[bit == "1" for bit in turn] for turn in _TURNS])
        turn = tf.gather(turns[self.orientations], index)
        in_files = each(tf.gather(self.paths, index), turn, sizes, low, extent)
        return [
            tf.cond(
                offset >= 0,
                functools.partial(from_memory, *one),
                functools.partial(from_file, *other),
            )
            for offset, one, other in zip(tf.unstack(offsets), in_memory, in_files)
        ]


def fresh_memory(size: int) -> tuple[tf.Tensor, np.ndarray]:
    """A uint8 tensor of so many bytes, and the same bytes as an array to fill.

    Making a tensor from an array copies it, and of all photos there should be no two
    copies, not even for a moment.
    """
    # Empty counts each axis in 32 bits.
    with tf.device("CPU"):
        blocks = tf.raw_ops.Empty(shape=[size // 2**20 + 1, 2**20], dtype=tf.uint8)
        tensor = tf.reshape(blocks, [-1])[:size]  # shares their memory
    address = np.asarray(memoryview(tensor)).ctypes.data
    return tensor, np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))


def table_of_arrays(photos: Sequence[np.ndarray]) -> PhotoTable:
    """The table of uint8 arrays `[H, W, 3]`, which are copied.

    Raises:
        TypeError: If they are not uint8.
    """
    sizes = np.array([photo.shape[:2] for photo in photos], np.int32)
    ends = np.cumsum(3 * sizes.prod(axis=1, dtype=np.int64))
    offsets = np.concatenate([[0], ends[:-1]])
    tensor, memory = fresh_memory(int(ends[-1]))
    for photo, start, end in zip(photos, offsets, ends):
        np.copyto(memory[start:end].reshape(photo.shape), photo, casting="no")
    return PhotoTable(tensor, offsets, sizes)


def stored_orientation(path: str, photo: np.ndarray) -> int | None:
    """How what TensorFlow reads from a file is turned to be a photo.

    Returns:
        The EXIF orientation; None if TensorFlow cannot read the file, or reads other
        pixels, as of CMYK or 16 bit.
    """
    try:
        stored = decode(tf.io.read_file(path)).numpy()
    except tf.errors.OpError:
        return None
    for orientation in range(1, 9):
        if np.array_equal(upright(stored, orientation), photo):
            return orientation
    return None


def each(*tensors) -> list[tuple[tf.Tensor, ...]]:
    """Splits tensors of the same static length into a tuple for each element."""
    return list(zip(*map(tf.unstack, tensors)))


def orders(turn) -> tuple[tf.Tensor, tf.Tensor]:
    """How `turned` turns: whether to reverse rows and columns, and then to transpose.

    Args:
        turn: Three booleans, `[..., 3]`.

    Returns:
        Which axes to reverse, and the order of axes, both `[..., 3]`.
    """
    transposed = tf.cast(turn[..., 2], tf.int32)
    last = tf.fill(transposed.shape, 2)
    return turn & [True, True, False], tf.stack([transposed, 1 - transposed, last], -1)


def turned(picture, axes, order):
    """Reverses axes of `[H, W, 3]` and puts them in another order; see `orders`."""
    return tf.transpose(tf.raw_ops.Reverse(tensor=picture, dims=axes), order)
