"""A shard of a prepared set, made of the photos on its list: the same bytes anywhere.

A worker, be it a thread or a machine, needs the folder of unfinished work, the photos,
and the shard's name. What it has done is a file that is there.
"""

import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from srgan_tf.data.cutting import Cut, LeftOut, cut_photo
from srgan_tf.data.likeness import near_duplicates, nearest, perceptual_hash
from srgan_tf.data.prepared import example
from srgan_tf.errors import UserError
from srgan_tf.files import whole_file
from srgan_tf.options import PrepareOptions

PLAN, PARTS = "plan.txt", "parts"
_LISTS, _HASHES, _ALIKE = "lists", "hashes", "alike"
_FRAME = 16  # bytes around a record: its length and two checksums

Each = Callable[[Callable, Iterable], Iterable]


def write_lists(partial: Path, shards: Mapping[str, Sequence[str]]) -> None:
    """Writes which photos belong to each shard."""
    for name, paths in shards.items():
        _write(partial / _LISTS / name, list(paths))


def is_hashed(partial: Path, name: str) -> bool:
    """Whether `hash_shard` has been done."""
    return (partial / _HASHES / name).exists()


def is_made(partial: Path, name: str) -> bool:
    """Whether `make_shard` has been done."""
    return (partial / PARTS / name).exists()


def hash_shard(
    partial: Path,
    options: PrepareOptions,
    name: str,
    *,
    each: Each = map,
    tell: Callable[[], object] = lambda: None,
) -> None:
    """Writes the perceptual hashes of a shard's photos.

    Args:
        partial: The folder of unfinished work.
        options: What is wanted.
        name: Of the shard.
        each: Does one thing for each of many, and gives results in order.
        tell: Called after each photo.
    """
    hashes = []
    for value in each(_hash, _read(partial / _LISTS / name)):
        hashes.append(value)
        tell()
    _write(partial / _HASHES / name, hashes)


def _hash(path: str) -> int | None:
    try:
        return perceptual_hash(path)
    except UserError:  # who cuts it says what is wrong
        return None


def find_alike(
    partial: Path, names: Sequence[str], others: Sequence[str], options: PrepareOptions
) -> None:
    """Writes which photos of each shard are like a photo before them, or some others.

    Args:
        partial: The folder of unfinished work.
        names: Of all shards, each with its hashes.
        others: Photos that none is to be like.
        options: What is wanted.
    """
    lists = [_read(partial / _LISTS / name) for name in names]
    found = [value for name in names for value in _read(partial / _HASHES / name)]
    paths = [path for some in lists for path in some]
    known = [place for place, value in enumerate(found) if value is not None]
    hashes = np.array([found[place] for place in known], np.uint64)
    alike: dict[str, LeftOut] = {}
    if others:
        which, bits = nearest(hashes, [perceptual_hash(path) for path in others])
        for place in np.flatnonzero(bits <= options.likeness):
            path = paths[known[place]]
            line = f"{path}: resembles {others[which[place]]}"
            alike[path] = LeftOut("like a benchmark's", line)
    if options.near_duplicates:
        rest = [i for i, place in enumerate(known) if paths[place] not in alike]
        for late, early in near_duplicates(hashes[rest], options.likeness).items():
            path, first = (paths[known[rest[place]]] for place in (late, early))
            alike[path] = LeftOut("near duplicates", f"{path}: as {first}")
    for name, some in zip(names, lists):
        mine = {path: alike[path] for path in some if path in alike}
        _write(partial / _ALIKE / name, mine)


def make_shard(
    partial: Path,
    options: PrepareOptions,
    name: str,
    *,
    each: Each = map,
    tell: Callable[[], object] = lambda: None,
) -> None:
    """Writes a shard, and then the part of the index that says that it is there.

    Args:
        partial, options, name, each, tell: As of `hash_shard`.

    Raises:
        UserError: If it cannot be written.
    """
    paths = _read(partial / _LISTS / name)
    alike = partial / _ALIKE / name
    cut = functools.partial(
        _cut, _read(alike) if alike.exists() else {}, options=options
    )
    offsets: list[int] = []
    sizes: list[tuple[int, int]] = []
    left_out: list[LeftOut] = []
    sources: list[tuple[str, str, int]] = []
    end = 0
    with whole_file(partial / name) as file:
        try:
            with tf.io.TFRecordWriter(os.fspath(file)) as writer:
                for path, (digest, cuts) in zip(paths, each(cut, paths)):
                    for encoded in cuts.encoded:
                        record = example(encoded)
                        writer.write(record)
                        offsets.append(end)
                        end += len(record) + _FRAME
                    sizes += cuts.sizes
                    left_out += cuts.left_out
                    if cuts.sizes:
                        sources.append((digest, path, len(cuts.sizes)))
                    tell()
        except tf.errors.OpError as error:
            raise OSError(error.message) from None
    _write(
        partial / PARTS / name,
        {
            "bytes": end,
            "offset": offsets,
            "size": sizes,
            "left_out": left_out,
            "sources": sources,
        },
    )


def _cut(
    alike: Mapping[str, Sequence[str]], path: str, *, options: PrepareOptions
) -> tuple[str, Cut]:
    """The SHA-256 of a photo's file, and its parts."""
    if path in alike:
        return "", Cut([], [], [LeftOut(*alike[path])])
    cut = cut_photo(
        path,
        size=options.size,
        min_size=options.min_size,
        min_detail=options.min_detail,
        compression=options.compression,
        min_quality=options.min_quality,
    )
    if not cut.sizes:
        return "", cut
    return hashlib.sha256(Path(path).read_bytes()).hexdigest(), cut


def _read(path: Path):
    return json.loads(path.read_text())


def _write(path: Path, what: object) -> None:
    with whole_file(path) as file:
        file.write_text(json.dumps(what))
