"""Pictures of any size through networks of limited windows, in exact tiles.

A picture's width and height never meet memory limits: the network sees windows of the
picture with its receptive field around them. Every result pixel has seen what it would
see in the whole picture, so there are no seams to blend.
"""

import itertools
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import numpy as np

from srgan_tf.errors import UserError

Box = tuple[int, int, int, int]


def memory_there() -> int:
    """Of this machine, in bytes: what a whole picture must fit into."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class Upscaler(ABC):
    """What upscales windows of a picture, and therefore pictures.

    Attributes:
        scale: Factor of the size.
        channels: Of the pictures it takes and makes.
        radius: LR pixels on each side that a result pixel depends on.
        tile: Side in LR pixels of the tiles that pictures are cut into; fewer need less
            memory, the result is the same.
        window: Height and width in LR pixels of the only windows it takes; None if it
            takes any.
    """

    scale: int
    channels: int = 3
    radius: int
    tile: int
    window: tuple[int, int] | None = None

    @abstractmethod
    def __call__(self, lr: np.ndarray, box: Box | None = None) -> np.ndarray:
        """SR of one window, or of a box in it.

        Args:
            lr: float32 `[H, W, 3]` in [0, 1].
            box: First and last row, first and last column of the part that is wanted,
                in LR pixels; all of it if None. Outside pixels are context.

        Returns:
            float32 `[scale * H, scale * W, 3]` of the box, in [-1, 1].
        """

    def tiles(
        self,
        height: int,
        width: int,
        read: Callable[[slice, slice], np.ndarray],
        *,
        beyond: int = 0,
    ) -> Iterator[tuple[slice, slice, np.ndarray]]:
        """SR of a picture of any size, tile by tile.

        Args:
            height: Of the picture, in LR pixels.
            width: Likewise.
            read: Gives the LR pixels of some rows and columns, float32 `[h, w, 3]` in
                [0, 1].
            beyond: Pixels beyond the edges of the picture, from negative rows and
                columns on, that are read before the network's zero padding begins. On
                a side of the length of the only window there is no room for them.

        Yields:
            Rows and columns of the SR picture, and what belongs there: float32 in
            [-1, 1].

        Raises:
            UserError: If the model takes windows of one size only, which do not fit.
        """
        sides = (height, width)
        windows: tuple[int | None, ...] = (None, None)
        parts: tuple[int, ...] = (self.tile, self.tile)
        if self.window:
            self._check_window(height, width, *self.window)
            windows = self.window
            parts = tuple(
                side if side == window else window - 2 * self.radius
                for side, window in zip(sides, self.window)
            )
        s = self.scale
        around = [
            0 if side == window else beyond for side, window in zip(sides, windows)
        ]
        for (y0, y1, y, y_end), (x0, x1, x, x_end) in itertools.product(
            *(
                spans(n, n + side, side + 2 * n, part, self.radius, window)
                for n, side, part, window in zip(around, sides, parts, windows)
            )
        ):
            dy, dx = around
            pixels = read(slice(y - dy, y_end - dy), slice(x - dx, x_end - dx))
            sr = self(pixels, (y0 - y, y1 - y, x0 - x, x1 - x))
            yield (
                slice(s * (y0 - dy), s * (y1 - dy)),
                slice(s * (x0 - dx), s * (x1 - dx)),
                sr,
            )

    def _check_window(self, height: int, width: int, rows: int, columns: int) -> None:
        for side, window in ((height, rows), (width, columns)):
            if side != window and (side < window or window <= 2 * self.radius):
                raise UserError(
                    f"the model takes {rows}x{columns} pixels only (height x width), "
                    f"and tiles of that size with {self.radius} pixels of context do "
                    f"not cover a picture of {height}x{width}."
                )


def spans(
    start: int,
    stop: int,
    length: int,
    tile: int,
    halo: int,
    window: int | None = None,
) -> Iterator[tuple[int, int, int, int]]:
    """Divides `start..stop` of an axis into equal parts with windows around them.

    The windows reach `halo` pixels further, but never beyond the axis: there the
    network must see its own zero padding. They are of one length, so that each is a
    shape already compiled for; at the ends of the axis that means more context.

    Args:
        start: First pixel to cover.
        stop: Where to end.
        length: Of the axis.
        tile: The longest part.
        halo: Pixels of context on each side.
        window: Length of the windows, at least `tile + 2 * halo` or the whole axis;
            the shortest that will do if None.

    Yields:
        First and last pixel of a part, first and last pixel of its window.
    """
    part = -(-(stop - start) // -(-(stop - start) // tile))
    window = window or min(part + 2 * halo, length)
    for first in range(start, stop, part):
        low = min(max(first - halo, 0), length - window)
        yield first, min(first + part, stop), low, low + window
