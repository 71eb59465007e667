"""Encoding frames into segments: packets in small files, which can be joined.

Each segment is encoded by itself, so that work that was stopped goes on at the next
one, and the joined whole is the same as if it had never been stopped.
"""

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy._core._multiarray_umath import __cpu_features__

from srgan_tf.errors import UserError, optional, reason
from srgan_tf.files import whole_file
from srgan_tf.video.colours import Colours, from_pixels
from srgan_tf.video.kinds import CODECS
from srgan_tf.video.light import Light
from srgan_tf.video.reading import Frame

if TYPE_CHECKING:
    from av import Packet
    from av.video.codeccontext import VideoCodecContext

# Two seconds, as of streams: what is lost at most by a stop, for few more key frames.
SEGMENT = 48
# With AVX-512, x264's mbtree (core 165) depends on memory that it has not written to:
# now and then other bytes for the same frames. Such processors have all of these.
_WITHOUT_AVX512 = "SSE2Fast,LZCNT,FMA3,BMI2,AVX2"
# FFmpeg's name of what goes with a packet in Matroska: the transparency of VP9.
_ALPHA = "matroska_block_additional"


@dataclasses.dataclass(frozen=True)
class Coding:
    """How frames are encoded.

    Attributes:
        codec: A name in `CODECS`.
        crf: Quality; None for what is usual.
        preset: Of the encoder; None for what is usual.
        width: In pixels, even.
        height: Likewise.
        deep: Whether with 10 bits.
        alpha: Whether with transparency.
        light: How bright they were made to be, for codecs that tell.
        colours: What the numbers mean.
        time_base: Unit of the time stamps, in seconds.
        rate: Frames per second, on average.
        aspect: Width of a pixel by its height.
    """

    codec: str
    crf: int | None
    preset: str | None
    width: int
    height: int
    deep: bool
    alpha: bool
    light: Light | None
    colours: Colours
    time_base: Fraction
    rate: Fraction
    aspect: Fraction

    @property
    def stored(self) -> str:
        """FFmpeg's name of the pixels' format."""
        if self.alpha:
            return "yuva420p"
        return "yuv420p10le" if self.deep else "yuv420p"

    def set_up(self, context: "VideoCodecContext") -> None:
        """Tells an encoder all of it."""
        codec = CODECS[self.codec]
        context.width, context.height = self.width, self.height
        context.pix_fmt, context.time_base = self.stored, self.time_base
        context.framerate, context.sample_aspect_ratio = self.rate, self.aspect
        context.colorspace, context.color_range = self.colours[:2]
        context.color_primaries, context.color_trc = self.colours[2:]
        context.thread_count = 0  # as many as there are processors
        context.thread_type = "FRAME"  # slices of x264 make larger files
        options = {"crf": str(codec.crf if self.crf is None else self.crf)}
        if codec.encoder == "libvpx-vp9":
            context.bit_rate = 0
            options |= {"row-mt": "1", "cpu-used": "2"}
            if self.alpha:
                options["auto-alt-ref"] = "0"  # the two streams go side by side
        if self.codec == "h264":
            # A quarter of what is usual: frames that wait take up 20 MB each and more.
            options["rc-lookahead"] = "10"
            told = self.light.for_x264() if self.light else {}
            if __cpu_features__.get("AVX512F"):
                told["asm"] = _WITHOUT_AVX512
            options["x264-params"] = _parameters(told)
        if self.codec == "hevc":
            told = self.light.for_x265() if self.light else {}
            options["x265-params"] = _parameters({"log-level": "error", **told})
        if self.codec == "av1" and self.light:
            options["svtav1-params"] = _parameters(self.light.for_svt())
        if preset := self.preset or codec.preset:
            options["deadline" if self.codec == "vp9" else "preset"] = preset
        context.options = options

    def encoder(self) -> "VideoCodecContext":
        """A new one, which has begun.

        Raises:
            UserError: If it cannot do that.
        """
        av = optional("av", "video")
        os.environ.setdefault("SVT_LOG", "1")  # errors, and not each of its settings
        context = av.CodecContext.create(CODECS[self.codec].encoder, "w")
        self.set_up(context)
        context.flags |= av.codec.context.Flags.global_header
        try:
            context.open()
        except (av.FFmpegError, ValueError) as error:
            preset = f" and --preset={self.preset}" if self.preset else ""
            raise UserError(
                f"{self.codec} does not take {self.width}x{self.height} pixels with "
                f"these settings, {10 if self.deep else 8} bits{preset} among them "
                f"({reason(error)}); another --codec may"
            ) from None
        return context


