"""One process at a time in a run folder."""

import contextlib
import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from srgan_tf.errors import UserError, reason

try:
    import fcntl
except ImportError:  # on Windows, where nothing is locked
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

LOCK_NAME = "run.lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder, which is made if needed, for this process.

    The system lets go of the lock when the process ends, however it ends. The file says
    who holds it. A folder that was made for it and is empty at the end goes.

    Raises:
        UserError: If another process holds it: the line says which one, and since when.
    """
    path = folder / LOCK_NAME
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _hold(path)
    except BlockingIOError:
        raise UserError(
            f"The run in {folder} is at work already, in {_holder(path)}: wait for it,"
            " stop it, or choose another --run_dir."
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be written: {reason(error)}") from None
    try:
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        me = f"process {os.getpid()} on {socket.gethostname()} since {since}"
        os.truncate(file, 0)
        os.pwrite(file, me.encode(), 0)
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(file)
        with contextlib.suppress(OSError):
            for place in made:
                place.rmdir()


def _hold(path: Path) -> int:
    """Opens and locks the file.

    Raises:
        BlockingIOError: If another process holds it.
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
            "%s cannot be locked (%s): let no other process train there.",
            path,
            reason(error),
        )


def _holder(path: Path) -> str:
    try:
        return path.read_text("utf-8") or "another process"
    except OSError:
        return "another process"
