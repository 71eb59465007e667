"""From packets to frames: broken ones repaired, fields put together, times in order."""

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from srgan_tf.errors import optional

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream


@dataclasses.dataclass
class Notes:
    """What happened while frames were read.

    Attributes:
        repaired: How many could not be decoded as they were: they repeat the one
            before, or the decoder made them up from it.
        interlaced: How many were made of two fields.
        missing: How many the file speaks of and does not have.
        lost: What frames say or show that the result does not.
    """

    repaired: int = 0
    interlaced: int = 0
    missing: int = 0
    lost: set[str] = dataclasses.field(default_factory=set)

    def lines(self) -> list[str]:
        """In words."""
        lines = []
        if self.repaired:
            lines.append(f"{self.repaired} broken frames are made of those beside them")
        if self.interlaced:
            lines.append(f"{self.interlaced} interlaced frames were deinterlaced")
        if self.missing:
            lines.append(f"the file ends early: {self.missing} frames are missing")
        return lines


# Frames by which a file that does not count them may be shorter than it says.
_UNSURE = 2.5
# What goes with frames of a kind that no encoder takes.
_BESIDE = {
    "A53_CC": "closed captions",
    "DYNAMIC_HDR_PLUS": "HDR10+",
    "DOVI_RPU_BUFFER": "Dolby Vision",
    "DOVI_METADATA": "Dolby Vision",
}


def usual_rate(stream: "VideoStream") -> Fraction:
    """Frames per second of a video, on average."""
    return stream.average_rate or stream.guessed_rate or Fraction(25)


def decoded(
    container: "InputContainer", stream: "VideoStream", notes: Notes
) -> Iterator["VideoFrame"]:
    """All frames, progressive; in the place of one that is broken, one beside it.

    Args:
        container: An open file.
        stream: Its video, decoded without frame threads.
        notes: Takes up what happens.
    """
    frames = _repaired(container, stream, notes)
    frames = _deinterlaced(frames, stream, notes)
    assert stream.time_base
    usual = max(round(1 / (usual_rate(stream) * stream.time_base)), 1)
    last = None
    for frame in frames:
        if frame.pts is None:
            frame.pts = (frame.dts or 0) if last is None else last + usual
        if last is not None and frame.pts <= last:
            frame.pts = last + 1
        last = frame.pts
        yield frame


def _repaired(
    container: "InputContainer", stream: "VideoStream", notes: Notes
) -> Iterator["VideoFrame"]:
    av = optional("av", "video")
    decoder = _decoder(stream)
    broken: list[int] = []
    before = None
    packets, until = 0, Fraction(0)
    for packet in container.demux():
        if packet.size and packet.pts is not None:
            end = (packet.pts + (packet.duration or 0)) * packet.time_base
            until = max(until, end)
        if packet.stream.index != stream.index:
            continue
        packets += packet.size > 0
        try:
            frames = decoder.decode(packet)
        except av.error.InvalidDataError:
            notes.repaired += 1
            if packet.pts is not None:
                broken.append(packet.pts)
            continue
        for frame in frames:
            for pts in sorted(x for x in broken if frame.pts and x < frame.pts):
                broken.remove(pts)
                yield from _repeated(before or frame, pts)
            notes.repaired += frame.is_corrupt
            part: Any
            for part in frame.side_data:
                if part.type.name in _BESIDE:
                    notes.lost.add(_BESIDE[part.type.name])
            yield (before := frame)
    if before:
        for pts in sorted(broken):
            yield from _repeated(before, pts)
    notes.missing = max(stream.frames - packets, 0)
    if "matroska" in container.format.name and container.duration:
        absent = (Fraction(container.duration, 10**6) - until) * usual_rate(stream)
        if absent > _UNSURE:
            notes.missing = round(absent)


def _decoder(stream: "VideoStream") -> Any:
    """What decodes a stream; FFmpeg's own VP8 and VP9 see no transparency."""
    name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(stream.codec_context.name)
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    if tags.get("alpha_mode") != "1" or name is None:
        return stream
    av = optional("av", "video")
    decoder = av.CodecContext.create(name, "r")
    decoder.extradata = stream.codec_context.extradata
    return decoder


def _repeated(frame: "VideoFrame", pts: int) -> Iterator["VideoFrame"]:
    """A frame at another time; whoever takes it is done with it at its own."""
    own, frame.pts = frame.pts, pts
    yield frame
    frame.pts = own


def _deinterlaced(
    frames: Iterator["VideoFrame"], stream: "VideoStream", notes: Notes
) -> Iterator["VideoFrame"]:
    """Puts fields together, from the first frame on that consists of two."""
    graph = None
    for frame in frames:
        notes.interlaced += frame.interlaced_frame
        if graph is None and frame.interlaced_frame:
            graph = _Deinterlacer(frame, stream)
        yield from graph(frame) if graph else [frame]
    if graph:
        yield from graph(None)


class _Deinterlacer:
    """FFmpeg's bwdif, which leaves progressive frames alone."""

    def __init__(self, frame: "VideoFrame", stream: "VideoStream"):
        av = optional("av", "video")
        filters = optional("av.filter", "video")
        self._wait = (av.error.BlockingIOError, av.error.EOFError)
        self._time_base = stream.time_base
        self._graph = filters.Graph()
        source = self._graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=stream.time_base,
        )
        bwdif = self._graph.add("bwdif", "mode=send_frame:deint=interlaced")
        plain = self._graph.add("format", f"pix_fmts={frame.format.name}")
        sink = self._graph.add("buffersink")
        self._graph.link_nodes(source, bwdif, plain, sink)
        self._graph.configure()

    def __call__(self, frame: "VideoFrame | None") -> Iterator["VideoFrame"]:
        self._graph.vpush(frame)
        while True:
            try:
                ready = self._graph.vpull()
            except self._wait:
                return
            unit = ready.time_base / self._time_base
            ready.pts = round(ready.pts * unit)
            ready.duration = round(ready.duration * unit)
            ready.time_base = self._time_base
            yield ready
