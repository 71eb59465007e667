"""How bright a video was made to be: what HDR files tell screens (SMPTE ST 2086)."""

import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from av import VideoFrame

_STEPS = 50_000  # of chromaticities, in H.265
_NITS = 10_000  # steps of luminances in one cd/m2


class Light(NamedTuple):
    """The screen that a video was made on, and its brightest pixels.

    Attributes:
        screen: x and y of red, green, blue and white, lowest and highest luminance in
            cd/m2; empty if it is not said.
        levels: The brightest pixel, and the brightest mean of a frame, in cd/m2; empty
            if they are not said.
    """

    screen: tuple[Fraction, ...]
    levels: tuple[int, ...]

    @classmethod
    def of(cls, frame: "VideoFrame") -> "Light | None":
        """What a decoded frame says; None if nothing."""
        screen: tuple[Fraction, ...] = ()
        levels: tuple[int, ...] = ()
        part: Any
        for part in frame.side_data:
            if part.type.name == "MASTERING_DISPLAY_METADATA":
                *pairs, chromaticities, luminances = struct.unpack("22i", bytes(part))
                if chromaticities and luminances:
                    screen = tuple(map(Fraction, pairs[::2], pairs[1::2]))
            elif part.type.name == "CONTENT_LIGHT_LEVEL":
                levels = struct.unpack("2I", bytes(part))
        return cls(screen, levels) if screen or levels else None

    def for_x265(self) -> dict[str, str]:
        """As parameters of x265."""
        said = {}
        if self.screen:
            names = self._named(lambda x: round(x * _STEPS), lambda x: round(x * _NITS))
            said["master-display"] = names
        if self.levels:
            said["max-cll"] = "{},{}".format(*self.levels)
        return said

    def for_x264(self) -> dict[str, str]:
        """As parameters of x264."""
        names = {"master-display": "mastering-display", "max-cll": "cll"}
        return {names[name]: value for name, value in self.for_x265().items()}

    def for_svt(self) -> dict[str, str]:
        """As parameters of SVT-AV1."""
        said = {}
        if self.screen:
            said["mastering-display"] = self._named(float, float)
        if self.levels:
            said["content-light"] = "{},{}".format(*self.levels)
        return said

    def _named(self, place: Any, luminance: Any) -> str:
        red, green, blue, white = (
            f"({place(self.screen[x])},{place(self.screen[x + 1])})"
            for x in (0, 2, 4, 6)
        )
        low, high = map(luminance, self.screen[8:])
        return f"G{green}B{blue}R{red}WP{white}L({high},{low})"
