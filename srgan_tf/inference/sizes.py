"""What size a result has: a whole factor of its photo's, or pixels that are named."""

import dataclasses
import math
from typing import NamedTuple

from srgan_tf.errors import UserError
from srgan_tf.options import UpscaleOptions

_MOST = 8  # the largest factor for which there are models


class Size(NamedTuple):
    """The size of a result.

    Attributes:
        scale: The least whole factor that a model needs to reach it.
        pixels: Width and height, where they are named.
    """

    scale: int
    pixels: tuple[int, int] | None = None

    def __str__(self) -> str:
        """For names of files, such as `x4` or `1920x1280`."""
        if self.pixels:
            return "{}x{}".format(*self.pixels)
        return f"x{self.scale}"

    def of(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the result for a photo of some size."""
        return self.pixels or (self.scale * width, self.scale * height)


def is_in_pixels(options: UpscaleOptions) -> bool:
    """Whether the size is named in pixels: each photo has a factor of its own."""
    return options.size is not None or options.long_side is not None


def by_factor(options: UpscaleOptions, scale: int) -> UpscaleOptions:
    """The options with a factor instead of pixels."""
    return dataclasses.replace(
        options, scale=scale, size=None, long_side=None, fit=False
    )


def size_in_pixels(width: int, height: int, options: UpscaleOptions) -> Size:
    """The size of the result for a photo of some size, by `--size` or `--long_side`.

    Raises:
        UserError: If the photo has another shape, is as large already, or too small.
    """
    if options.long_side:
        wanted, asked = (options.long_side,) * 2, f"--long_side={options.long_side}"
    else:
        assert options.size
        wide, high = map(int, options.size.split("x"))
        wanted, asked = (wide, high), f"--size={options.size}"
    factor = min(wanted[0] / width, wanted[1] / height)
    pixels = round(factor * width), round(factor * height)
    if pixels != wanted and not (options.long_side or options.fit):
        raise UserError(
            f"is {width}x{height}, of another shape than {asked}; with --fit it "
            f"becomes {pixels[0]}x{pixels[1]}"
        )
    if factor <= 1:
        raise UserError(f"is {width}x{height}: {asked} does not make it larger")
    if factor > _MOST:
        raise UserError(
            f"is {width}x{height}: {asked} is {factor:.3g} times as much, and at most "
            f"{_MOST} can be made"
        )
    return Size(max(2, math.ceil(factor)), pixels)


def beyond(wish: str, scale: int) -> UserError:
    """What to say of a wish that a model of some factor does not reach."""
    return UserError(
        f"{wish}: the model's scale is {scale}. It enlarges by 2 up to that; for more "
        "name another --model."
    )
