"""One video: decoded, upscaled and encoded at the same time, piece by piece."""

import contextlib
import hashlib
import json
import os
import shutil
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from srgan_tf.errors import UserError, reason
from srgan_tf.files import hold
from srgan_tf.inference.frames import FrameUpscaler
from srgan_tf.inference.jobs import Job
from srgan_tf.inference.progress import Progress
from srgan_tf.inference.results import Record
from srgan_tf.inference.threads import Behind, ahead
from srgan_tf.inference.tiles import Upscaler
from srgan_tf.options import UpscaleOptions
from srgan_tf.video.decoding import Notes
from srgan_tf.video.encoding import SEGMENT, Coding, Segments, index
from srgan_tf.video.joining import Span, join
from srgan_tf.video.kinds import ALPHA_CODEC, CODECS, CONTAINERS, codec_for
from srgan_tf.video.reading import Video, read_frames
from srgan_tf.video.streams import held

_LOCK = "lock"


class Part(NamedTuple):
    """The frames that are wanted: the first one, and the one behind the last."""

    start: int
    stop: int | None

    @classmethod
    def of(cls, options: UpscaleOptions) -> "Part":
        """Those of `--frames`."""
        start, _, stop = (options.frames or ":").partition(":")
        return cls(int(start or 0), int(stop) if stop else None)

    def count(self, frames: int) -> int:
        """How many that is of some number of frames."""
        stop = frames if self.stop is None else min(self.stop, frames)
        return max(stop - self.start, 0)


def coding_of(
    video: Video, scale: int, container: str, options: UpscaleOptions
) -> Coding:
    """How the result of a video is encoded.

    Raises:
        UserError: If the options do not go together.
    """
    codec = codec_for(container, options.codec, deep=video.deep, alpha=video.alpha)
    alpha = video.alpha and CONTAINERS[container].alpha and codec == ALPHA_CODEC
    if options.crf is not None and options.crf > CODECS[codec].most:
        raise UserError(f"--crf={options.crf}: {codec} takes 0 to {CODECS[codec].most}")
    # 4:2:0 has no odd sizes.
    width, height = (-(-scale * side // 2) * 2 for side in (video.width, video.height))
    return Coding(
        codec,
        options.crf,
        options.preset,
        width,
        height,
        video.deep and not alpha,
        alpha,
        video.light,
        video.colours.for_result(width, height, rgb=video.rgb),
        video.time_base,
        video.rate,
        video.aspect,
    )


class VideoWork:
    """The upscaling of one video; stopped and begun again, it goes on where it was.

    Within it as a context no other process does the same.

    Args:
        video: What to upscale.
        job: What is to be made, and where: beside it are the finished segments.
        record: What the result says of itself, by which segments are known.
        options: What is wanted.
        progress: Is told of each frame.
    """

    def __init__(
        self,
        video: Video,
        job: Job,
        record: Record,
        *,
        options: UpscaleOptions,
        progress: Progress,
    ):
        self.video, self.container = video, job.wish.kind
        self.scale = job.wish.size.scale
        self.record, self.progress = record, progress
        self.coding = coding_of(video, self.scale, self.container, options)
        self.part = Part.of(options)
        self.notes = Notes()
        made = json.dumps([record.origin.content, record.settings], sort_keys=True)
        name = hashlib.sha256(made.encode()).hexdigest()[:16]
        self.folder = job.target.with_name(f".upscaling.{name}.{job.target.name[-32:]}")
        self.held = held(video.path, self.container)

    def upscale(self, model: Upscaler) -> None:
        """Makes the segments that are not there.

        Raises:
            UserError: If the video cannot be read on, or a segment not be written.
        """
        try:
            self._make_segments(model)
        except BaseException:
            if self.segments.number:
                self.progress.say(
                    f"{self.video.path}: {self.segments.frames} frames are done; the "
                    f"same command goes on from there, and without {self.folder} from "
                    "the beginning."
                )
            raise

    def _make_segments(self, model: Upscaler) -> None:
        progress = self.progress
        frames = FrameUpscaler(model, self.scale)
        first, total = self.segments.frames, self.part.count(self.video.frames)
        megapixels = self.video.width * self.video.height / 1e6
        if first:
            progress.leave_out(first * megapixels)
            progress.say(f"{self.video.path}: goes on behind frame {first}.")
        for what in self._lost():
            self._say_lost(what)
        said: set[str] = set()
        reading = read_frames(
            self.video,
            self.notes,
            start=self.part.start + first,
            stop=self.part.stop,
            alpha=self.coding.alpha,
        )
        with Behind() as encode:
            for number, frame in enumerate(ahead(reading), first):
                if number % SEGMENT == 0:
                    frames.forget()  # no segment depends on the one before
                sr = frames(frame.pixels)
                encode(self.segments.add, frame._replace(pixels=sr))
                progress.advance(megapixels, f"frame {number + 1} of {total}")
                for what in sorted(self.notes.lost - said):
                    said.add(what)
                    self._say_lost(what)
            encode(self.segments.end)
        if not self.segments.number:
            raise UserError(f"has no frames {self.part.start}:{self.part.stop or ''}")

    def _lost(self) -> list[str]:
        """What is known beforehand not to be kept."""
        lost = list(self.held.lost)
        if self.coding.alpha and self.video.deep:
            lost.append("more than 8 bits, as VP9 has transparency with no more")
        elif self.video.bits > 10:
            lost.append(f"more than 10 of the {self.video.bits} bits")
        if self.video.light and self.coding.codec == "vp9":
            lost.append("how bright it was made to be, which VP9 does not say")
        return lost

    def _say_lost(self, what: str) -> None:
        if what == "transparency":
            what += "; --format=webm keeps it"
        self.progress.say(f"{self.video.path}: {self.container} is without {what}.")

    def write(self, path: Path) -> list[str]:
        """Joins the segments, and all else of the video, to one file.

        Returns:
            Nothing: what could not be kept has been said before.
        """
        span = None
        files = self.segments.files()
        if self.part != (0, None):
            shown = [frame for file in files for frame in index(file)]
            begin, last = min(shown), max(shown)
            unit = self.video.time_base
            end = (last.pts + last.duration) * unit
            if not last.duration:
                end += 1 / Fraction(self.video.rate)
            span = Span(begin.pts * unit, None if self.part.stop is None else end)
        join(
            self.video,
            files,
            path,
            container=self.container,
            coding=self.coding,
            kept=self.held.numbers,
            span=span,
        )
        self.record.write_into(path, self.container)
        return []

    def __enter__(self) -> "VideoWork":
        """Keeps other processes from the segments.

        Raises:
            UserError: If one is at work on them.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = hold(self.folder / _LOCK)
        except BlockingIOError:
            raise UserError("another process is upscaling it: wait for that") from None
        except OSError as error:
            raise UserError(f"{self.folder}: {reason(error)}") from None
        self.segments = Segments(self.folder, self.coding)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Removes the segments once they are joined, and says what happened."""
        if error is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            for line in self.notes.lines():
                self.progress.say(f"{self.video.path}: {line}.")
        with contextlib.suppress(OSError):
            (self.folder / _LOCK).unlink(missing_ok=True)
            self.folder.rmdir()  # if there is no segment
        os.close(self._lock)
