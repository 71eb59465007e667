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

from srgan_tf.data.listing import find_photos, photos_in
from srgan_tf.data.pair_folders import is_paired
from srgan_tf.data.prepared import FORMAT, Prepared, is_prepared
from srgan_tf.data.set_files import LEFT_OUT, finish
from srgan_tf.data.shards import (
    PLAN,
    find_alike,
    hash_shard,
    is_hashed,
    is_made,
    make_shard,
    write_lists,
)
from srgan_tf.data.tfds_photos import resolve_auto
from srgan_tf.errors import UserError
from srgan_tf.files import whole_file
from srgan_tf.options import PrepareOptions
from srgan_tf.progress import progress

log = logging.getLogger(__name__)

SHARD_BYTES = 2**26  # of photo files that share a shard
_THREADS = os.cpu_count() or 1


Work = Callable[[str], None]


def prepare(
    options: PrepareOptions, *, run: Callable[[Work, Sequence[str]], None] | None = None
) -> None:
    """Cuts a data set into sub-pictures, once, for `Prepared` to read.

    The folder holds TFRecord shards of `tf.train.Example`s with the feature `image`, an
    index of them, lists of what was used and of what was left out, and what TensorFlow
    Datasets needs to read it.

    Args:
        options: What is wanted.
        run: Does some work for each of many shards, in any order, here or elsewhere;
            if None here, all cores at one shard after the other.

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
    others = [str(path) for folder in options.unlike for path in photos_in(folder)]
    assert options.output  # which they have checked
    folder = Path(options.output).expanduser().absolute()
    plan = _plan(paths, others, options)
    if folder.exists():
        if is_prepared(folder) and Prepared(folder).info["plan"] == plan:
            print(f"{folder} has been prepared from these photos before.")
            return
        raise UserError(
            f"--output={folder} exists already: remove it or name another folder."
        )
    partial = folder.with_name(f".partial.{folder.name}")
    _begin(partial, plan)
    shards = _shards([os.path.abspath(path) for path in paths])
    write_lists(partial, shards)
    if options.near_duplicates or others:
        _run("Comparing", hash_shard, is_hashed, partial, shards, options, run)
        find_alike(partial, list(shards), others, options)
    _run("Preparing", make_shard, is_made, partial, shards, options, run)
    info = finish(partial, folder, list(shards), plan)
    print(
        f"Prepared {info['sub_pictures']:,} sub-pictures ({info['megapixels']:,.1f} "
        f"megapixels, {sum(info['shards'].values()) / 1e6:,.1f} MB) of "
        f"{info['photos']:,} photos in {folder}."
    )
    if info["left_out"]:
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in info["left_out_kinds"].items())
        print(f"Left out {info['left_out']:,}, listed in {folder / LEFT_OUT}: {kinds}.")


def _run(
    title: str,
    work: Callable[..., None],
    is_done: Callable[[Path, str], bool],
    partial: Path,
    shards: dict[str, list[str]],
    options: PrepareOptions,
    run: Callable[[Work, Sequence[str]], None] | None,
) -> None:
    """Does some work for those shards that lack it."""
    left = [name for name in shards if not is_done(partial, name)]
    work = functools.partial(work, partial, options)
    if run:
        run(work, left)
        return
    total = sum(map(len, shards.values()))
    done = total - sum(len(shards[name]) for name in left)
    bar = progress(title, total=total, done=done, unit="photo")
    with ThreadPoolExecutor(_THREADS) as pool, bar:
        for name in left:
            work(name, each=functools.partial(_in_order, pool), tell=bar.update)


def _plan(paths: Sequence[str], others: Sequence[str], options: PrepareOptions) -> str:
    """Names all that the result depends on."""
    kept = ("size", "min_size", "min_detail", "compression", "min_quality")
    alike = ("near_duplicates", "likeness")
    settings = [getattr(options, name) for name in (*kept, *alike)]
    settings = [FORMAT, SHARD_BYTES, *settings, len(others)]
    photos = [(path, *_stamp(path)) for path in (*paths, *others)]
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
        if partial.is_dir() and (partial / PLAN).read_text() == plan:
            return
    except OSError:
        pass
    if partial.exists():
        log.warning("The photos or the options have changed: begun anew.")
        shutil.rmtree(partial, ignore_errors=True)
    with whole_file(partial / PLAN) as file:
        file.write_text(plan)


def _in_order(pool: Executor, function: Callable, items: Iterable) -> Iterator:
    """`function(item)` of all, so few of them ahead that they fit into memory."""
    ahead: deque[Future] = deque()
    for item in items:
        ahead.append(pool.submit(function, item))
        if len(ahead) > _THREADS:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()
