"""Which photos are upscaled, and where their results go."""

import functools
import glob
import itertools
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from srgan_tf.errors import UserError
from srgan_tf.pictures.kinds import KINDS, PHOTO_SUFFIXES, WRITTEN, kind_of_suffix

# photo_x4.png and photo_x4_compare.png are results of photo.*.
_RESULT = re.compile(r"(.+)_x\d+(_compare)?")


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
                f"{argument}: no photo there (looked for {', '.join(PHOTO_SUFFIXES)})."
            )
        for photo in photos:
            found.setdefault(photo.resolve(), Source(photo, root))
    return list(found.values())


def _without_results(listed: Iterable[Path], output: str | None) -> list[Path]:
    photos = sorted(filter(_is_photo, listed))
    if output and not _is_picture_name(output):
        folder = Path(output).resolve()
        photos = [path for path in photos if folder not in path.resolve().parents]

    @functools.cache
    def names(folder):
        beside = list(filter(_is_photo, folder.iterdir()))
        return {path.name for path in beside} | {path.stem for path in beside}

    def is_result(path):
        match = _RESULT.fullmatch(path.stem)
        return match and match[1] in names(path.parent)

    return [path for path in photos if not is_result(path)]


def _is_photo(path: Path) -> bool:
    return (
        path.suffix.lower() in PHOTO_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    )


def _is_picture_name(output: str) -> bool:
    kind = kind_of_suffix(Path(output).suffix)
    return kind in WRITTEN and not os.path.isdir(output)


def result_format(
    sources: Sequence[Source],
    *,
    output: str | None = None,
    file_format: str | None = None,
) -> str:
    """Says in which format results are written.

    Args:
        sources: The photos.
        output: A file, for a single photo, or a folder. Beside each photo if None.
        file_format: One of `WRITTEN`; if None, that of the output file, or png.

    Raises:
        UserError: If the output cannot be meant so.
    """
    if output and _is_picture_name(output):
        if len(sources) != 1:
            raise UserError(
                f"--output={output} is one file for {len(sources)} photos; name a "
                "folder."
            )
        implied = kind_of_suffix(Path(output).suffix)
        if file_format not in (None, implied):
            raise UserError(
                f"--output={output} and --format={file_format} contradict each other."
            )
        if Path(output).resolve() == sources[0].path.resolve():
            raise UserError(f"--output={output} is the photo itself.")
        return implied
    if output and os.path.isfile(output):
        raise UserError(f"--output={output} is a file but no picture; name a folder.")
    return file_format or "png"


def plan(
    sources: Sequence[Source],
    scale: int,
    *,
    output: str | None = None,
    file_format: str = "png",
) -> list[Job]:
    """Says where each result goes.

    Args:
        sources: The photos.
        scale: Factor of the size, for the names.
        output: As in `result_format`.
        file_format: What that says.

    Raises:
        UserError: If two results would share a name.
    """
    if output and _is_picture_name(output):
        return [Job(sources[0].path, Path(output))]
    suffix = KINDS[file_format].suffixes[0]

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
    return list(jobs.values())
