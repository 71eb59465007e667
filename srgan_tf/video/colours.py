"""From what videos store to RGB and back, by the rules that they say they follow.

Numbers are those of ITU-T H.273, which FFmpeg and all codecs use.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from av import VideoFrame

BT709, UNKNOWN, BT470BG, SMPTE170M, BT2020 = 1, 2, 5, 6, 9
LIMITED, FULL = 1, 2
_BT601 = (BT470BG, SMPTE170M)
# swscale's name of a matrix, where it is not that of H.273.
_SWSCALE = {SMPTE170M: BT470BG, 10: BT2020}
# What swscale takes for white in 16 bits: that of 8 bits, and zeros behind.
_WHITE = 255 << 8


class Colours(NamedTuple):
    """What the numbers of a video's pixels mean.

    Attributes:
        matrix: From RGB to luma and chroma.
        range: 1 for 16..235, 2 for 0..255; 0 if it is not said, which means the former.
        primaries: Of red, green and blue.
        transfer: From numbers to light.
    """

    matrix: int = UNKNOWN
    range: int = 0
    primaries: int = UNKNOWN
    transfer: int = UNKNOWN

    @classmethod
    def of(cls, frame: "VideoFrame") -> "Colours":
        """Those of a frame as it was decoded, with what is customary filled in."""
        is_rgb = frame.format.is_rgb
        matrix, full = frame.colorspace, is_rgb or frame.format.name.startswith("yuvj")
        if is_rgb or matrix in (0, UNKNOWN):
            matrix = _customary(frame.width, frame.height)
        levels = FULL if full else frame.color_range or LIMITED
        return cls(matrix, levels, frame.color_primaries, frame.color_trc)

    def for_result(self, width: int, height: int, *, rgb: bool) -> "Colours":
        """Those of a result of some size.

        What has become high definition is BT.709: players that ignore what the file
        says take it for that. Of RGB the range becomes the usual one.
        """
        colours = self._replace(range=LIMITED) if rgb else self
        if self.matrix in _BT601 and _customary(width, height) == BT709:
            return colours._replace(matrix=BT709)
        return colours


def _customary(width: int, height: int) -> int:
    return BT709 if width >= 1280 or height >= 720 else SMPTE170M


def has_alpha(frame: "VideoFrame") -> bool:
    """Whether a frame can be transparent somewhere."""
    parts = frame.format.components
    return frame.format.name == "pal8" or any(part.is_alpha for part in parts)


def is_clear(frame: "VideoFrame") -> bool:
    """Whether a frame is transparent somewhere."""
    if not has_alpha(frame):
        return False
    return bool(frame.reformat(format="rgba").to_ndarray()[..., 3].min() < 255)


def to_pixels(
    frame: "VideoFrame", colours: Colours, *, deep: bool, alpha: bool = False
) -> np.ndarray:
    """A decoded frame as RGB, uint8 or uint16 `[H, W, 3]`, or as RGBA of uint8."""
    if not frame.format.is_rgb:
        frame.colorspace, frame.color_range = colours.matrix, colours.range
    rgb = frame.reformat(
        format="rgba" if alpha else "rgb48le" if deep else "rgb24",
        dst_color_range=FULL,
        interpolation=_careful(),
    )
    pixels = rgb.to_ndarray()
    if alpha or not deep:
        return pixels
    white = _WHITE
    if colours.range == FULL:
        unused = 16 - frame.format.components[0].bits
        white = 65535 >> unused << unused
    return np.minimum(np.round(pixels * np.float32(65535 / white)), 65535).astype(
        np.uint16
    )


def from_pixels(pixels: np.ndarray, stored: str, colours: Colours) -> "VideoFrame":
    """A frame to encode, from RGB.

    Args:
        pixels: uint8 or uint16 `[H, W, 3]`, or uint8 `[H, W, 4]`.
        stored: FFmpeg's name of the format, such as `yuv420p`.
        colours: What its numbers are to mean.
    """
    from av import VideoFrame

    if deep := pixels.dtype == np.uint16:
        pixels = np.round(pixels * np.float32(_WHITE / 65535)).astype(np.uint16)
    form = "rgb48le" if deep else "rgba" if pixels.shape[-1] == 4 else "rgb24"
    rgb = VideoFrame.from_ndarray(pixels, format=form)
    frame = rgb.reformat(
        format=stored,
        src_color_range=FULL,
        dst_colorspace=_SWSCALE.get(colours.matrix, colours.matrix),
        dst_color_range=colours.range,
        interpolation=_careful(),
    )
    frame.colorspace, frame.color_range = colours.matrix, colours.range
    frame.color_primaries, frame.color_trc = colours.primaries, colours.transfer
    return frame


def _careful() -> int:
    from av.video.reformatter import Interpolation as Way

    exact = Way.ACCURATE_RND | Way.FULL_CHR_H_INT | Way.FULL_CHR_H_INP | Way.BITEXACT
    return int(Way.BICUBIC | exact)
