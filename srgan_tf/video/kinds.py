"""Kinds of videos: which files are some, and what those that we write can hold."""

import importlib.util
from pathlib import Path
from typing import NamedTuple

from srgan_tf.errors import UserError


class Codec(NamedTuple):
    """How frames are coded.

    Attributes:
        encoder: FFmpeg's name of what does it.
        crf: The quality where none is named; lower is better.
        most: The highest `crf`.
        preset: Where none is named; empty if there are none.
    """

    encoder: str
    crf: int
    most: int
    preset: str


CODECS = {
    "h264": Codec("libx264", 18, 51, "medium"),
    "hevc": Codec("libx265", 20, 51, "medium"),
    "vp9": Codec("libvpx-vp9", 24, 63, ""),
    "av1": Codec("libsvtav1", 24, 63, "8"),
}


# The one that has transparency: a second stream of 8 bits, beside each of its packets.
ALPHA_CODEC = "vp9"


class Container(NamedTuple):
    """A kind of file that videos are written to.

    Attributes:
        muxer: FFmpeg's name of it.
        suffixes: Of file names, the usual one first.
        codecs: Names in `CODECS`, the one for 8 bits first, that for 10 bits last.
        alpha: Whether it holds transparency, beside VP9.
    """

    muxer: str
    suffixes: tuple[str, ...]
    codecs: tuple[str, ...]
    alpha: bool = False


CONTAINERS = {
    "mp4": Container("mp4", (".mp4", ".m4v"), ("h264", "vp9", "av1", "hevc")),
    "mov": Container("mov", (".mov", ".qt"), ("h264", "hevc")),
    "mkv": Container("matroska", (".mkv",), ("h264", "vp9", "av1", "hevc"), alpha=True),
    "webm": Container("webm", (".webm",), ("vp9", "av1"), alpha=True),
}

_SUFFIXES = tuple(x for kind in CONTAINERS.values() for x in kind.suffixes)
VIDEO_SUFFIXES = (*_SUFFIXES, ".avi")


def is_there() -> bool:
    """Whether PyAV is, which reads and writes videos."""
    return importlib.util.find_spec("av") is not None


def is_video(path: Path) -> bool:
    """Whether a file is a video, by its name."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def container_of(path: Path) -> str | None:
    """The name in `CONTAINERS` that a file's name stands for."""
    suffix = path.suffix.lower()
    return next((n for n, kind in CONTAINERS.items() if suffix in kind.suffixes), None)


def codec_for(
    container: str, codec: str | None, *, deep: bool, alpha: bool = False
) -> str:
    """The codec of a result.

    Args:
        container: Its kind.
        codec: What is wanted; None for what is usual.
        deep: Whether it has 10 bits.
        alpha: Whether it has transparency, which is kept where that can be.

    Raises:
        UserError: If that kind of file does not take it.
    """
    choices = CONTAINERS[container].codecs
    if codec is None and alpha and CONTAINERS[container].alpha:
        return ALPHA_CODEC
    if codec is None:
        return choices[-1 if deep else 0]
    if codec not in choices:
        raise UserError(
            f"--codec={codec}: {container} takes {', '.join(dict.fromkeys(choices))}"
        )
    return codec