class Coded(NamedTuple):
    """A frame as it was encoded.

    Attributes:
        pts: When it is shown.
        duration: How long; 0 if that is not known.
        key: Whether it is decoded without another.
        data: Of its packet.
        alpha: Of the packet's transparency; empty if there is none.
    """

    pts: int
    duration: int
    key: bool
    data: bytes
    alpha: bytes = b""

    def packet(self) -> "Packet":
        """It as a packet, still without a time of decoding."""
        av = optional("av", "video")
        packet = av.Packet(self.data)
        if self.alpha:
            kind = av.packet.packet_sidedata_type_from_literal(_ALPHA)
            beside = av.packet.PacketSideData(kind, len(self.alpha))
            beside.update(self.alpha)
            packet.set_sidedata(beside)
        packet.pts, packet.duration = self.pts, self.duration
        packet.is_keyframe = self.key
        return packet


class Segments:
    """A folder of segments, filled one after the other.

    Args:
        folder: Where they are, made with the first one.
        coding: How to encode.
    """

    def __init__(self, folder: Path, coding: Coding):
        self.folder, self.coding = folder, coding
        self.number = 0
        while self._file(self.number).exists():
            self.number += 1
        self.frames = sum(len(index(self._file(x))) for x in range(self.number))
        self._encoder: VideoCodecContext | None = None
        self._durations: dict[int, int] = {}
        self._coded: list[Coded] = []

    def add(self, frame: Frame) -> None:
        """Encodes a frame; each full segment is a file from then on.

        Raises:
            UserError: If it cannot be encoded or written.
        """
        if self._encoder is None:
            self._encoder = self.coding.encoder()
        pixels = _even(frame.pixels)
        stored = from_pixels(pixels, self.coding.stored, self.coding.colours)
        stored.pts, stored.time_base = frame.pts, self.coding.time_base
        self._durations[frame.pts] = frame.duration
        self._take(self._encoder.encode(stored))
        if len(self._durations) == SEGMENT:
            self.end()

    def end(self) -> None:
        """Ends the last segment."""
        if self._encoder is None:
            return
        self._take(self._encoder.encode(None))
        _write(self._file(self.number), self._coded)
        self.number += 1
        self.frames += len(self._coded)
        self._encoder, self._durations, self._coded = None, {}, []

    def _take(self, packets: Iterable) -> None:
        for packet in packets:
            alpha = packet.get_sidedata(_ALPHA)
            self._coded.append(
                Coded(
                    packet.pts,
                    self._durations[packet.pts],
                    packet.is_keyframe,
                    bytes(packet),
                    bytes(alpha) if alpha else b"",
                )
            )

    def files(self) -> list[Path]:
        """Those that are there."""
        return [self._file(x) for x in range(self.number)]

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:06}.segment"


def _parameters(values: dict[str, str]) -> str:
    return ":".join(f"{name}={value}" for name, value in values.items())


def _even(pixels: np.ndarray) -> np.ndarray:
    """With the last row and column once more where their number is odd."""
    odd = [(0, side % 2) for side in pixels.shape[:2]]
    return np.pad(pixels, [*odd, (0, 0)], mode="edge") if any(map(any, odd)) else pixels


def _write(path: Path, frames: Iterable[Coded]) -> None:
    frames = list(frames)
    head = [[*x[:3], len(x.data), len(x.alpha)] for x in frames]
    with whole_file(path) as partial, partial.open("wb") as file:
        file.write(json.dumps(head).encode() + b"\n")
        for frame in frames:
            file.write(frame.data + frame.alpha)


def index(path: Path) -> list[Coded]:
    """The frames of a segment without their data, in the order of decoding."""
    with path.open("rb") as file:
        return [
            Coded(pts, duration, key, b"")
            for pts, duration, key, *_ in json.loads(file.readline())
        ]


def read_segment(path: Path) -> Iterator[Coded]:
    """The frames of a segment, in the order of decoding."""
    with path.open("rb") as file:
        for pts, duration, key, size, alpha in json.loads(file.readline()):
            data, alpha_data = file.read(size), file.read(alpha)
            yield Coded(pts, duration, key, data, alpha_data)
