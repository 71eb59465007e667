"""Ending work at a good moment when the system asks for the end."""

import signal
import threading
from typing import Any


class HeldSignals:
    """Within it SIGINT and SIGTERM are noted, and act later or at the second time.

    Signals can be held in the main thread only; elsewhere it does nothing.

    Example:
        >>> import signal
        >>> with HeldSignals() as held:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     print("still at work, to end with", held.received)
        still at work, to end with 15
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "HeldSignals":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def _note(self, number, frame):
        self.received = number
        self._restore()

    def _restore(self):
        while self._before:
            signal.signal(*self._before.popitem())

    def __exit__(self, *exception):
        self._restore()
