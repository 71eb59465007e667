"""Sub-pictures of photos, encoded without loss."""

import itertools
import os
from pathlib import Path
from typing import NamedTuple

import imagecodecs
import numpy as np
import tensorflow as tf

from srgan_tf.data.decoding import decode
from srgan_tf.data.photos import read_photo
from srgan_tf.errors import UserError
from srgan_tf.pictures.metrics import rgb_to_y


class Cut(NamedTuple):
    """What became of a photo.

    Attributes:
        encoded: Its sub-pictures, as JPEG or PNG.
        sizes: Their heights and widths.
        left_out: Why it, or a part of it, was left out; one line each.
    """

    encoded: list[bytes]
    sizes: list[tuple[int, int]]
    left_out: list[str]


def cut_photo(
    path: str | os.PathLike,
    size: int = 512,
    *,
    min_size: int = 96,
    min_detail: float = 1.0,
    compression: int = 1,
) -> Cut:
    """Cuts a photo into equal parts that cover it, without changing a pixel.

    A photo that stays whole keeps its file's bytes where that is a JPEG or PNG that
    TensorFlow decodes to the same pixels. All else becomes PNG. Without compression,
    which is the quickest to read, everything does.

    Args:
        path: The photo.
        size: Sides of the parts, about: they are 2/3 to 3/2 of it.
        min_size: The shorter side that a part must have, in pixels.
        min_detail: The mean difference between neighbouring pixels that a part must
            have, in levels of luma; below it is sky, a wall or a border.
        compression: Of PNG, 0 to 9.
    """
    try:
        photo = read_photo(path)
    except UserError as error:
        return Cut([], [], [str(error)])
    cut = Cut([], [], [])
    rows, columns = (_edges(length, size) for length in photo.shape[:2])
    whole = len(rows) == len(columns) == 2
    for top, bottom in itertools.pairwise(rows):
        for left, right in itertools.pairwise(columns):
            part = photo[top:bottom, left:right]
            height, width = part.shape[:2]
            if min(height, width) < min_size:
                why = f"{width}x{height}, smaller than {min_size}"
            elif (found := detail(part)) < min_detail:
                why = f"flat: detail {found:.2f}, less than {min_detail:g}"
            else:
                kept = _file_bytes(path, photo) if whole and compression else None
                cut.encoded.append(kept or _png(part, compression))
                cut.sizes.append((height, width))
                continue
            name = path if whole else f"{path} at row {top}, column {left}"
            cut.left_out.append(f"{name}: {why}")
    return cut


def detail(picture: np.ndarray) -> float:
    """Mean difference between neighbouring pixels of `[H, W, 3]`, in levels of luma."""
    luma = rgb_to_y(picture.astype(np.float32))
    across, down = (np.abs(np.diff(luma, axis=axis)).mean() for axis in (0, 1))
    return float((across + down) / 2)


def _edges(length: int, size: int) -> list[int]:
    """Where the parts of a side begin, and its end."""
    count = max(round(length / size), 1)
    return [length * i // count for i in range(count + 1)]


def _png(picture: np.ndarray, compression: int) -> bytes:
    return bytes(imagecodecs.png_encode(picture, level=compression))


def _file_bytes(path: str | os.PathLike, photo: np.ndarray) -> bytes | None:
    """The file itself, if it is no larger than its pixels and decodes to them."""
    if os.path.getsize(path) > photo.nbytes:
        return None
    encoded = Path(path).read_bytes()
    if not encoded.startswith((b"\xff\xd8", b"\x89PNG")):
        return None
    try:
        return encoded if np.array_equal(decode(encoded), photo) else None
    except tf.errors.InvalidArgumentError:
        return None
