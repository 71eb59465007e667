"""Files by Beam's file systems: of this machine, or behind `gs://` and the like."""

import contextlib
import hashlib
import os
import posixpath
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from srgan_tf.errors import UserError
from srgan_tf.files import Taken, whole_file
from srgan_tf.inference.results import Origin, Record, place_of, state_of
from srgan_tf.pictures.notes import note_in

Written = TypeVar("Written")


def is_url(path: str) -> bool:
    """Whether a path is not of this machine."""
    return "://" in path


def exists(path: str) -> bool:
    """Whether there is a file."""
    return os.path.lexists(path) or FileSystems.exists(path)


def open_to_read(path: str):
    """A binary file that can be read from any place in it."""
    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)


@contextlib.contextmanager
def local_copy(path: str) -> Iterator[Path]:
    """A file as one of this machine, under its own name."""
    if not is_url(path):
        yield Path(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder, posixpath.basename(path))
        with open_to_read(path) as file, local.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        yield local


def write_whole(
    path: str, write: Callable[[Path], Written], *, replace: bool
) -> Written:
    """Writes a file under a temporary name, and then gives it its own.

    Args:
        path: Where the file is to be.
        write: Writes it to a path of this machine.
        replace: Whether a file that is there by the end gives way.

    Raises:
        Taken: If there is one and it is not to be replaced.
        UserError: If it cannot be written.
    """
    if not is_url(path):
        with whole_file(path, replace=replace) as partial:
            return write(partial)
    folder, name = posixpath.split(path)
    with tempfile.TemporaryDirectory() as here:
        local = Path(here, name)
        written = write(local)
        partial_url = f"{folder}/.partial.{secrets.token_hex(8)}.{name[-32:]}"
        with (
            local.open("rb") as file,
            FileSystems.create(
                partial_url, compression_type=CompressionTypes.UNCOMPRESSED
            ) as copy,
        ):
            shutil.copyfileobj(file, copy)
    if not replace and exists(path):
        FileSystems.delete([partial_url])
        raise Taken(path)
    FileSystems.rename([partial_url], [path])
    return written


def record_at(path: str) -> Record | None:
    """How a file was made; None if it is no result."""
    if not is_url(path):
        return Record.of(Path(path))
    size = FileSystems.get_filesystem(path).metadata(path).size_in_bytes
    with open_to_read(path) as file:
        note = note_in(file, size)
    try:
        return Record.of_note(note, size) if note else None
    except KeyError:
        return None


def state_at(path: str) -> str:
    """As `state_of`, of a file anywhere."""
    if not is_url(path):
        return state_of(Path(path))
    found = FileSystems.get_filesystem(path).metadata(path)
    return _short((found.size_in_bytes, found.last_updated_in_seconds))


def place_as_seen(path: str, folder: str) -> str:
    """As `place_of`, of files anywhere."""
    if not is_url(path) and not is_url(folder):
        return place_of(Path(path), Path(folder))
    beside = path.split("/")[:3] == folder.split("/")[:3]  # in one bucket
    return _short(posixpath.relpath(path, folder) if beside else path)


def origin_at(path: str, folder: str, local: Path) -> Origin:
    """What results in a folder say of a photo, of which there is a copy here."""
    if not is_url(path) and not is_url(folder):
        return Origin.of_file(Path(path), Path(folder))
    content = hashlib.sha256(local.read_bytes()).hexdigest()
    return Origin(content, state_at(path), place_as_seen(path, folder))


def _short(what: object) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()[:32]


def matching(pattern: str) -> list[str]:
    """The files that a glob behind a URL names.

    Raises:
        UserError: If there is none.
    """
    found = sorted(x.path for x in FileSystems.match([pattern])[0].metadata_list)
    if not found:
        raise UserError("no photo there")
    return found
