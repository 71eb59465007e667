"""JPEG XL, whose Pillow plugin decodes 8 bits only, and all of a file to open it.

ISO/IEC 18181-1, D.2 and D.3: numbers are coded in a few bits, a byte's lowest first.
"""

from typing import NamedTuple

import imagecodecs
import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.pictures.deep_reading import boxes, to_16bit

_BARE = b"\xff\x0a"
_HEADER = 128  # bytes that it is shorter than
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIDE = ((1, 9), (1, 13), (1, 18), (1, 30))


class JxlHeader(NamedTuple):
    """What a JPEG XL file says at its beginning.

    Attributes:
        size: Width and height.
        bits: Of each value.
    """

    size: tuple[int, int]
    bits: int


class _Bits:
    def __init__(self, data: bytes) -> None:
        self.left = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        value = self.left & ((1 << count) - 1)
        self.left >>= count
        return value

    def one_of(self, *ways: tuple[int, int]) -> int:
        """A number coded in one of four ways: its least value, and further bits."""
        least, count = ways[self.take(2)]
        return least + self.take(count)

    def sides(
        self, *large: tuple[int, int], small: tuple[tuple[int, int], ...] = ()
    ) -> tuple[int, int]:
        """Width and height, either as such or in eighths."""
        in_eighths = self.take(1)

        def side() -> int:
            if not in_eighths:
                return self.one_of(*large)
            return 8 * (self.one_of(*small) if small else self.take(5) + 1)

        height = side()
        if ratio := self.take(3):
            wide, high = _RATIOS[ratio - 1]
            return height * wide // high, height
        return side(), height


def jxl_header(data: bytes) -> JxlHeader:
    """Reads it from a JPEG XL file.

    Raises:
        UserError: If it holds floats.
        ValueError: If it holds no picture.
    """
    code = data
    if not data.startswith(_BARE):
        pictures = (
            body[4 * (name == b"jxlp") :]
            for name, body in boxes(data)
            if name in (b"jxlc", b"jxlp")
        )
        code = next(pictures, b"")
    if not code.startswith(_BARE):
        raise ValueError("there is no picture in it")
    bits = _Bits(code[len(_BARE) : _HEADER])
    size = bits.sides(*_SIDE)
    if bits.take(1):  # all else is as usual
        return JxlHeader(size, 8)
    if bits.take(1):
        bits.take(3)  # orientation
        if bits.take(1):  # the size to show it at
            bits.sides(*_SIDE)
        if bits.take(1):  # a preview
            bits.sides(
                *((1, 6), (65, 8), (321, 10), (1345, 12)),
                small=((16, 0), (32, 0), (1, 5), (33, 9)),
            )
        if bits.take(1):  # frames a second, loops, time codes
            bits.one_of((100, 0), (1000, 0), (1, 10), (1, 30))
            bits.one_of((1, 0), (1001, 0), (1, 8), (1, 10))
            bits.one_of((0, 0), (0, 3), (0, 16), (0, 32))
            bits.take(1)
    if bits.take(1):
        raise UserError("holds floats; 8 and 16 bit are supported")
    return JxlHeader(size, bits.one_of((8, 0), (10, 0), (12, 0), (1, 6)))


def read_jxl(data: bytes) -> tuple[np.ndarray, int]:
    """Reads uint8 or uint16 `[H, W, C]`, upright; and says how many frames there are.

    White of any number of bits becomes that of 8 or 16.

    Raises:
        UserError: If it holds floats.
    """
    bits = jxl_header(data).bits
    pixels = imagecodecs.jpegxl_decode(data)
    frames = len(pixels) if pixels.ndim == 4 else 1
    pixels = pixels[0] if pixels.ndim == 4 else pixels
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if bits > 8:
        return to_16bit(pixels, 2**bits - 1), frames
    if bits < 8:
        pixels = np.round(pixels * (255 / (2**bits - 1))).astype(np.uint8)
    return pixels, frames
