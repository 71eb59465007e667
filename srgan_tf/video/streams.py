"""What a video file holds beside the pictures, and what of it another can hold."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from srgan_tf.errors import optional
from srgan_tf.video.kinds import CONTAINERS
from srgan_tf.video.reading import is_cover, opened

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.stream import Stream

_IMAGES = {"mjpeg": "image/jpeg", "png": "image/png", "bmp": "image/bmp"}


class Held(NamedTuple):
    """What a kind of file can hold of another's streams, beside the pictures.

    Attributes:
        numbers: Of those that it can.
        lost: The others, in words.
    """

    numbers: list[int]
    lost: list[str]


def held(path: Path, container: str) -> Held:
    """What can be copied from a video; each stream is tried, as only muxers know.

    Args:
        path: The video.
        container: A name in `CONTAINERS`.
    """
    numbers, lost = [], []
    with opened(path) as (source, pictures):
        for stream in source.streams:
            if stream is pictures or stream.discard.name == "all":
                continue  # the chapters' names in MP4, made anew from the chapters
            if _is_time_code(stream) and container in ("mp4", "mov"):
                continue  # made anew from what the pictures say
            if _fits(stream, container):
                numbers.append(stream.index)
            else:
                codec = stream.codec_context
                name = codec.name if codec else stream.metadata.get("handler_name")
                lost.append(f"{stream.type} {stream.index} ({name or 'unknown'})")
    return Held(numbers, lost)


def _fits(stream: "Stream", container: str) -> bool:
    av = optional("av", "video")
    muxer = CONTAINERS[container].muxer
    if stream.type == "attachment" or (is_cover(stream) and muxer == "matroska"):
        return container == "mkv"
    try:
        with av.open(io.BytesIO(), "w", format=muxer) as out:
            add_copy(out, stream, container)
            out.start_encoding()
    except (ValueError, av.FFmpegError):
        return False
    return True


def add_copy(
    out: "OutputContainer", stream: "Stream", container: str
) -> "Stream | None":
    """Adds a stream as it is to a new file.

    Returns:
        It, for its packets; None if it has none.

    Raises:
        ValueError: If the file cannot hold it.
    """
    copy: Any
    attached: Any = stream
    if is_cover(stream) and container == "mkv":
        mime = _IMAGES[stream.codec_context.name]
        name = stream.metadata.get("filename", f"cover.{mime[6:].replace('e', '')}")
        copy = out.add_attachment(name, mime, _cover(stream.container.name))
        copy.metadata.update(stream.metadata)
        return None
    if stream.type == "attachment":
        name = stream.metadata.get("filename", "")
        copy = out.add_attachment(name, attached.mimetype or "", attached.data)
        copy.metadata.update(stream.metadata)
        return None
    if stream.type == "data":
        raise ValueError("no container takes those of another")
    copy = out.add_stream_from_template(stream, opaque=True)
    copy.metadata.update(stream.metadata)
    copy.disposition = stream.disposition
    return copy


def _cover(path: str) -> bytes:
    with optional("av", "video").open(path) as again:
        for packet in again.demux():
            if is_cover(packet.stream) and packet.size:
                return bytes(packet)
    raise ValueError("has no picture in its cover")


def _is_time_code(stream: "Stream") -> bool:
    return stream.type == "data" and "timecode" in stream.metadata
