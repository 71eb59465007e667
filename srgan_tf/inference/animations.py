"""Animated GIF, WebP and PNG: frame by frame, with their times and transparency."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from srgan_tf.errors import UserError, reason
from srgan_tf.inference.frames import FrameUpscaler
from srgan_tf.inference.jobs import Job
from srgan_tf.inference.progress import Progress
from srgan_tf.inference.results import Record, state_of
from srgan_tf.inference.tiles import Upscaler, memory_there
from srgan_tf.options import UpscaleOptions
from srgan_tf.pictures.formats import Header
from srgan_tf.pictures.kinds import KINDS

_KINDS = ("gif", "webp", "png")
_SUFFIXES = tuple(suffix for name in _KINDS for suffix in KINDS[name].suffixes)


class Animation(NamedTuple):
    """What is known of an animated picture before its frames are upscaled.

    Attributes:
        path: Its file.
        kind: Its name in `KINDS`.
        width: In pixels.
        height: Likewise.
        frames: How many.
    """

    path: Path
    kind: str
    width: int
    height: int
    frames: int

    def header(self) -> Header:
        """What is known of each of its frames."""
        return Header(self.kind, self.width, self.height, True, False)


def read_animation(path: Path) -> Animation | None:
    """An animated picture; None if it is a still one, or none at all."""
    if path.suffix.lower() not in _SUFFIXES or not path.is_file():
        return None
    return _read(path, state_of(path))


@functools.lru_cache(maxsize=10_000)
def _read(path: Path, state: str) -> Animation | None:
    """What is in a file that is in some state."""
    try:
        with Image.open(path, formats=[KINDS[x].pillow[0] for x in _KINDS]) as image:
            frames = getattr(image, "n_frames", 1)
            kind = next(x for x in _KINDS if image.format in KINDS[x].pillow)
            return Animation(path, kind, *image.size, frames) if frames > 1 else None
    except Exception:  # whoever reads it as a photo says what is wrong
        return None


def animation_kind(kind: str, wanted: str | None) -> str | None:
    """The kind that an animation becomes; None if a photo of its first frame.

    Args:
        kind: Its own.
        wanted: One of `RESULT_FORMATS`, `ANIMATION_FORMATS`, `same`, or None.
    """
    if wanted in (None, "same", kind):
        return kind
    return wanted if wanted in ("webp", "gif") else None


def animation_of(path: Path, kind: str) -> Animation | None:
    """The animation in a file, if a result of some kind is one, too."""
    animation = read_animation(path)
    if animation and animation_kind(animation.kind, kind):
        return animation
    return None


def check_size(animation: Animation, scale: int) -> None:
    """Refuses what does not fit into memory: writers hold all frames.

    Raises:
        UserError: Saying how much it is.
    """
    needed = animation.frames * animation.width * animation.height * scale**2 * 4
    there = memory_there()
    if needed > there / 2:
        raise UserError(
            f"its {animation.frames} frames take up {needed / 1e9:.0f} GB of memory as "
            f"an animation, and there are {there / 1e9:.0f}: make it a video first"
        )


class AnimationWork:
    """The upscaling of one animated picture.

    Args:
        animation: What to upscale.
        job: What is to be made.
        record: What the result says of itself.
        options: What is wanted.
        progress: Is told of each frame.
    """

    def __init__(
        self,
        animation: Animation,
        job: Job,
        record: Record,
        *,
        options: UpscaleOptions,
        progress: Progress,
    ):
        self.animation, self.kind, self.record = animation, job.wish.kind, record
        self.scale = job.wish.size.scale
        self.options, self.progress = options, progress
        self._frames: FrameUpscaler | None = None

    def upscale(self, model: Upscaler) -> None:
        """Makes ready; `write` does the rest, frame by frame."""
        self._frames = FrameUpscaler(model, self.scale)

    def write(self, path: Path) -> list[str]:
        """Writes the result.

        Returns:
            What could not be kept, in words.

        Raises:
            UserError: If the picture cannot be read.
        """
        source = self.animation.path
        stored: dict[str, Any] = {}
        with Image.open(source) as image:
            for name in ("loop", "comment", "icc_profile", "exif", "xmp"):
                if name in image.info:
                    stored[name] = image.info[name]
        stored["duration"] = [
            round(image.info.get("duration", 0)) for image in _images(source)
        ]
        if self.kind == "gif":
            stored["disposal"] = 2  # else what is transparent shows the frame before
        elif self.kind == "png":
            stored |= {"disposal": 1, "blend": 0}
        else:
            stored["quality"] = self.options.quality
            stored["lossless"] = self.options.lossless
            # Otherwise the encoder loses transparency.
            stored["allow_mixed"] = not self.options.lossless
        pictures = list(self._results())
        if any(picture.mode == "RGBA" for picture in pictures):
            pictures = [picture.convert("RGBA") for picture in pictures]
        pictures[0].save(
            path,
            KINDS[self.kind].pillow[0],
            save_all=True,
            append_images=pictures[1:],
            **stored,
        )
        self.record.write_into(path, self.kind)
        if self.kind == "gif" != self.animation.kind:
            return ["more than 256 colours a frame and half transparency"]
        return []

    def __enter__(self) -> "AnimationWork":
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is left to be done."""

    def _results(self) -> Iterator[Image.Image]:
        assert self._frames
        count = self.animation.frames
        megapixels = self.animation.width * self.animation.height / 1e6
        for number, image in enumerate(_images(self.animation.path), 1):
            pixels = np.asarray(image.convert("RGBA"))
            if (pixels[..., 3] == 255).all():
                pixels = pixels[..., :3]
            yield Image.fromarray(self._frames(pixels))
            self.progress.advance(megapixels, f"frame {number} of {count}")


def _images(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                image.load()
                yield image
    except (OSError, EOFError, SyntaxError, ValueError) as error:
        raise UserError(f"cannot be read: {reason(error)}") from None
