"""Animated GIF, WebP and PNG: frame by frame, with their times and transparency."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from srgan_tf.errors import UserError, reason
from srgan_tf.inference.frames import FrameUpscaler
from srgan_tf.inference.progress import Progress
from srgan_tf.inference.tiles import Upscaler
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
    if path.suffix.lower() not in _SUFFIXES:
        return None
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
        wanted: One of `RESULT_FORMATS`, `same`, or None.
    """
    if wanted in (None, "same", kind):
        return kind
    return "webp" if wanted == "webp" else None


def moving(path: Path, kind: str) -> Animation | None:
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
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there / 2:
        raise UserError(
            f"its {animation.frames} frames take up {needed / 1e9:.0f} GB of memory as "
            f"an animation, and there are {there / 1e9:.0f}: make it a video first"
        )


def upscale_animation(
    animation: Animation,
    target: Path,
    model: Upscaler,
    *,
    kind: str,
    scale: int,
    options: dict[str, Any],
    progress: Progress,
) -> None:
    """Writes an animated picture, enlarged.

    Args:
        animation: What to upscale.
        target: The file to write.
        model: See `load_model`.
        kind: `gif`, `webp` or `png`.
        scale: Factor of the size.
        options: Of Pillow's writer.
        progress: Is told of each frame.

    Raises:
        UserError: If it cannot be read.
    """
    upscaler = FrameUpscaler(model, scale)
    megapixels = animation.width * animation.height / 1e6

    def results() -> Iterator[Image.Image]:
        for number, pixels in enumerate(_frames(animation.path), 1):
            yield Image.fromarray(upscaler(pixels))
            progress.advance(megapixels, f"frame {number} of {animation.frames}")

    stored: dict[str, Any] = {"duration": _durations(animation.path)}
    with Image.open(animation.path) as image:
        for name in ("loop", "comment", "icc_profile", "exif", "xmp"):
            if name in image.info:
                stored[name] = image.info[name]
    if kind == "gif":
        stored["disposal"] = 2  # else what is transparent shows the frame before
    elif kind == "png":
        stored |= {"disposal": 1, "blend": 0}
    frames = results()
    next(frames).save(
        target,
        KINDS[kind].pillow[0],
        save_all=True,
        append_images=frames,
        **stored,
        **options,
    )


def _frames(path: Path) -> Iterator[np.ndarray]:
    """Its frames, uint8 `[H, W, C]`: RGBA where something is transparent, else RGB."""
    for image in _images(path):
        pixels = np.asarray(image.convert("RGBA"))
        yield pixels if (pixels[..., 3] < 255).any() else pixels[..., :3]


def _durations(path: Path) -> list[int]:
    return [round(image.info.get("duration", 0)) for image in _images(path)]


def _images(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                image.load()
                yield image
    except (OSError, EOFError, SyntaxError, ValueError) as error:
        raise UserError(f"cannot be read: {reason(error)}") from None
