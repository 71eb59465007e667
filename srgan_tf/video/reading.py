"""Reading videos: what a file says of itself, and its frames, one after the other."""

import contextlib
import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from srgan_tf.errors import UserError, optional, reason
from srgan_tf.video.colours import Colours, has_alpha, is_clear, to_pixels
from srgan_tf.video.decoding import Notes, decoded, usual_rate
from srgan_tf.video.light import Light

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream


# FFmpeg's names of what may be in a file, whatever its own name says: not lists of
# other files, and not photos.
_DEMUXERS = "mov,matroska,avi,gif,apng,mpegts,mpeg,flv,asf,ogg"


@dataclasses.dataclass(frozen=True)
class Video:
    """What is known of a video before all of it is decoded.

    Attributes:
        path: Its file.
        width: In pixels as stored, which is the height if it is shown turned.
        height: Likewise.
        frames: How many there are, about; 0 if nothing is known.
        bits: Of its values.
        alpha: Whether it can be transparent.
        light: How bright it was made to be; None if it does not say.
        colours: What its numbers mean.
        rgb: Whether they are RGB.
        time_base: Unit of its time stamps, in seconds.
        rate: Frames per second, on average.
        aspect: Width of a pixel by its height.
        matrix: How it is turned when it is shown; None if as it is stored.
    """

    path: Path
    width: int
    height: int
    frames: int
    bits: int
    alpha: bool
    light: Light | None
    colours: Colours
    rgb: bool
    time_base: Fraction
    rate: Fraction
    aspect: Fraction
    matrix: tuple[int, ...] | None

    @property
    def deep(self) -> bool:
        """Whether its values have more than 8 bits."""
        return self.bits > 8


class Frame(NamedTuple):
    """A frame.

    Attributes:
        pts: When it is shown, in the video's unit.
        duration: How long; 0 if that is not known.
        pixels: RGB, uint8 or uint16 `[H, W, 3]`, or RGBA, uint8 `[H, W, 4]`.
    """

    pts: int
    duration: int
    pixels: np.ndarray


@contextlib.contextmanager
def plain_errors(what: str = "cannot be read as a video") -> Iterator[None]:
    """What FFmpeg cannot do becomes one line.

    Raises:
        UserError: Saying what it was.
    """
    error_class = optional("av", "video").FFmpegError
    try:
        yield
    except error_class as error:
        why = getattr(error, "strerror", None) or reason(error)
        raise UserError(f"{what}: {why}") from None


def located(path: Path) -> str:
    """A path for FFmpeg, which takes some with colons for addresses."""
    return f"file:{path}"


def is_cover(stream: "Stream") -> bool:
    """Whether a stream is a picture that stands for the whole."""
    covers = optional("av", "video").stream.Disposition.attached_pic
    return bool(stream.disposition & covers)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    """Opens a file, and finds its video among the covers.

    Raises:
        UserError: If it cannot be read, or has no video.
    """
    av = optional("av", "video")
    only = {"format_whitelist": _DEMUXERS}
    with (
        plain_errors(),
        av.open(located(path), options=only, metadata_errors="replace") as container,
    ):
        videos = [x for x in container.streams.video if not is_cover(x)]
        if not videos:
            raise UserError("has no video in it")
        videos[0].thread_type = "SLICE"  # an error is of the packet that it comes with
        yield container, videos[0]


def read_video(path: Path) -> Video:
    """Reads what a file says, and its first frame, which knows more.

    Raises:
        UserError: If it is no video, or has no frame.
    """
    with opened(path) as (container, stream):
        frame = next(decoded(container, stream, Notes()), None)
        if frame is None:
            raise UserError("has no frame that can be decoded")
        assert stream.time_base
        rate = usual_rate(stream)
        seconds: Any = 0
        if stream.duration:
            seconds = stream.duration * stream.time_base
        elif container.duration:
            seconds = Fraction(container.duration, 1_000_000)
        return Video(
            path,
            frame.width,
            frame.height,
            stream.frames or round(seconds * rate),
            max(part.bits for part in frame.format.components),
            has_alpha(frame),
            Light.of(frame),
            Colours.of(frame),
            frame.format.is_rgb,
            stream.time_base,
            rate,
            stream.sample_aspect_ratio or Fraction(1),
            _display_matrix(frame),
        )


def read_frames(
    video: Video,
    notes: Notes,
    *,
    start: int = 0,
    stop: int | None = None,
    alpha: bool = False,
) -> Iterator[Frame]:
    """Decodes frames, in the order in which they are shown.

    All before `start` are decoded, too: so each is what it is when all are read. Each
    is shown until the next one is; what files say of that is not always so.

    Args:
        video: What they are of.
        notes: Takes up what happens.
        start: The first one that is wanted.
        stop: Where to end; None for all.
        alpha: Whether with transparency.

    Raises:
        UserError: If the file cannot be read on.
    """
    size = video.width, video.height
    before: Frame | None = None
    with opened(video.path) as (container, stream):
        for count, frame in enumerate(decoded(container, stream, notes)):
            assert frame.pts is not None
            if before:
                yield before._replace(duration=frame.pts - before.pts)
                before = None
            if (frame.width, frame.height) != size:
                raise UserError(
                    f"changes its size from {size[0]}x{size[1]} to {frame.width}x"
                    f"{frame.height}, which cannot be kept: cut it there"
                )
            if stop is not None and count >= stop:
                return
            if count >= start:
                if video.alpha and not alpha and is_clear(frame):
                    notes.lost.add("transparency")
                pixels = to_pixels(frame, video.colours, deep=video.deep, alpha=alpha)
                before = Frame(frame.pts, frame.duration or 0, pixels)
    if before:
        yield before


def _display_matrix(frame: "VideoFrame") -> tuple[int, ...] | None:
    part: Any
    for part in frame.side_data:
        if part.type.name == "DISPLAYMATRIX":
            return tuple(map(int, np.frombuffer(bytes(part), "<i4")))
    return None
