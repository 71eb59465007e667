"""How far a stage is: a bar on a terminal, elsewhere a line now and then."""

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


def progress(stage: str, *, done: int, total: int) -> tqdm:
    """A bar that counts pictures; in a log file, a line a minute.

    Args:
        stage: Its name.
        done: Pictures before the start.
        total: Of the stage.
    """
    count = {"desc": stage, "initial": done, "total": total, "unit": "img"}
    if sys.stderr.isatty():
        return tqdm(**count)
    return tqdm(
        **count,
        file=_Lines(),
        mininterval=SECONDS,
        maxinterval=SECONDS,
        miniters=1,
        bar_format="{desc}: {n_fmt} of {total_fmt} images, {elapsed} gone, {remaining} "
        "to go, {rate_fmt}{postfix}",
    )
