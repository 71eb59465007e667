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
from srgan_tf.pictures.opening import open_photo

_ANNEX_K_SUM = 3688  # of the 64 numbers of its luma table, quality 50


class LeftOut(NamedTuple):
    """A photo, or a part of one, that is not used.

    Attributes:
        kind: Why, in a word or two that many share.
        line: Which, and why.
    """

    kind: str
    line: str


class Cut(NamedTuple):
    """What became of a photo.

    Attributes:
        encoded: Its sub-pictures, as JPEG or PNG.
        sizes: Their heights and widths.
        left_out: What of it was left out.
    """

    encoded: list[bytes]
    sizes: list[tuple[int, int]]
    left_out: list[LeftOut]


def cut_photo(
    path: str | os.PathLike,
    size: int = 256,
    *,
    min_size: int = 96,
    min_detail: float = 1.0,
    compression: int = 1,
    min_quality: int = 0,
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
        min_quality: The quality that a JPEG must have.
    """
    try:
        photo = read_photo(path)
        quality = jpeg_quality(path) if min_quality else None
    except UserError as error:
        return Cut([], [], [LeftOut("unreadable", str(error))])
    if quality is not None and quality < min_quality:
        why = f"{path}: JPEG of quality {quality}, less than {min_quality}"
        return Cut([], [], [LeftOut("of low JPEG quality", why)])
    cut = Cut([], [], [])
    rows, columns = (_edges(length, size) for length in photo.shape[:2])
    whole = len(rows) == len(columns) == 2
    for top, bottom in itertools.pairwise(rows):
        for left, right in itertools.pairwise(columns):
            part = photo[top:bottom, left:right]
            height, width = part.shape[:2]
            if min(height, width) < min_size:
                kind, why = "too small", f"{width}x{height}, smaller than {min_size}"
            elif (found := detail(part)) < min_detail:
                kind = "flat"
                why = f"flat: detail {found:.2f}, less than {min_detail:g}"
            else:
                kept = _file_bytes(path, photo) if whole and compression else None
                cut.encoded.append(kept or _png(part, compression))
                cut.sizes.append((height, width))
                continue
            name = path if whole else f"{path} at row {top}, column {left}"
            cut.left_out.append(LeftOut(kind, f"{name}: {why}"))
    return cut


def detail(picture: np.ndarray) -> float:
    """Mean difference between neighbouring pixels of `[H, W, 3]`, in levels of luma."""
    luma = rgb_to_y(picture.astype(np.float32))
    across, down = (np.abs(np.diff(luma, axis=axis)).mean() for axis in (0, 1))
    return float((across + down) / 2)


def jpeg_quality(path: str | os.PathLike) -> int | None:
    """The quality of a JPEG file, 1 to 100, by its table for luma; None of others.

    libjpeg multiplies the table of the standard's Annex K; that of other encoders is
    taken for the multiple that has the same mean. Below 25, where the largest numbers
    are cut at 255, it is told a little too high.

    Raises:
        UserError: If the file cannot be read.
    """
    with open_photo(path) as opened:
        tables = getattr(opened.image, "quantization", None)
    if not tables:
        return None
    percent = 100 * sum(tables[0]) / _ANNEX_K_SUM
    quality = 5000 / percent if percent > 100 else 100 - percent / 2
    return min(max(round(quality), 1), 100)


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
