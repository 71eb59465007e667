"""Which photos are meant by files, folders, globs and pipes."""

import functools
import glob
import io
import itertools
import os
import re
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from srgan_tf.data.listing import Listing, list_folder, list_glob
from srgan_tf.errors import UserError, reason
from srgan_tf.inference.comparison import comparison_size
from srgan_tf.inference.results import Origin, Record, place_of, state_of
from srgan_tf.pictures.formats import read_header
from srgan_tf.pictures.kinds import PHOTO_SUFFIXES, why_no_photo
from srgan_tf.pictures.opening import File
from srgan_tf.video.kinds import VIDEO_SUFFIXES, is_there

STDIN = "-"
# photo_x4.png and photo_x4_compare.png are results of photo.*, if their sizes say so.
_RESULT = re.compile(r"(.+)_x(\d)(_compare)?")
_OPENED = [("dev", name) for name in ("stdin", "stdout", "stderr", "fd")]
EARLIER = "earlier results"


class Source(NamedTuple):
    """A photo and the folder it was found under.

    Attributes:
        path: Of its file; `-` for the standard input.
        root: The folder; that of the file for a photo that is named itself.
        content: Of what can be read once only, such as a pipe.
    """

    path: Path
    root: Path
    content: bytes | None = None

    @property
    def file(self) -> File:
        """What it is read from."""
        return self.path if self.content is None else io.BytesIO(self.content)

    def origin(self, folder: Path) -> Origin:
        """What results in a folder say of it."""
        if self.content is None:
            return Origin.of_file(self.path, folder)
        return Origin.of_content(self.content)

    def is_content_of(self, record: Record) -> bool:
        """Whether a result was made from it as it is now."""
        if self.content is None:
            return record.origin.is_content_of(self.path)
        return record.origin.content == Origin.of_content(self.content).content

    def has_made(self, record: Record, folder: Path) -> bool:
        """Whether a result in a folder was made from it, be it before a change."""
        if self.content is None and record.origin.is_at(self.path, folder):
            return True
        return self.is_content_of(record)


class Found(NamedTuple):
    """What arguments mean.

    Attributes:
        sources: The photos, each once.
        left_out: What is in the folders besides, by its kind.
    """

    sources: list[Source]
    left_out: dict[str, list[Path]]


def find_sources(arguments: Sequence[str]) -> Found:
    """Lists the photos named by files, folders (searched in depth), globs and `-`.

    Folders and globs leave out earlier results: files that say so themselves, and those
    whose name and size are those of an enlarged photo beside them. A result that is
    named itself is a photo, unless the photo that it was made from is named, too, as
    where a shell lists them all.

    Raises:
        UserError: If an argument names no photo.
    """
    if not arguments:
        raise UserError("upscale what? Name photos, folders or globs.")
    found: dict[Path | str, Source] = {}
    named: list[Path] = []
    left_out: dict[str, list[Path]] = {}
    for argument in arguments:
        path = Path(argument).expanduser()
        if argument == STDIN:
            if STDIN not in found:
                found[STDIN] = _standard_input()
            continue
        if path.is_dir():
            listing, root = list_folder(path), path
        elif path.exists():
            if path.resolve() not in found:
                found[path.resolve()] = source = _named_source(path)
                named += [path] if source.content is None else []
            continue
        elif glob.has_magic(argument):
            listing, root = list_glob(os.fspath(path)), _fixed_part(path)
        else:
            raise UserError(f"{argument}: there is no such file or folder.")
        _take_in_videos(listing)
        _take_out_results(listing)
        if not listing.photos:
            others = words_for(listing.left_out)
            raise UserError(
                f"{argument}: no photo there (looked for {', '.join(PHOTO_SUFFIXES)})"
                + (f"; there are {others}." if others else ".")
            )
        for photo in listing.photos:
            found.setdefault(photo.resolve(), Source(photo, root))
        for kind, paths in listing.left_out.items():
            left_out.setdefault(kind, []).extend(paths)
    for result in _made_of_others(named, list(found.values())):
        left_out.setdefault(EARLIER, []).append(result)
        del found[result.resolve()]
    return Found(list(found.values()), left_out)


