"""The finished file: new pictures, and all else as it was."""

import heapq
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from srgan_tf.errors import optional
from srgan_tf.video.encoding import Coding, index, read_segment
from srgan_tf.video.kinds import CODECS, CONTAINERS
from srgan_tf.video.reading import Video, opened, plain_errors

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer, OutputContainer
    from av.stream import Stream


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
    span: Span | None = None,
) -> list[str]:
    """Writes a video file from segments and from all but the pictures of another.

    Sound, subtitles, chapters, attachments, covers and texts are copied as they are.

    Args:
        video: Where they are from.
        segments: Files of the new pictures.
        target: The file to write.
        container: A name in `CONTAINERS`.
        coding: How the segments were encoded.
        span: If the segments are a part of the video: what else is kept.

    Returns:
        What could not be kept, in words.

    Raises:
        UserError: If it cannot be written.
    """
    av = optional("av", "video")
    kind = CONTAINERS[container]
    with opened(video.path) as (source, pictures), plain_errors("cannot be written"):
        options = {"movflags": "+faststart"} if container in ("mp4", "mov") else {}
        if any("." in key for key in source.metadata):  # as phones write them
            options["movflags"] = options.get("movflags", "") + "+use_metadata_tags"
        with av.open(str(target), "w", format=kind.muxer, options=options) as out:
            # Otherwise Matroska gets random numbers.
            out.flags |= av.container.Flags.bitexact.value
            copies, lost = _streams(source, pictures, out, video, coding)
            out.metadata.update(source.metadata)
            out.set_chapters(_chapters(source, span))
            begin = round(span.begin / video.time_base) if span else 0
            new = _new_packets(segments, copies.pop(pictures.index), video, begin)
            old = _old_packets(source, copies, span)
            for packet in heapq.merge(new, old, key=_time):
                out.mux(packet)
    return lost


def _streams(
    source: "InputContainer",
    pictures: "Stream",
    out: "OutputContainer",
    video: Video,
    coding: Coding,
) -> tuple[dict[int, "Stream"], list[str]]:
    """The new file's streams, by the numbers of the old ones; and what is lost."""
    copies: dict[int, Stream] = {}
    lost = []
    for stream in source.streams:
        try:
            copy: Any
            if stream is pictures:
                copy = out.add_stream(CODECS[coding.codec].encoder, coding.rate)
                coding.set_up(copy.codec_context)
                copy.time_base = coding.time_base
                copy.set_display_matrix(video.matrix)
                if coding.codec == "hevc" and out.format.name in ("mp4", "mov"):
                    copy.codec_context.codec_tag = "hvc1"  # which Apple asks for
            elif stream.discard.name == "all":
                continue  # the chapters' names in MP4, made anew from the chapters
            elif stream.type == "attachment":
                name = stream.metadata.get("filename", "")
                attached: Any = stream
                copy = out.add_attachment(name, attached.mimetype or "", attached.data)
            elif stream.type == "data":
                raise ValueError("no container takes those of another")
            else:
                copy = out.add_stream_from_template(stream, opaque=True)
        except ValueError:
            codec = stream.codec_context
            what = codec.name if codec else stream.metadata.get("handler_name", "?")
            lost.append(f"{stream.type} {stream.index} ({what})")
            continue
        copy.metadata.update(stream.metadata)
        copy.disposition = stream.disposition
        copies[stream.index] = copy
    return copies, lost


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
    av = optional("av", "video")
    order = [frame.pts - begin for path in segments for frame in index(path)]
    shown = sorted(order)
    rank = {pts: number for number, pts in enumerate(shown)}
    delay = max(number - rank[pts] for number, pts in enumerate(order))
    step = shown[1] - shown[0] if len(shown) > 1 else 1
    decoded = [shown[0] + step * (x - delay) for x in range(delay)] + shown
    number = 0
    for path in segments:
        for frame in read_segment(path):
            packet = av.Packet(frame.data)
            packet.pts, packet.dts = frame.pts - begin, decoded[number]
            packet.duration, packet.is_keyframe = frame.duration, frame.key
            packet.time_base, packet.stream = video.time_base, stream
            number += 1
            yield packet


def _old_packets(
    source: "InputContainer", copies: dict[int, "Stream"], span: Span | None
) -> Iterator["Packet"]:
    """All else; of a part of the video, what begins in it, and covers."""
    streams = [source.streams[number] for number in copies]
    streams = [stream for stream in streams if stream.type != "attachment"]
    for packet in source.demux(streams) if streams else ():
        if not packet.size:
            continue
        if span and packet.pts is not None and not _is_cover(packet.stream):
            if not span.has(packet.pts * packet.time_base):
                continue
            shift = round(span.begin / packet.time_base)
            packet.pts -= shift
            packet.dts = None if packet.dts is None else packet.dts - shift
        packet.stream = copies[packet.stream.index]
        yield packet


def _is_cover(stream: "Stream") -> bool:
    return "attached_pic" in str(stream.disposition)


def _time(packet: "Packet") -> float:
    at = packet.pts if packet.dts is None else packet.dts
    return 0.0 if at is None else float(at * packet.time_base)
