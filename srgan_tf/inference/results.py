"""What results say of themselves: from which photo they were made, and how."""

import contextlib
import functools
import hashlib
import itertools
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from srgan_tf.files import Taken, rename
from srgan_tf.options import UpscaleOptions
from srgan_tf.pictures.formats import Photo
from srgan_tf.pictures.notes import add_note, read_note
from srgan_tf.pictures.writing import encode_photo

Settings = dict[str, Any]

_COMPARED = "_compare.png"
_OF_THE_FILE = ("format", "quality", "lossless")  # no comparison depends on them
_LONGEST_NAME = 255  # bytes, in nearly all file systems
# photo, _x4 or _1920x1280, _2
_PARTS = re.compile(r"(.*?)(?:(_(?:x\d|\d+x\d+))(?:_\d+)?)?", re.DOTALL)


class Origin(NamedTuple):
    """The photo of a result. No path is told: results are shown to others.

    Attributes:
        content: SHA-256 of its file.
        state: A hash of its size and of when it was changed: as long as that is the
            same, the content is, too.
        place: A hash of its path as seen from the result: moved together, they know
            each other, and an edited photo is still the same photo.
    """

    content: str
    state: str
    place: str

    @classmethod
    def of_file(cls, source: Path, folder: Path) -> "Origin":
        """That of results in a folder, as the photo is now."""
        state = state_of(source)
        return cls(_sha256(source, state), state, place_of(source, folder))

    @classmethod
    def of_content(cls, content: bytes) -> "Origin":
        """That of results of what came through a pipe."""
        return cls(hashlib.sha256(content).hexdigest(), "", "")

    def is_at(self, source: Path, folder: Path) -> bool:
        """Whether a photo lies where it was, as seen from a folder of results."""
        return self.place == place_of(source, folder)

    def is_content_of(self, source: Path) -> bool:
        """Whether a photo is what it was."""
        state = state_of(source)
        return state == self.state or _sha256(source, state) == self.content


class Record(NamedTuple):
    """How a result was made.

    Attributes:
        origin: Its photo.
        settings: All that its pixels and its file depend on.
        whole: Whether the file has not been changed since.
    """

    origin: Origin
    settings: Settings
    whole: bool = True

    @classmethod
    def of(cls, path: Path) -> "Record | None":
        """That of a file; None if it is no result."""
        try:
            # Opening a named pipe would wait until someone writes to it.
            note = read_note(path) if path.is_file() else None
            return cls.of_note(note, path.stat().st_size) if note else None
        except (OSError, KeyError):
            return None

    @classmethod
    def of_note(cls, note: dict[str, Any], size: int) -> "Record":
        """That of a file of so many bytes by the note in it.

        Raises:
            KeyError: If it is of another version.
        """
        origin = Origin(*(note[name] for name in Origin._fields))
        return cls(origin, note["settings"], note["size"] == size)

    def of_comparison(self) -> "Record":
        """That of the comparison beside it, which is the same in any format."""
        return Record(self.origin, of_comparison(self.settings))

    def is_like(self, other: "Record") -> bool:
        """Whether both were made from one content by the same settings."""
        return (self.origin.content, self.settings) == (
            other.origin.content,
            other.settings,
        )

    def write_with(
        self, photo: Photo, path: Path, kind: str, options: UpscaleOptions
    ) -> list[str]:
        """Writes a photo that says this of itself.

        Returns:
            What of its metadata the file cannot hold: see `encode_photo`.
        """
        lost = encode_photo(
            photo, path, kind, quality=options.quality, lossless=options.lossless
        )
        self.write_into(path, kind)
        return lost

    def write_into(self, path: Path, kind: str) -> None:
        """Notes it in a file that has just been written."""
        add_note(path, kind, {**self.origin._asdict(), "settings": self.settings})


def state_of(path: Path) -> str:
    """A hash of a file's size and times."""
    state = path.stat()
    numbers = (state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return hashlib.sha256(repr(numbers).encode()).hexdigest()[:32]


@functools.lru_cache(maxsize=100_000)
def _sha256(path: Path, state: str) -> str:
    """The hash of a file that is in some state."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def place_of(source: Path, folder: Path) -> str:
    """A hash of a photo's path as seen from a folder of results."""
    source, folder = source.resolve(), folder.resolve()
    try:
        seen = os.path.relpath(source, folder)
    except ValueError:  # on another drive
        seen = str(source)
    return hashlib.sha256(os.fsencode(seen)).hexdigest()[:32]


def short_name(stem: str, tail: str, room: int = 0) -> str:
    """A file name of the length that file systems allow; the stem gives way.

    Args:
        stem: Its beginning.
        tail: Its end.
        room: Bytes that a longer end of a name beside it takes up.
    """
    most = _LONGEST_NAME - max(len(os.fsencode(tail)), room)
    if len(name := os.fsencode(stem)) > most:
        stem = name[:most].decode("utf-8", "ignore")
    return f"{stem}{tail}"


def numbered(stem: str, scale: str, number: int, suffix: str) -> str:
    """The name of a result that is one of several, with room for its comparison."""
    tail = f"{scale}_{number}"
    return short_name(stem, f"{tail}{suffix}", len(f"{tail}{_COMPARED}"))


def comparison_of(target: Path) -> Path:
    """The file for bicubic and SR side by side, to a result's file."""
    return target.with_name(f"{target.stem}{_COMPARED}")


def of_comparison(settings: Settings) -> Settings:
    """What of a result's settings the comparison beside it depends on."""
    return {name: value for name, value in settings.items() if name not in _OF_THE_FILE}


def step_aside(target: Path, old: Record, new: Record) -> Path | None:
    """Gives a result another name, with a number, and its comparison as well.

    A comparison that is another's, or holds for what takes its place, too, stays.

    Args:
        target: The file.
        old: How it was made.
        new: How what takes its place is made.

    Returns:
        The result's; None if another process has moved it meanwhile.

    Raises:
        OSError: If the folder cannot be written to.
    """
    parts = _PARTS.fullmatch(target.stem)
    assert parts
    stem, scale = parts[1], parts[2] or ""
    for number in itertools.count(2):
        aside = target.with_name(numbered(stem, scale, number, target.suffix))
        try:
            rename(target, aside)
        except Taken:
            continue
        except FileNotFoundError:
            return None
        compared = comparison_of(target)
        beside = Record.of(compared)
        if (
            beside
            and beside.is_like(old.of_comparison())
            and not beside.is_like(new.of_comparison())
        ):
            with contextlib.suppress(Taken, FileNotFoundError):
                rename(compared, comparison_of(aside))
        return aside
    raise AssertionError("numbers do not end")
