"""Upscaling files: which, to where, and what went wrong."""

import glob
import itertools
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from srgan_tf.errors import UserError
from srgan_tf.inference.tiles import Upscaler
from srgan_tf.inference.upscale import upscale_pixels
from srgan_tf.pictures.formats import (
    FORMATS,
    SUFFIXES,
    Photo,
    picture_size,
    read_photo_file,
    write_photo_file,
)
from srgan_tf.pictures.imresize import imresize_large
from srgan_tf.pictures.metadata import Metadata

# photo_x4.png and photo_x4_compare.png are results of photo.*.
_RESULT = re.compile(r"(.+)_x\d+(_compare)?")
COMPARE_SIDE = 1024
_BAR = "{desc} {percentage:3.0f}% {bar} {n:.2f}/{total:.2f} MP, {remaining} left"


class Source(NamedTuple):
    """A photo and the folder it was found under."""

    path: Path
    root: Path


class Job(NamedTuple):
    """A photo and the file that its result goes to."""

    source: Path
    target: Path


def find_sources(arguments: Sequence[str], output: str | None = None) -> list[Source]:
    """Lists the photos named by files, folders (searched in depth) and globs.

    Folders and globs leave out earlier results: names such as `photo_x4.png` beside a
    `photo.*`, and whatever is in the output folder.

    Raises:
        UserError: If an argument names no photo.
    """
    if not arguments:
        raise UserError("upscale what? Name photos, folders or globs.")
    found = {}
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            listed, root = path.rglob("*"), path
        elif glob.has_magic(argument) and not path.exists():
            listed = map(Path, glob.glob(argument, recursive=True))
            fixed = itertools.takewhile(lambda x: not glob.has_magic(x), path.parts)
            root = Path(*fixed)
        elif path.exists():
            found.setdefault(path.resolve(), Source(path, path.parent))
            continue
        else:
            raise UserError(f"{argument}: there is no such file or folder.")
        photos = _without_results(listed, output)
        if not photos:
            raise UserError(
                f"{argument}: no photo there (looked for {', '.join(SUFFIXES)})."
            )
        for photo in photos:
            found.setdefault(photo.resolve(), Source(photo, root))
    return list(found.values())


def _without_results(listed: Iterable[Path], output: str | None) -> list[Path]:
    photos = sorted(
        path
        for path in listed
        if path.suffix.lower() in SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    )
    if output and not _is_picture_name(output):
        folder = Path(output).resolve()
        photos = [path for path in photos if folder not in path.resolve().parents]
    names = {path.with_suffix("") for path in photos} | set(photos)

    def is_result(path):
        match = _RESULT.fullmatch(path.stem)
        return match and path.with_name(match[1]) in names

    return [path for path in photos if not is_result(path)]


def _is_picture_name(output: str) -> bool:
    return Path(output).suffix.lower() in SUFFIXES and not os.path.isdir(output)


def plan(
    sources: Sequence[Source],
    scale: int,
    output: str | None = None,
    file_format: str | None = None,
) -> tuple[list[Job], str]:
    """Says where each result goes, and in which format.

    Args:
        sources: The photos.
        scale: Factor of the size, for the names.
        output: A file, for a single photo, or a folder. Beside each photo if None.
        file_format: One of `FORMATS`; if None, that of the output file, or png.

    Raises:
        UserError: If the output cannot be meant so.
    """
    if file_format and file_format not in FORMATS:
        raise UserError(f"--format={file_format}: choose from {', '.join(FORMATS)}.")
    if output and _is_picture_name(output):
        if len(sources) != 1:
            raise UserError(
                f"--output={output} is one file for {len(sources)} photos; name a "
                "folder."
            )
        suffix = Path(output).suffix.lower()
        implied = next(name for name, known in FORMATS.items() if suffix in known)
        if file_format not in (None, implied):
            raise UserError(
                f"--output={output} and --format={file_format} contradict each other."
            )
        if Path(output).resolve() == sources[0].path.resolve():
            raise UserError(f"--output={output} is the photo itself.")
        return [Job(sources[0].path, Path(output))], implied
    if output and os.path.isfile(output):
        raise UserError(f"--output={output} is a file but no picture; name a folder.")
    file_format = file_format or "png"
    suffix = FORMATS[file_format][0]

    def target(source, name):
        folder = source.path.parent
        if output:
            folder = Path(output) / folder.relative_to(source.root)
        return folder / f"{name}_x{scale}{suffix}"

    # Where photo.jpg and photo.png would meet, the results are photo.jpg_x4.png etc.
    wanted = Counter(target(source, source.path.stem) for source in sources)
    jobs = {}
    for source in sources:
        where = target(source, source.path.stem)
        if wanted[where] > 1:
            where = target(source, source.path.name)
        if where in jobs:
            raise UserError(
                f"{jobs[where].source} and {source.path} would both become {where}: "
                "upscale them in two runs."
            )
        jobs[where] = Job(source.path, where)
    return list(jobs.values()), file_format


