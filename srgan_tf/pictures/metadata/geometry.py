"""How a photo's stored pixels became those of the result: turned and enlarged."""

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Geometry:
    """From stored to written pixels.

    Attributes:
        stored: Width and height in the file that was read.
        orientation: The EXIF orientation by which they were turned, 1 to 8.
        written: Width and height of the result.
    """

    stored: tuple[int, int]
    orientation: int
    written: tuple[int, int]

    @property
    def swaps(self) -> bool:
        """Whether the stored columns have become rows."""
        return self.orientation >= 5

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height of the photo as it is looked at."""
        return self.stored[::-1] if self.swaps else self.stored

    @property
    def scale(self) -> tuple[float, float]:
        """Factors of the width and of the height."""
        width, height = (max(size, 1) for size in self.upright)
        return self.written[0] / width, self.written[1] / height

    def length(self, width: float, height: float) -> tuple[float, float]:
        """A stored width and height as those in the result."""
        if self.swaps:
            width, height = height, width
        return width * self.scale[0], height * self.scale[1]

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A place in the stored picture, from its top left, as that in the result."""
        if self.swaps:
            x, y = y, x
        if self.orientation in (2, 3, 6, 7):
            x = self.upright[0] - x
        if self.orientation in (3, 4, 7, 8):
            y = self.upright[1] - y
        return x * self.scale[0], y * self.scale[1]

    def subject(self, numbers: Sequence[float]) -> list[float]:
        """EXIF's subject area: a point, a circle or a box, given by its middle.

        Args:
            numbers: Left and top; of a circle also the diameter, of a box the width and
                the height.

        Raises:
            ValueError: If it is none of these.
        """
        if len(numbers) not in (2, 3, 4):
            raise ValueError(f"{len(numbers)} numbers")
        middle = self.point(*numbers[:2])
        if len(numbers) == 3:
            return [*middle, numbers[2] * max(self.scale)]
        return [*middle, *(self.length(*numbers[2:]) if numbers[2:] else ())]
