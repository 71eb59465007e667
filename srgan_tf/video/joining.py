"""The finished file: new pictures, and all else as it was."""

import heapq
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from srgan_tf.errors import optional
from srgan_tf.video.encoding import Coding, index, read_segment
from srgan_tf.video.kinds import CODECS, CONTAINERS
from srgan_tf.video.reading import Video, is_cover, located, opened, plain_errors
from srgan_tf.video.streams import add_copy

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer, OutputContainer
    from av.stream import Stream


# What a stream says of how it was encoded, and of that alone.
_OF_ENCODING = re.compile(
    "encoder|alpha_mode|duration|bps|number_of_|_statistics", re.IGNORECASE
)


class Span(NamedTuple):
    """A part of a video, in seconds; None where it reaches the video's end."""

    begin: Fraction
    end: Fraction | None

    def has(self, time: Fraction) -> bool:
        """Whether a time is in it."""
        return self.begin <= time and (self.end is None or time < self.end)


def join(
    video: Video,
    segments: Sequence[Path],
    target: Path,
    *,
    container: str,
    coding: Coding,
    kept: Sequence[int],
    span: Span | None = None,
) -> None:
    """Writes a video file from segments and from all but the pictures of another.

    Sound, subtitles, chapters, attachments, covers and texts are copied as they are.

    Args:
        video: Where they are from.
        segments: Files of the new pictures.
        target: The file to write.
        container: A name in `CONTAINERS`.
        coding: How the segments were encoded.
        kept: Numbers of the other streams to copy: see `held`.
        span: If the segments are a part of the video: what else is kept.

    Raises:
        UserError: If it cannot be written.
    """
    av = optional("av", "video")
    kind = CONTAINERS[container]
    with opened(video.path) as (source, pictures), plain_errors("cannot be written"):
        options = {"movflags": "+faststart"} if container in ("mp4", "mov") else {}
        if any("." in key for key in source.metadata):  # as phones write them
            options["movflags"] = options.get("movflags", "") + "+use_metadata_tags"
        place = located(target)
        with av.open(place, "w", format=kind.muxer, options=options) as out:
            # Otherwise Matroska gets random numbers.
            out.flags |= av.container.Flags.bitexact.value
            # In the order of the source.
            copies: dict[int, Stream] = {}
            for stream in source.streams:
                if stream is pictures:
                    new_pictures = _add_pictures(out, stream, video, coding)
                elif stream.index in kept and (
                    copy := add_copy(out, stream, container)
                ):
                    copies[stream.index] = copy
            out.metadata.update(source.metadata)
            out.set_chapters(_chapters(source, span))
            begin = round(span.begin / video.time_base) if span else 0
            new = _new_packets(segments, new_pictures, video, begin)
            old = _old_packets(source, copies, span)
            for packet in heapq.merge(new, old, key=_time):
                out.mux(packet)


def _add_pictures(
    out: "OutputContainer", pictures: "Stream", video: Video, coding: Coding
) -> "Stream":
    """The stream of the new pictures, with what the old one says of itself."""
    stream: Any = out.add_stream(CODECS[coding.codec].encoder, coding.rate)
    coding.set_up(stream.codec_context)
    stream.time_base = coding.time_base
    stream.set_display_matrix(video.matrix)
    if coding.codec == "hevc" and out.format.name in ("mp4", "mov"):
        stream.codec_context.codec_tag = "hvc1"  # which Apple asks for
    for name, value in pictures.metadata.items():
        if not _OF_ENCODING.match(name):
            stream.metadata[name] = value
    if coding.alpha:
        stream.metadata["alpha_mode"] = "1"
    stream.disposition = pictures.disposition
    return stream


def _chapters(source: "InputContainer", span: Span | None) -> list[Any]:
    """Those of a part, counted from where that begins."""
    if span is None:
        return list(source.chapters())
    chapters = []
    for chapter in source.chapters():
        unit = chapter["time_base"] or Fraction(1, 1000)
        first, last = max(chapter["start"] * unit, span.begin), chapter["end"] * unit
        if span.end is not None:
            last = min(last, span.end)
        if first < last:
            start, end = ((time - span.begin) / unit for time in (first, last))
            chapters.append({**chapter, "start": round(start), "end": round(end)})
    return chapters


def _new_packets(
    segments: Sequence[Path], stream: "Stream", video: Video, begin: int
) -> Iterator["Packet"]:
    """The new pictures, with times of decoding that fit together over all segments."""
    frames = [frame for path in segments for frame in index(path)]
    order = [frame.pts - begin for frame in frames]
    durations = {frame.pts - begin: frame.duration for frame in frames}
    shown = sorted(order)
    rank = {pts: number for number, pts in enumerate(shown)}
    delay = max(number - rank[pts] for number, pts in enumerate(order))
    # MP4 stores but the time from one decoding to the next: in sum, that is how long
    # the video is shown.
    lead = sum(durations[pts] for pts in shown[-1 - delay :]) - durations[order[-1]]
    ahead = max(Fraction(lead, delay), Fraction(1)) if delay else Fraction(0)
    decoded = [shown[0] - round(ahead * (delay - x)) for x in range(delay)] + shown
    number = 0
    for path in segments:
        for frame in read_segment(path):
            packet = frame.packet()
            packet.pts, packet.dts = frame.pts - begin, decoded[number]
            packet.time_base, packet.stream = video.time_base, stream
            number += 1
            yield packet


def _old_packets(
    source: "InputContainer", copies: dict[int, "Stream"], span: Span | None
) -> Iterator["Packet"]:
    """All else; of a part of the video, what begins in it, and covers."""
    streams = [source.streams[number] for number in copies]
    for packet in source.demux(streams) if streams else ():
        if not packet.size:
            continue
        if span and packet.pts is not None and not is_cover(packet.stream):
            if not span.has(packet.pts * packet.time_base):
                continue
            shift = round(span.begin / packet.time_base)
            packet.pts -= shift
            packet.dts = None if packet.dts is None else packet.dts - shift
        packet.stream = copies[packet.stream.index]
        yield packet


def _time(packet: "Packet") -> float:
    at = packet.pts if packet.dts is None else packet.dts
    return 0.0 if at is None else float(at * packet.time_base)