def upscale_files(
    jobs: Sequence[Job],
    model: Upscaler,
    scale: int,
    file_format: str = "png",
    quality: int = 95,
    overwrite: bool = False,
    compare: bool = False,
    self_ensemble: bool = False,
    tile: int | None = None,
) -> None:
    """Upscales photos into files.

    Results that are there already are skipped, so that an interrupted run continues
    where it stopped. A photo that fails does not stop the others.

    Args:
        jobs: What to do.
        model: See `load_model`.
        scale: Factor of the size.
        file_format: One of `FORMATS`.
        quality: 1 to 100, of JPEG and WebP.
        overwrite: Replace results that are there.
        compare: Also write `..._compare.png`, the middle of the picture at 100 %:
            bicubic on the left, SR on the right.
        self_ensemble: See `srgan_tf.upscale`.
        tile: Likewise.

    Raises:
        UserError: If photos failed, after all others are done: one line for each.
    """
    todo = [job for job in jobs if overwrite or not job.target.exists()]
    sizes = [math.prod(picture_size(job.source)) / 1e6 for job in todo]
    failures = []
    with tqdm(total=sum(sizes), disable=None, bar_format=_BAR, leave=False) as bar:
        for number, (job, size) in enumerate(zip(todo, sizes), start=1):
            bar.set_description_str(f"{job.source.name} ({number}/{len(todo)})")
            end = bar.n + size
            try:
                photo = read_photo_file(job.source)
                pixels = _upscaled(
                    photo.pixels,
                    model,
                    scale,
                    self_ensemble,
                    tile,
                    lambda lr_pixels: bar.update(lr_pixels / 1e6),
                )
                if compare:
                    _write_comparison(photo.pixels, pixels, scale, job.target)
                photo = Photo(pixels, photo.metadata)
                write_photo_file(photo, job.target, file_format, quality)
            except UserError as error:
                failures.append(f"{job.source}: {error}")
            bar.update(end - bar.n)
    skipped = len(jobs) - len(todo)
    print(
        f"Upscaled {len(todo) - len(failures)} of {len(jobs)} photos"
        + (f"; {skipped} done before (--overwrite redoes them)." if skipped else ".")
    )
    if len(failures) == 1:
        raise UserError(failures[0])
    if failures:
        raise UserError("\n  ".join([f"{len(failures)} photos failed:", *failures]))


def _upscaled(pixels, model, *options) -> np.ndarray:
    try:
        return upscale_pixels(model, pixels, *options)
    except (MemoryError, tf.errors.ResourceExhaustedError):
        raise UserError(
            f"its result of {pixels.shape[1]}x{pixels.shape[0]} pixels times the scale "
            "does not fit into memory; a smaller --tile may help"
        ) from None


def _write_comparison(lr: np.ndarray, sr: np.ndarray, scale: int, target: Path) -> None:
    height, width = (min(size, COMPARE_SIDE // scale) for size in lr.shape[:2])
    top, left = (lr.shape[0] - height) // 2, (lr.shape[1] - width) // 2
    before = imresize_large(lr[top : top + height, left : left + width], scale)
    after = sr[
        scale * top : scale * (top + height), scale * left : scale * (left + width)
    ]
    both = Photo(np.concatenate([before, after], axis=1), Metadata())
    write_photo_file(both, target.with_name(f"{target.stem}_compare.png"), "png")
