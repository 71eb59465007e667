"""What Pillow and tifffile say of odd but readable files, kept back."""

import logging
import threading

from PIL import Image


class _WithoutRemarks:
    """Keeps back what libraries say of odd but readable files, and Pillow's limit.

    `max_megapixels` stands in for the latter. Both belong to the process: the first of
    several threads changes them, the last one changes them back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._logs = [logging.getLogger(name) for name in ("tifffile", "PIL")]
        self._before: tuple[int | None, list[int]] = (None, [])

    def __enter__(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                levels = [log.level for log in self._logs]
                self._before = Image.MAX_IMAGE_PIXELS, levels
                self._set(None, [logging.CRITICAL + 1] * len(levels))

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._set(*self._before)

    def _set(self, limit: int | None, levels: list[int]) -> None:
        Image.MAX_IMAGE_PIXELS = limit
        for log, level in zip(self._logs, levels):
            log.setLevel(level)


without_remarks = _WithoutRemarks()
