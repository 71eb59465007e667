"""Photos as TensorFlow sees them: one block of memory, and files for what is beyond it.

No Python is needed to read from it, so neither several threads nor another machine wait
for an interpreter.
"""

import ctypes
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import ExifTags, Image

# Kinds of files whose pixels TensorFlow reads as Pillow does, and the modes in which it
# does. MPO is JPEG with more pictures behind the first, as telephones save it.
_MODES = {
    "JPEG": ("RGB", "L"),
    "MPO": ("RGB",),
    "PNG": ("RGB", "RGBA", "L", "LA", "P"),
    "WEBP": ("RGB", "RGBA"),
}
# By EXIF orientation, 0 standing for none: whether to reverse rows and columns of
# what is stored, and then to transpose it.
_TURNS = ("000", "000", "010", "110", "100", "001", "101", "111", "011")
_MCU = 16  # the largest block of JPEG, in pixels


class Header(NamedTuple):
    """What is known of a photo file before it is decoded; sizes are upright ones."""

    path: str
    height: int
    width: int
    orientation: int
    kind: str  # "" if TensorFlow cannot read it
    stamp: tuple[int, int]


def stamp(path: str) -> tuple[int, int]:
    """What changes when a file does: its size and its time.

    Raises:
        OSError: If it cannot be reached.
    """
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def read_header(path: str) -> Header:
    """Reads the header of a photo file.

    Raises:
        OSError: If the file cannot be read or is no picture.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            # Pillow would decode all of a PNG to look for EXIF behind its pixels.
            known = image.format != "PNG" or "exif" in image.info
            exif = image.getexif() if known else {}
            orientation = exif.get(ExifTags.Base.Orientation, 1)
            kind = image.format or ""
            moves = kind == "WEBP" and getattr(image, "n_frames", 1) > 1
            if moves or image.mode not in _MODES.get(kind, ()):
                kind = ""
    except (SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise OSError(str(error)) from error
    if orientation not in range(1, 9):
        orientation = 1
    if _TURNS[orientation].endswith("1"):
        width, height = height, width
    return Header(path, height, width, orientation, kind, stamp(path))


class PhotoTable(NamedTuple):
    """Photos of any number and size.

    Attributes:
        pixels: uint8 tensor; RGB rows of those in memory, one photo after the other.
        offsets: Where each begins in `pixels`; -1 if it is read from its file.
        sizes: int32 `[count, 2]`, height and width.
        headers: Of all photos, in order, if any is read from its file.
    """

    pixels: tf.Tensor
    offsets: np.ndarray
    sizes: np.ndarray
    headers: Sequence[Header] = ()

    def photo(self, index: int) -> np.ndarray:
        """A photo that is in memory, uint8 `[H, W, 3]`; it shares that memory."""
        height, width = self.sizes[index]
        start = self.offsets[index]
        flat = np.asarray(memoryview(self.pixels))
        return flat[start : start + 3 * height * width].reshape(height, width, 3)


def fresh_memory(size: int) -> tuple[tf.Tensor, np.ndarray]:
    """A uint8 tensor of so many bytes, and the same bytes as an array to fill.

    Making a tensor from an array copies it, and of all photos there should be no two
    copies, not even for a moment.
    """
    with tf.device("CPU"):
        tensor = tf.raw_ops.Empty(shape=[max(size, 1)], dtype=tf.uint8)
    address = np.asarray(memoryview(tensor)).ctypes.data
    return tensor, np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))


def table_of_arrays(photos: Sequence[np.ndarray]) -> PhotoTable:
    """The table of uint8 arrays `[H, W, 3]`, which are copied."""
    sizes = np.array([photo.shape[:2] for photo in photos], np.int32)
    ends = np.cumsum(sizes.prod(axis=1, dtype=np.int64) * 3)
    offsets = np.concatenate([[0], ends[:-1]])
    tensor, memory = fresh_memory(ends[-1])
    for photo, start, end in zip(photos, offsets, ends):
        np.copyto(memory[start:end].reshape(photo.shape), photo, casting="no")
    return PhotoTable(tensor, offsets, sizes)


def window(table: PhotoTable, index, low, extent) -> tf.Tensor:
    """Part of a photo, as TensorFlow ops.

    Args:
        table: The photos.
        index: int64 number of the photo.
        low: int32 `[2]`, the part's first row and column.
        extent: int32 `[2]`, its height and width; it lies within the photo.

    Returns:
        uint8 `[height, width, 3]`.
    """

    def from_memory():
        width = tf.gather(table.sizes, index)[1]
        start = tf.gather(table.offsets, index)
        start += 3 * tf.cast(low[0], tf.int64) * tf.cast(width, tf.int64)
        # Whole rows lie together: one copy, and one of the columns.
        rows = tf.slice(table.pixels, [start], [3 * extent[0] * width])
        rows = tf.reshape(rows, [extent[0], 3 * width])
        part = tf.slice(rows, [0, 3 * low[1]], [extent[0], 3 * extent[1]])
        return tf.reshape(part, [extent[0], extent[1], 3])

    if (table.offsets >= 0).all():
        return from_memory()
    return tf.cond(
        tf.gather(table.offsets, index) >= 0,
        from_memory,
        lambda: _from_file(table, index, low, extent),
    )


def _from_file(table: PhotoTable, index, low, extent):
    turns = [[bit == "1" for bit in _TURNS[h.orientation]] for h in table.headers]
    kinds = sorted({h.kind for h, o in zip(table.headers, table.offsets) if o < 0})
    numbers = [kinds.index(h.kind) if h.kind in kinds else 0 for h in table.headers]
    paths = [header.path for header in table.headers]
    size = tf.gather(table.sizes, index)
    turn = tf.gather(turns, index)
    axes = _axes(turn)
    low, extent, size = (tf.gather(pair, axes) for pair in (low, extent, size))
    low = tf.where(turn[:2], size - low - extent, low)
    contents = tf.io.read_file(tf.gather(paths, index))

    def jpeg():
        # Colours at half resolution are interpolated across blocks: whole ones around.
        first = tf.maximum((low // _MCU - 1) * _MCU, 0)
        last = tf.minimum(((low + extent - 1) // _MCU + 2) * _MCU, size)
        box = tf.concat([first, last - first], 0)
        part = tf.io.decode_and_crop_jpeg(
            contents, box, 3, dct_method="INTEGER_ACCURATE"
        )
        return cut(part, low - first)

    def cut(picture, low):
        return tf.slice(picture, [*tf.unstack(low), 0], [*tf.unstack(extent), 3])

    readers = {
        "JPEG": jpeg,
        "MPO": jpeg,
        "PNG": lambda: cut(tf.io.decode_png(contents, 3), low),
        "WEBP": lambda: cut(tf.io.decode_webp(contents, 3)[0], low),
    }
    part = tf.switch_case(tf.gather(numbers, index), [readers[kind] for kind in kinds])
    return turned(part, turn)


def turned(picture, turn):
    """Reverses rows and columns of `[H, W, 3]`, then transposes: three booleans."""
    dims = tf.stack([turn[0], turn[1], False])
    picture = tf.raw_ops.Reverse(tensor=picture, dims=dims)
    return tf.transpose(picture, tf.concat([_axes(turn), [2]], 0))


def _axes(turn):
    transposed = tf.cast(turn[2], tf.int32)
    return tf.stack([transposed, 1 - transposed])
