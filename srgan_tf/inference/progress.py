"""How far a run is: a bar on a terminal, elsewhere a line now and then."""

import contextlib
import sys
import time
from collections.abc import Iterator
from types import TracebackType

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

_BAR = "{desc} {percentage:3.0f}% {bar} {n:.2f}/{total:.2f} MP, {remaining} left"
_BETWEEN_LINES = 60.0  # seconds


class Progress:
    """Tells on stderr how many of some megapixels are done.

    Args:
        photos: How many photos there are.
        megapixels: Of all.
    """

    def __init__(self, photos: int, megapixels: float):
        self.photos, self.megapixels = photos, megapixels
        self._done = 0.0
        self._number, self._title, self._where = 0, "", ""
        self._end = 0.0
        self._began = self._told = time.monotonic()
        self._bar: tqdm | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty():
            self._bar = self._stack.enter_context(
                tqdm(total=self.megapixels, bar_format=_BAR, leave=False)
            )
            self._stack.enter_context(logging_redirect_tqdm())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def photo(self, name: str, megapixels: float) -> Iterator[None]:
        """Tells of one photo, which is done at the end whatever has happened."""
        self._number += 1
        self._title, self._where = f"{name} ({self._number}/{self.photos})", ""
        self._end = self._done + megapixels
        if self._bar is not None:
            self._bar.set_description_str(self._title)
        try:
            yield
        finally:
            self.advance(self._end - self._done)

    def leave_out(self, megapixels: float) -> None:
        """Tells of what needs no work after all."""
        self.megapixels -= megapixels
        self._end -= megapixels
        if self._bar is not None:
            self._bar.total = self.megapixels

    def advance(self, megapixels: float, where: str = "") -> None:
        """Tells of a part of a photo, or of a frame and which one it is."""
        if where:
            self._where = f", {where}"
            if self._bar is not None:
                self._bar.set_description_str(f"{self._title}{self._where}")
        self._done += megapixels
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(megapixels)
        elif now - self._told > _BETWEEN_LINES and self._done < self.megapixels:
            self._told = now
            left = (now - self._began) * (self.megapixels / self._done - 1)
            print(
                f"{self._title}{self._where}: "
                f"{100 * self._done / self.megapixels:.0f}%, about "
                f"{left / 60:.0f} min left",
                file=sys.stderr,
                flush=True,
            )

    def say(self, line: str, *, to_stderr: bool = False) -> None:
        """Prints a line without disturbing the bar."""
        file = sys.stderr if to_stderr else sys.stdout
        if self._bar is not None:
            tqdm.write(line, file=file)
        else:
            print(line, file=file, flush=True)
