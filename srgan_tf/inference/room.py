"""Whether there is room for results, in memory and on the disks, before any is made."""

import math
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from srgan_tf.errors import UserError, reason
from srgan_tf.inference.jobs import Job
from srgan_tf.inference.tiles import memory_there
from srgan_tf.pictures.formats import Header
from srgan_tf.pictures.kinds import KINDS


def check_memory(width: int, height: int, pixel_bytes: int) -> None:
    """Refuses a result that does not fit into memory.

    Args:
        width: In pixels.
        height: Likewise.
        pixel_bytes: That a pixel's values take up.

    Raises:
        UserError: Saying how much it is.
    """
    needed, there = width * height * pixel_bytes, memory_there()
    if needed > there:
        raise UserError(
            f"its result of {width}x{height} pixels takes up {_in_words(needed)} of "
            f"memory, and there are {_in_words(there)}"
        )


def check_folder(folder: Path) -> None:
    """Refuses a folder that cannot be written to, without making it.

    Raises:
        UserError: Naming it.
    """
    there = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise UserError(f"{there} cannot be written to: {reason(error)}") from None


def check_disks(jobs: Iterable[tuple[Job, Header]]) -> None:
    """Refuses what the disks have certainly no room for.

    Args:
        jobs: What is to be made, with what is known of each photo.

    Raises:
        UserError: Saying how much there is.
    """
    needed: dict[int, tuple[Path, float]] = {}
    for job, header in jobs:
        folder = _existing(job.target.parent)
        size = math.prod(job.wish.size.of(header.width, header.height)) * 3
        device = folder.stat().st_dev
        first, so_far = needed.get(device, (folder, 0.0))
        needed[device] = (first, so_far + size * KINDS[job.wish.kind].least)
    for folder, least in needed.values():
        free = shutil.disk_usage(folder).free
        if least > free:
            raise UserError(
                f"The results need at least {_in_words(least)}, and {folder} has "
                f"{_in_words(free)} left."
            )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _in_words(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
