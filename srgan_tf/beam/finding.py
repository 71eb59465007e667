"""Which photos a pipeline upscales, and where their results go."""

import itertools
import posixpath
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from apache_beam.io.filesystems import FileSystems

from srgan_tf.beam.places import (
    exists,
    is_url,
    local_copy,
    matching,
    open_to_read,
    place_as_seen,
    record_at,
    state_at,
)
from srgan_tf.data.listing import SIDE_FOLDERS
from srgan_tf.errors import UserError
from srgan_tf.inference.outputs import Output
from srgan_tf.inference.preparing import kind_of
from srgan_tf.inference.results import Origin, Record, Settings, numbered, short_name
from srgan_tf.inference.settings import settings_of
from srgan_tf.inference.sizes import Size
from srgan_tf.inference.sources import EARLIER, Source, find_sources
from srgan_tf.options import UpscaleOptions
from srgan_tf.pictures.kinds import KINDS, PHOTO_SUFFIXES
from srgan_tf.video.kinds import is_video

_MAGIC = re.compile(r"[*?[]")
_NAMED_AS_RESULT = re.compile(r".+_x\d(_compare|_\d+)*")


class Plan(NamedTuple):
    """What all photos of a pipeline share.

    Attributes:
        options: What is wanted.
        size: Of the results, a factor.
        models: What `fingerprint` says of the models.
    """

    options: UpscaleOptions
    size: Size
    models: Sequence[str]

    def settings(self, kind: str) -> Settings:
        """All that a result depends on besides its photo."""
        return settings_of(self.options, kind, self.size, self.models)


class Found(NamedTuple):
    """A photo, or what is left out.

    Attributes:
        path: Of the file.
        folder: For its result.
        left_out: Its kind, if it is no photo to be upscaled.
    """

    path: str
    folder: str
    left_out: str = ""


class Job(NamedTuple):
    """A photo, and the file that its result goes to.

    Attributes:
        path: Of the photo.
        kind: One of `RESULT_FORMATS`.
        target: The file.
        done: Whether it is there, made from this photo by the same settings.
        older: Whether an earlier result of the photo is there, which steps aside.
        replace: Whether what is there gives way.
    """

    path: str
    kind: str
    target: str
    done: bool = False
    older: bool = False
    replace: bool = False


def find(arguments: Sequence[str], output: str) -> Iterator[Found]:
    """Lists what is named, as `find_sources` does; behind URLs by Beam's match.

    There earlier results are known by what they say of themselves alone.

    Raises:
        UserError: If an argument names no photo.
    """
    if here := [argument for argument in arguments if not is_url(argument)]:
        sources, left_out = find_sources(here)
        for source in sources:
            inner = source.path.parent.relative_to(source.root)
            yield Found(str(source.path), _joined(output, inner.as_posix()))
        for kind, paths in left_out.items():
            yield from (Found(str(path), "", kind) for path in paths)
    for argument in arguments:
        if is_url(argument):
            yield from _find_behind(argument, output)


def _find_behind(url: str, output: str) -> Iterator[Found]:
    named = not _MAGIC.search(url)
    if named and not FileSystems.exists(url):
        url, named = f"{url.rstrip('/')}/**", False
    root = posixpath.dirname(url[: m.start()] if (m := _MAGIC.search(url)) else url)
    try:
        paths = [url] if named else matching(url)
    except UserError as error:
        raise UserError(f"{url}: {error}") from None
    for path in paths:
        inner = posixpath.relpath(path, root)
        *folders, name = inner.split("/")
        kind = ""
        if any(part.startswith(".") for part in (*folders, name)):
            kind = "hidden files"
        elif SIDE_FOLDERS & {folder.lower() for folder in folders}:
            kind = "files in side folders"
        elif not name.lower().endswith(PHOTO_SUFFIXES):
            kind = posixpath.splitext(name)[1].lower() or "no suffix"
        elif not named and _NAMED_AS_RESULT.fullmatch(posixpath.splitext(name)[0]):
            kind = EARLIER if record_at(path) else ""
        yield Found(path, _joined(output, posixpath.dirname(inner) or "."), kind)


