"""Files and folders that are written whole or not at all."""

import contextlib
import errno
import functools
import logging
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from srgan_tf.errors import UserError, reason

try:
    import fcntl
except ImportError:  # on Windows, where nothing is locked
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

_LEFT_BEHIND = 24 * 3600  # seconds without a change after which nobody writes any more


class Taken(Exception):
    """Where a file was to be written, another has come to be."""


@contextlib.contextmanager
def whole_file(
    path: str | os.PathLike, size: int = 0, *, replace: bool = True
) -> Iterator[Path]:
    """Gives a temporary path beside `path` that takes its place at the end.

    Where the writing fails or is interrupted, what was at `path` stays as it was and
    the temporary file goes. The folder is made if needed. The temporary name ends as
    `path` does, for writers that tell the format from it, and is this process' own, so
    that several may write to one folder.

    Args:
        path: Where the file is to be.
        size: Bytes that must be free before the writing begins, for writers that do not
            survive a full disk (HDF5 may crash the process).
        replace: Whether a file that is at `path` by the end gives way.

    Raises:
        UserError: If the file cannot be written: a full disk, a missing permission.
        Taken: If there is one by then and it is not to be replaced.
    """
    path = Path(path)
    partial = _own_name(path)
    try:
        _make_folder(path.parent)
        if shutil.disk_usage(path.parent).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        yield partial
        # On the disk before the name is: a crash must not leave an empty file.
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        if replace:
            partial.replace(path)
        else:
            rename(partial, path)
    except (OSError, RuntimeError) as error:  # RuntimeError: HDF5's, at closing
        raise UserError(f"{path} cannot be written: {reason(error)}") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def append_text(path: str | os.PathLike, text: str) -> None:
    """Writes on at the end of a text file, made with its folder if needed.

    Where the writing fails, the file is cut to what it was before.

    Raises:
        UserError: If it cannot be written: a full disk, a missing permission.
    """
    path = Path(path)
    try:
        _make_folder(path.parent)
        with path.open("ab", buffering=0) as file:
            before, rest = file.tell(), text.encode()
            try:
                while rest:
                    rest = rest[file.write(rest) :]
            except BaseException:
                with contextlib.suppress(OSError):
                    file.truncate(before)
                raise
    except OSError as error:
        raise UserError(f"{path} cannot be written: {reason(error)}") from None


@contextlib.contextmanager
def whole_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Gives an empty folder beside `path` that takes its place at the end.

    Where the writing fails or is interrupted, what was at `path` stays as it was and
    the new folder goes.

    Args:
        path: Where the folder is to be. The one that is there is replaced.

    Raises:
        UserError: If it cannot be written: a full disk, a missing permission.
    """
    path = Path(path)
    partial = _own_name(path)
    before = partial.with_name(f".before{partial.name.removeprefix('.partial')}")
    try:
        _make_folder(path.parent)
        partial.mkdir()
        yield partial
        # A folder cannot replace another in one step: the old one steps aside.
        if path.exists():
            path.rename(before)
        try:
            partial.rename(path)
        except OSError:
            if before.exists():
                before.rename(path)
            raise
        shutil.rmtree(before, ignore_errors=True)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {reason(error)}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _own_name(path: Path) -> Path:
    """A hidden name beside a path that no other process has.

    It ends as the path does, in so few characters that no file system finds it long.
    """
    return path.with_name(f".partial.{secrets.token_hex(8)}.{path.name[-32:]}")


def rename(path: Path, new: Path) -> None:
    """Gives a file another name, in one step that fails if another file has it.

    Where there are no hard links, an empty file has it for a moment.

    Raises:
        Taken: If another has it.
        OSError: If the system refuses.
    """
    try:
        new.hardlink_to(path)
    except FileExistsError:
        raise Taken(new) from None
    except FileNotFoundError:
        raise
    except OSError:
        _rename_without_links(path, new)
    else:
        path.unlink()


def _rename_without_links(path: Path, new: Path) -> None:
    try:
        new.touch(exist_ok=False)
    except FileExistsError:
        raise Taken(new) from None
    try:
        path.replace(new)
    except OSError:
        new.unlink()
        raise


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
    _remove_left_behind(folder)


@functools.cache  # once is enough
def _remove_left_behind(folder: Path) -> None:
    """Removes what processes that were killed while they wrote left in a folder."""
    for path in folder.glob(f".partial.{'[0-9a-f]' * 16}.*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _LEFT_BEHIND:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def hold(path: Path) -> int:
    """Opens and locks a file, until it is closed or the process ends, however it ends.

    Returns:
        Its number.

    Raises:
        BlockingIOError: If another holds it.
        OSError: If it cannot be written.
    """
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(file, path)
            # The one who held it may have removed it since it was opened.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file), path.stat()):
                    return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _lock(file: int, path: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:  # some disks of a network have no locks
        log.warning(
            "%s cannot be locked (%s): let no other process work there.",
            path,
            reason(error),
        )
