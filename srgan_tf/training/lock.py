"""One process at a time in a run folder."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from srgan_tf.errors import UserError, reason
from srgan_tf.files import hold

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
        file = hold(path)
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


def _holder(path: Path) -> str:
    try:
        return path.read_text("utf-8") or "another process"
    except OSError:
        return "another process"
