"""How far some work is: a bar on a terminal, elsewhere a line now and then."""

import sys

from tqdm import tqdm

SECONDS = 60  # between lines


class _Lines:
    """Makes lines of what tqdm draws over itself."""

    def write(self, text: str) -> None:
        if text := text.strip():
            sys.stderr.write(text + "\n")

    def flush(self) -> None:
        sys.stderr.flush()


def progress(work: str, *, total: int, done: int = 0, unit: str = "image") -> tqdm:
    """A bar that counts; in a log file, a line a minute.

    Args:
        work: Its name.
        total: Of what is counted.
        done: Before the start.
        unit: What is counted.
    """
    count = {"desc": work, "initial": done, "total": total, "unit": unit}
    if sys.stderr.isatty():
        return tqdm(**count)
    return tqdm(
        **count,
        file=_Lines(),
        mininterval=SECONDS,
        maxinterval=SECONDS,
        miniters=1,
        bar_format="{desc}: {n_fmt} of {total_fmt} {unit}s, {elapsed} gone, "
        "{remaining} to go, {rate_fmt}{postfix}",
    )
