"""Where results go: never onto a photo, onto each other, or onto what others made."""

import itertools
import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from srgan_tf.errors import UserError
from srgan_tf.inference.outputs import Output
from srgan_tf.inference.results import (
    Record,
    Settings,
    comparison_of,
    numbered,
    of_comparison,
    short_name,
)
from srgan_tf.inference.sizes import Size
from srgan_tf.inference.sources import STDIN, Source
from srgan_tf.options import UpscaleOptions


class Wish(NamedTuple):
    """What is to be made of a photo.

    Attributes:
        source: The photo.
        kind: One of `RESULT_FORMATS`.
        suffix: For the result's name.
        size: Of the result.
        look: The options as they are for it, which tell the model.
        settings: All that the result depends on, besides the photo.
    """

    source: Source
    kind: str
    suffix: str
    size: Size
    look: UpscaleOptions
    settings: Settings


class Job(NamedTuple):
    """A photo, and the file that its result goes to.

    Attributes:
        wish: What is to be made.
        target: The file.
        done: Whether it is there, made from this photo by the same settings.
        older: The record of the photo's earlier result that is there instead.
        replace: Whether what is there gives way.
        same: Whether what is there is the same result.
    """

    wish: Wish
    target: Path
    done: bool = False
    older: Record | None = None
    replace: bool = False
    same: bool = False


class Places:
    """Chooses the files for results.

    A result keeps the name of its photo, `photo_x4.png`. Where photos of several kinds
    share it, the kind is added (`photo.jpg_x4.png`); where something else is there, or
    another photo's result, a number (`photo_x4_2.png`).

    Args:
        wishes: All that is to be made, so that names that meet are known.
        output: Where to.
        kept: Files that are replaced in no case, besides the photos.
        compare: Whether each has a comparison beside it.
        overwrite: Whether to make anew what is done, and to replace what else is there.
    """

    def __init__(
        self,
        wishes: Sequence[Wish],
        output: Output,
        *,
        kept: Sequence[Path] = (),
        compare: bool = False,
        overwrite: bool = False,
    ):
        self.output = output
        self.compare, self.overwrite = compare, overwrite
        self._photos = {_identity(wish.source.path) for wish in wishes}
        self._kept = {_identity(path) for path in kept}
        self._takers: dict[str, Path] = {}  # who a name is for
        names: dict[str, set[str]] = {}
        for wish in wishes:
            source = wish.source.path
            place = _key(self._folder(wish.source) / f"{source.stem}{wish.suffix}")
            names.setdefault(place, set()).add(source.name)
        self._crowded = {place for place, found in names.items() if len(found) > 1}

    def choose(self, wish: Wish) -> Job:
        """The place for a result, as things are now; asked again, maybe another.

        Raises:
            UserError: If the one file that is named is another's.
        """
        if self.output.stream:
            assert self.output.file
            return Job(wish, self.output.file, replace=True)
        if self.output.file:
            if job := self._job(wish, self.output.file):
                return job
            raise UserError(
                f"{self.output.file} is there and was not made from it: --overwrite "
                "replaces it"
            )
        folder = self._folder(wish.source)
        jobs: list[Job] = []
        for place, name in enumerate(self._names(wish)):
            if job := self._job(wish, folder / name):
                jobs.append(job)
            # Behind a free name with a number there is nothing.
            if jobs and place > 1 and not os.path.lexists(folder / name):
                break
        chosen = next((job for job in jobs if job.same), jobs[0])
        for taken in (chosen.target, comparison_of(chosen.target)):
            self._takers[_key(taken)] = wish.source.path
        return chosen

    def usual(self, wish: Wish) -> Path:
        """The file that a result would have if all names were free."""
        if self.output.file:
            return self.output.file
        return self._folder(wish.source) / next(self._names(wish))

    def _folder(self, source: Source) -> Path:
        folder = source.path.parent
        if self.output.folder:
            return self.output.folder / folder.relative_to(source.root)
        return folder

    def _names(self, wish: Wish) -> Iterator[str]:
        source, size = wish.source.path, f"_{wish.size}"
        stem = "stdin" if str(source) == STDIN else source.stem
        room = len(comparison_of(Path(size)).name) if self.compare else 0
        place = _key(self._folder(wish.source) / f"{source.stem}{wish.suffix}")
        if place not in self._crowded:
            yield short_name(stem, f"{size}{wish.suffix}", room)
        if source.suffix:
            yield short_name(source.name, f"{size}{wish.suffix}", room)
        for number in itertools.count(2):
            yield numbered(stem, size, number, wish.suffix)

    def _job(self, wish: Wish, target: Path) -> Job | None:
        """What a place means for a result; None if it is not for it."""
        places = [target, *([comparison_of(target)] if self.compare else [])]
        there, records = zip(*map(_look, places))
        if not all(map(self._may_have, [wish] * len(places), places, there, records)):
            return None
        if any(found and record is None for found, record in zip(there, records)):
            return Job(wish, target, replace=True)
        if record := records[0]:
            wanted = (wish.settings, of_comparison(wish.settings))
            done = [self._is_done(wish, *each) for each in zip(records, wanted)]
            if all(done) and not self.overwrite:
                return Job(wish, target, done=True, same=True)
            if done[0] or self.overwrite:
                return Job(wish, target, replace=True, same=done[0])
        return Job(wish, target, older=record)

    def _may_have(
        self, wish: Wish, place: Path, there: bool, record: Record | None
    ) -> bool:
        """Whether a file may be written, replaced or set aside for a result."""
        source = wish.source.path
        if self._takers.get(_key(place), source) != source:
            return False
        if not there:
            return True
        if _identity(place) in self._photos or place.is_dir():
            return False
        if record is None:
            return self.overwrite and _identity(place) not in self._kept
        return wish.source.has_made(record, place.parent)

    def _is_done(self, wish: Wish, record: Record | None, settings: Settings) -> bool:
        return (
            record is not None
            and record.whole
            and record.settings == settings
            and wish.source.is_content_of(record)
        )


def _look(place: Path) -> tuple[bool, Record | None]:
    """Whether a file is there, and what it says of itself, both of one moment."""
    while True:
        before = _identity(place, follow=False)
        record = Record.of(place)
        if _identity(place, follow=False) == before:  # no other process was here
            return before is not None, record


def _identity(path: Path, *, follow: bool = True) -> tuple[int, int] | None:
    """By what a file is known under all its names; None if there is none."""
    try:
        state = path.stat(follow_symlinks=follow)
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _key(path: Path) -> str:
    """By what a name is known in file systems that fold upper and lower case."""
    name = unicodedata.normalize("NFC", path.name).casefold()
    return os.path.join(os.path.realpath(path.parent), name)
