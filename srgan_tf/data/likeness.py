"""Which photos show the same, by perceptual hashes."""

import itertools
import os
from collections.abc import Iterator, Sequence

import numpy as np
import scipy.fft
from PIL import Image

from srgan_tf.data.photos import read_photo
from srgan_tf.pictures.metrics import rgb_to_y

_SIDE, _KEPT = 32, 8


def perceptual_hash(path: str | os.PathLike) -> int:
    """64 bits that survive another size, compression, brightness or a little blur.

    They are the signs, about their median, of the lowest 8x8 frequencies of luma
    (Zauner 2010, Implementation and Benchmarking of Perceptual Image Hash Functions).

    Raises:
        UserError: If the photo cannot be read, naming it.
    """
    luma = Image.fromarray(rgb_to_y(read_photo(path).astype(np.float32))[..., 0])
    small = luma.resize((_SIDE, _SIDE), Image.Resampling.BOX)
    low = scipy.fft.dctn(np.asarray(small, np.float64))[:_KEPT, :_KEPT]
    bits = np.packbits(low > np.median(low))
    return int.from_bytes(bits.tobytes(), "big")


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """In how many bits hashes differ.

    Args:
        one: uint64, of any shape.
        other: Likewise, of one that goes with it.
    """
    differing = np.bitwise_xor(one, other)[..., None].view(np.uint8)
    return np.unpackbits(differing, axis=-1).sum(-1, dtype=np.int64)


def near_duplicates(hashes: np.ndarray, most: int) -> dict[int, int]:
    """The photos that are like one before them that stays.

    Args:
        hashes: uint64 `[count]`.
        most: Bits that may differ.

    Returns:
        Numbers of photos, each with that of the one it is like: the first.
    """
    unique, first = np.unique(hashes, return_index=True)
    like = {}
    for place, value in enumerate(hashes.tolist()):
        earliest = int(first[np.searchsorted(unique, np.uint64(value))])
        if earliest != place:
            like[place] = earliest
    order = np.sort(first)
    for a, b in sorted(set(_near_pairs(hashes[order], most)), key=lambda x: x[::-1]):
        early, late = int(order[a]), int(order[b])
        if early not in like:
            like.setdefault(late, early)
    return {place: _last(like, place) for place in sorted(like)}


def _last(like: dict[int, int], place: int) -> int:
    while place in like:
        place = like[place]
    return place


def _near_pairs(hashes: np.ndarray, most: int) -> Iterator[tuple[int, int]]:
    """Pairs of places, first one first, whose hashes differ in few bits.

    Of `most + 1` parts of two such hashes one is equal: only those are compared.
    """
    edges = [64 * i // (most + 1) for i in range(most + 2)]
    for low, high in itertools.pairwise(edges):
        mask = np.uint64((1 << (high - low)) - 1)
        parts = (hashes >> np.uint64(low)) & mask
        order = np.argsort(parts, kind="stable")
        starts = np.flatnonzero(np.diff(parts[order])) + 1
        for group in np.split(order, starts):
            for place, one in enumerate(group[:-1]):
                rest = group[place + 1 :]
                near = rest[distances(hashes[one], hashes[rest]) <= most]
                yield from ((int(one), int(other)) for other in near)


def nearest(hashes: np.ndarray, others: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Which of some others each hash is nearest to, and in how many bits they differ.

    Args:
        hashes: uint64 `[count]`.
        others: At least one.

    Returns:
        Two int64 `[count]`.
    """
    best = np.full(len(hashes), 65, np.int64)
    which = np.zeros(len(hashes), np.int64)
    for number, other in enumerate(others):
        found = distances(hashes, np.array(other, np.uint64))
        which[found < best] = number
        best = np.minimum(best, found)
    return which, best
