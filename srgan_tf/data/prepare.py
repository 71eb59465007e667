"""The command `prepare`: a data set as sub-pictures that are read at random.

What a shard holds depends on its photos and the options alone, so that work that was
interrupted goes on at the first shard that is missing and ends with the same bytes.
"""

import functools
import hashlib
import json
import logging
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from srgan_tf.data.cutting import Cut, cut_photo
from srgan_tf.data.listing import find_photos
from srgan_tf.data.pair_folders import is_paired
from srgan_tf.data.prepared import (
    FORMAT,
    INDEX,
    INFO,
    Prepared,
    example,
    is_prepared,
)
from srgan_tf.data.tfds_photos import resolve_auto
from srgan_tf.errors import UserError, reason
from srgan_tf.files import whole_file
from srgan_tf.options import PrepareOptions
from srgan_tf.progress import progress

log = logging.getLogger(__name__)

SHARD_BYTES = 2**26  # of photo files that share a shard
LEFT_OUT = "left_out.txt"
_PARTS, _PLAN = "parts", "plan.txt"
_FRAME = 16  # bytes around a record: its length and two checksums
_THREADS = os.cpu_count() or 1


def prepare(options: PrepareOptions) -> None:
    """Cuts a data set into sub-pictures, once, for `Prepared` to read.

    The folder holds TFRecord shards of `tf.train.Example`s with the feature `image`, an
    index of them, and a list of what was left out.

    Raises:
        UserError: If there are no photos, or the folder cannot be written. What is done
            by then is kept beside it, and the same command continues.
    """
    dataset = options.dataset
    if dataset == "auto":
        dataset = resolve_auto(options.data_dir)
    if is_paired(dataset):
        raise UserError(
            f"--dataset={dataset} holds HR/ and LR/: pairs are trained on as they are. "
            f"For HR alone name {os.path.join(dataset, 'HR')}."
        )
    paths = find_photos(dataset, options.split, options.data_dir)
    assert options.output  # which they have checked
    folder = Path(options.output).expanduser()
    plan = _plan(paths, options)
    if folder.exists():
        if is_prepared(folder) and Prepared(folder).info["plan"] == plan:
            print(f"{folder} has been prepared from these photos before.")
            return
        raise UserError(
            f"--output={folder} exists already: remove it or name another folder."
        )
    partial = folder.with_name(f".partial.{folder.name}")
    _begin(partial, plan)
    shards = _shards(paths)
    left = {name: some for name, some in shards.items() if not _is_done(partial, name)}
    done = len(paths) - sum(map(len, left.values()))
    bar = progress("Preparing", total=len(paths), done=done, unit="photo")
    cut = functools.partial(
        cut_photo,
        size=options.size,
        min_size=options.min_size,
        min_detail=options.min_detail,
        compression=options.compression,
    )
    with ThreadPoolExecutor(_THREADS) as pool, bar:
        for name, some in left.items():
            _write_shard(partial, name, _in_order(pool, cut, some), bar)
    info = _finish(partial, folder, list(shards), plan)
    print(
        f"Prepared {info['sub_pictures']:,} sub-pictures ({info['megapixels']:,.1f} "
        f"megapixels, {sum(info['shards'].values()) / 1e6:,.1f} MB) of "
        f"{info['photos']:,} photos in {folder}."
    )
    if info["left_out"]:
        print(f"Left out {info['left_out']:,}, listed in {folder / LEFT_OUT}.")


def _plan(paths: Sequence[str], options: PrepareOptions) -> str:
    """Names all that the result depends on."""
    kept = ("size", "min_size", "min_detail", "compression")
    settings = [FORMAT, SHARD_BYTES, *(getattr(options, name) for name in kept)]
    photos = [(path, *_stamp(path)) for path in paths]
    return hashlib.sha256(json.dumps([settings, photos]).encode()).hexdigest()