def _joined(output: str, inner: str) -> str:
    return output if inner == "." else f"{output.rstrip('/')}/{inner}"


def key_of(found: Found) -> str:
    """By what photos are known whose results may have one name, so that one chooses."""
    first = posixpath.basename(found.path).partition(".")[0]
    return f"{found.folder}/{_folded(first)}"


def kind_for(path: str, options: UpscaleOptions) -> str:
    """The kind of file that a photo's result is.

    Raises:
        UserError: If it cannot be read, or is a video.
    """
    if is_video(Path(path)):
        raise UserError("is a video: upscale it without --beam")
    if options.format != "same":
        return options.format or "png"
    with local_copy(path) as local:
        return kind_of(
            Source(local, local.parent), "same", Output(folder=Path()), options
        )


def places_for(group: Iterable[tuple[Found, str]], plan: Plan) -> Iterator[Job]:
    """Chooses files for results of photos with one key, as `Places` does.

    Other programs' files are replaced in no case.

    Args:
        group: Photos and their kinds.
        plan: What they share.
    """
    photos = sorted(set(group))
    takers: set[str] = set()
    names: dict[str, set[str]] = {}
    for found, kind in photos:
        stem, suffix = _parts(found, kind, plan)
        name = posixpath.basename(found.path)
        names.setdefault(_folded(f"{stem}{suffix}"), set()).add(name)
    for found, kind in photos:
        stem, suffix = _parts(found, kind, plan)
        crowded = len(names[_folded(f"{stem}{suffix}")]) > 1
        jobs = []
        for number, name in enumerate(_names(found, stem, suffix, crowded, plan)):
            target = f"{found.folder.rstrip('/')}/{name}"
            if _folded(name) in takers:
                continue
            free = not exists(target)
            if free:
                jobs.append(Job(found.path, kind, target))
            elif job := _job_at(target, found, kind, plan):
                jobs.append(job)
            # Behind a free name with a number there is nothing.
            if jobs and (jobs[-1].done or (free and number > 1)):
                break
        job = next((job for job in jobs if job.done or job.replace), jobs[0])
        takers.add(_folded(posixpath.basename(job.target)))
        yield job


def _job_at(target: str, found: Found, kind: str, plan: Plan) -> Job | None:
    """What a file that is there means for a photo; None if it is not its own."""
    job = Job(found.path, kind, target)
    if (record := record_at(target)) is None or not _is_of(record, found):
        return None
    if plan.options.overwrite:
        return job._replace(replace=True)
    done = is_done(job, record, plan)
    return job._replace(done=done, older=not done)


def is_done(job: Job, record: Record | None, plan: Plan) -> bool:
    """Whether a result is there, whole, and made from the photo as it is now."""
    return (
        record is not None
        and record.whole
        and record.settings == plan.settings(job.kind)
        and _is_content(record.origin, job.path)
    )


def _is_of(record: Record, found: Found) -> bool:
    if record.origin.place == place_as_seen(found.path, found.folder):
        return True
    return _is_content(record.origin, found.path)


def _is_content(origin: Origin, path: str) -> bool:
    if origin.state == state_at(path):
        return True
    with open_to_read(path) as file:
        return Origin.of_content(file.read()).content == origin.content


def _parts(found: Found, kind: str, plan: Plan) -> tuple[str, str]:
    stem, own = posixpath.splitext(posixpath.basename(found.path))
    suffixes = KINDS[kind].suffixes
    same = plan.options.format == "same" and own.lower() in suffixes
    return stem, own if same else suffixes[0]


def _names(
    found: Found, stem: str, suffix: str, crowded: bool, plan: Plan
) -> Iterator[str]:
    size = f"_{plan.size}"
    if not crowded:
        yield short_name(stem, f"{size}{suffix}")
    yield short_name(posixpath.basename(found.path), f"{size}{suffix}")
    for number in itertools.count(2):
        yield numbered(stem, size, number, suffix)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