def _made_of_others(named: Sequence[Path], sources: Sequence[Source]) -> list[Path]:
    """The files that are results of other files that are photos here."""
    results = [(path, record) for path in named if (record := _result(path))]
    if not results:
        return []
    files = [source.path for source in sources if source.content is None]
    states = {state_of(path) for path in files}

    @functools.cache
    def places(folder: Path) -> set[str]:
        return {place_of(path, folder) for path in files}

    return [
        path
        for path, record in results
        if record.origin.state in states or record.origin.place in places(path.parent)
    ]


def _standard_input() -> Source:
    if sys.stdin.isatty():
        raise UserError("-: the standard input is a terminal; pipe a photo into it.")
    return Source(Path(STDIN), Path(), sys.stdin.buffer.read())


def _named_source(path: Path) -> Source:
    if is_stream(path):
        try:
            return Source(path, path.parent, path.read_bytes())
        except OSError as error:
            raise UserError(f"{path} cannot be read: {reason(error)}") from None
    return Source(path, path.parent)


def is_stream(path: Path) -> bool:
    """Whether a path is no file of its own: a pipe, a device, an open file's number."""
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        return not path.is_dir()
    # What the shell has opened may be a file, which is not to be replaced.
    opened = path.parts[1:2] == ("proc",) or path.parts[1:3] in _OPENED
    return path.is_absolute() and opened


def _fixed_part(pattern: Path) -> Path:
    parts = itertools.takewhile(lambda part: not glob.has_magic(part), pattern.parts)
    return Path(*parts)


def _take_in_videos(listing: Listing) -> None:
    """Counts videos among the photos, if there is what reads them."""
    if is_there():
        for suffix in VIDEO_SUFFIXES:
            listing.photos.extend(listing.left_out.pop(suffix, []))
        listing.photos.sort()


def _take_out_results(listing: Listing) -> None:
    photos = []
    for path in listing.photos:
        if _result(path) or (Record.of(path) is None and _is_enlarged(path)):
            listing.leave_out(path, EARLIER)
        else:
            photos.append(path)
    listing.photos[:] = photos


def _result(path: Path) -> Record | None:
    """How a result was made; None of photos, and of one in its photo's place."""
    record = Record.of(path)
    return None if record and record.origin.is_at(path, path.parent) else record


def _is_enlarged(path: Path) -> bool:
    """Whether a file is what the photo beside it, by their names, has become."""
    match = _RESULT.fullmatch(path.stem)
    if not match:
        return False
    stem, scale, compared = match.groups()
    beside = [path.with_name(stem), *path.parent.glob(f"{glob.escape(stem)}.*")]
    for photo in beside:
        if photo.suffix.lower() not in PHOTO_SUFFIXES or not photo.is_file():
            continue
        try:
            small, large = (read_header(x, max_megapixels=1e9) for x in (photo, path))
        except UserError:
            continue
        for size in ((small.width, small.height), (small.height, small.width)):
            expected = (int(scale) * size[0], int(scale) * size[1])
            if compared:
                expected = comparison_size(*size, int(scale))
            if expected == (large.width, large.height):
                return True
    return False


def words_for(left_out: dict[str, list[Path]]) -> str:
    """What was left out: how many of each kind, some of their names, and why."""
    words = []
    for kind, paths in sorted(left_out.items()):
        if kind == "hidden files":
            paths = [
                path
                for path in paths
                if path.suffix.lower() in PHOTO_SUFFIXES
                and not path.name.startswith(".partial.")
            ]
        if paths:
            names = [path.name for path in paths[:3]] + ["..."] * (len(paths) > 3)
            why = why_no_photo(kind)
            if kind in VIDEO_SUFFIXES:
                why = "videos need pip install 'srgan_tf[video]'"
            said = ", ".join(names) + (f"; {why}" if why else "")
            words.append(f"{len(paths)} {kind} ({said})")
    return ", ".join(words)