def _stamp(path: str) -> tuple[int, int]:
    """Bytes and time of a file; zeros if it is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _shards(paths: Sequence[str]) -> dict[str, list[str]]:
    """Which photos make which shard."""
    groups: list[list[str]] = [[]]
    size = 0
    for path in paths:
        if size >= SHARD_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(path)
        size += _stamp(path)[0]
    count = f"{len(groups):05d}"
    return {
        f"photos-train.tfrecord-{k:05d}-of-{count}": some
        for k, some in enumerate(groups)
    }


def _begin(partial: Path, plan: str) -> None:
    """Makes the folder of unfinished work, or finds in it what was done before."""
    try:
        if partial.is_dir() and (partial / _PLAN).read_text() == plan:
            return
    except OSError:
        pass
    if partial.exists():
        log.warning("The photos or the options have changed: begun anew.")
        shutil.rmtree(partial, ignore_errors=True)
    with whole_file(partial / _PLAN) as file:
        file.write_text(plan)


def _is_done(partial: Path, name: str) -> bool:
    return (partial / _PARTS / name).exists()


def _in_order(pool: Executor, function: Callable, items: Iterable) -> Iterator:
    """`function(item)` of all, so few of them ahead that they fit into memory."""
    ahead: deque[Future] = deque()
    for item in items:
        ahead.append(pool.submit(function, item))
        if len(ahead) > _THREADS:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


def _write_shard(partial: Path, name: str, cuts: Iterable[Cut], bar: tqdm) -> None:
    """Writes a shard, and then the part of the index that says that it is there."""
    offsets: list[int] = []
    sizes: list[tuple[int, int]] = []
    left_out: list[str] = []
    end = photos = 0
    with whole_file(partial / name) as file:
        try:
            with tf.io.TFRecordWriter(os.fspath(file)) as writer:
                for cut in cuts:
                    for encoded in cut.encoded:
                        record = example(encoded)
                        writer.write(record)
                        offsets.append(end)
                        end += len(record) + _FRAME
                    sizes += cut.sizes
                    left_out += cut.left_out
                    photos += bool(cut.sizes)
                    bar.update()
        except tf.errors.OpError as error:
            raise OSError(error.message) from None
    part = {"bytes": end, "photos": photos, "offset": offsets, "size": sizes}
    with whole_file(partial / _PARTS / name) as file:
        file.write_text(json.dumps({**part, "left_out": left_out}))


def _finish(
    partial: Path, folder: Path, names: Sequence[str], plan: str
) -> dict[str, Any]:
    """Writes the index and puts the folder in its place; returns what it tells."""
    parts = [json.loads((partial / _PARTS / name).read_text()) for name in names]
    left_out = [line for part in parts for line in part["left_out"]]
    sizes = [size for part in parts for size in part["size"]]
    if not sizes:
        raise UserError(f"No photo can be used (first: {left_out[0]}).")
    info = {
        "format": FORMAT,
        "plan": plan,
        "photos": sum(part["photos"] for part in parts),
        "sub_pictures": len(sizes),
        "megapixels": sum(height * width for height, width in sizes) / 1e6,
        "left_out": len(left_out),
        "shards": {name: part["bytes"] for name, part in zip(names, parts)},
    }
    with whole_file(partial / LEFT_OUT) as file:
        file.write_text("".join(f"{line}\n" for line in left_out))
    counts = [len(part["size"]) for part in parts]
    with whole_file(partial / INDEX) as file:
        np.savez(
            file,
            shard=np.repeat(np.arange(len(parts), dtype=np.int32), counts),
            offset=np.array([x for part in parts for x in part["offset"]], np.int64),
            size=np.array(sizes, np.int32),
        )
    with whole_file(partial / INFO) as file:
        file.write_text(json.dumps(info, indent=1))
    try:
        for rest in partial.glob(".*"):  # of a process that was killed while it wrote
            rest.unlink()
        partial.rename(folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {reason(error)}") from None
    shutil.rmtree(folder / _PARTS, ignore_errors=True)
    (folder / _PLAN).unlink(missing_ok=True)
    return info
