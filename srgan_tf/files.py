"""Files and folders that are written whole or not at all."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from srgan_tf.errors import UserError, reason


@contextlib.contextmanager
def whole_file(path: str | os.PathLike, size: int = 0) -> Iterator[Path]:
    """Gives a temporary path beside `path` that takes its place at the end.

    Where the writing fails or is interrupted, what was at `path` stays as it was and
    the temporary file goes. The folder is made if needed. The temporary name ends as
    `path` does, for writers that tell the format from it.

    Args:
        path: Where the file is to be.
        size: Bytes that must be free before the writing begins, for writers that do not
            survive a full disk (HDF5 may crash the process).

    Raises:
        UserError: If the file cannot be written: a full disk, a missing permission.
    """
    path = Path(path)
    partial = path.with_name(f".partial.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(path.parent).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        yield partial
        # On the disk before the name is: a crash must not leave an empty file.
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
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
        path.parent.mkdir(parents=True, exist_ok=True)
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
    partial = path.with_name(f".partial.{path.name}")
    before = path.with_name(f".before.{path.name}")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        # A folder cannot replace another in one step: the old one steps aside.
        shutil.rmtree(before, ignore_errors=True)
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
