"""Work in a second thread, a few steps before or behind that of the first."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")
_STEPS = 2
_END: Any = object()


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Makes the next items in a thread while one is used.

    What goes wrong there is raised here, in its turn.
    """
    source = iter(items)
    with ThreadPoolExecutor(1) as pool:
        coming = deque(pool.submit(next, source, _END) for _ in range(_STEPS))
        try:
            while (item := coming.popleft().result()) is not _END:
                coming.append(pool.submit(next, source, _END))
                yield item
        finally:
            pool.shutdown(cancel_futures=True)


class Behind:
    """Does work in a thread, in its order, a few steps behind those who give it."""

    def __enter__(self) -> "Behind":
        self._pool = ThreadPoolExecutor(1)
        self._waiting: deque[Future] = deque()
        return self

    def __call__(self, work: Callable, *arguments: object) -> None:
        """Gives work; waits if there is much; raises what went wrong with the last."""
        self._waiting.append(self._pool.submit(work, *arguments))
        while len(self._waiting) > _STEPS:
            self._waiting.popleft().result()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error:
            self._pool.shutdown(cancel_futures=True)
        while self._waiting and not error:
            self._waiting.popleft().result()
        self._pool.shutdown()
