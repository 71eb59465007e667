"""Animations: GIF, WebP and PNG files of several pictures, each shown for a while."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageSequence

from srgan_tf.pictures.modes import image_of

ANIMATED = ("gif", "webp", "png")  # kinds whose frames `read_frames` puts together


@dataclasses.dataclass
class Animation:
    """What an animation has besides its first picture.

    Attributes:
        frames: The others, uint8 `[H, W, C]` as the first is.
        milliseconds: How long each is shown, the first one too.
        loops: How often all are shown, 0 for ever; None if it is not said.
    """

    frames: list[np.ndarray]
    milliseconds: list[int]
    loops: int | None = None


def read_frames(image: Image.Image) -> tuple[np.ndarray, Animation]:
    """The first picture, RGB or RGBA, and the others, each as it is seen."""
    pictures, milliseconds = [], []
    for frame in ImageSequence.Iterator(image):
        pictures.append(np.asarray(frame.convert("RGBA")))
        milliseconds.append(round(frame.info.get("duration") or 0))
    if all((pixels[..., 3] == 255).all() for pixels in pictures):
        pictures = [pixels[..., :3] for pixels in pictures]
    loops = image.info.get("loop")
    return pictures[0], Animation(pictures[1:], milliseconds, loops)


def gif_images(pictures: Sequence[np.ndarray]) -> list[Image.Image]:
    """Pictures as GIF has them: 256 colours, and pixels that are seen or not."""
    return [
        image_of(pixels) if pixels.shape[-1] in (1, 3) else _with_holes(pixels)
        for pixels in pictures
    ]


def _with_holes(pixels: np.ndarray) -> Image.Image:
    """With the last of the colours for what is not seen; Pillow takes fewer then."""
    image = image_of(pixels[..., :-1]).quantize(255)
    indices = np.where(pixels[..., -1] >= 128, np.asarray(image), 255)
    out = Image.frombytes("P", image.size, indices.astype(np.uint8).tobytes())
    palette = image.getpalette() or []
    out.putpalette(palette + [0] * (768 - len(palette)))
    out.info["transparency"] = 255
    return out


def animation_options(animation: Animation, others: Sequence[Image.Image]) -> dict:
    """What Pillow's `save` needs to write them behind the first one."""
    options = {
        "save_all": True,
        "append_images": list(others),
        "duration": animation.milliseconds,
    }
    if others and others[0].mode in ("RGBA", "P"):
        options["disposal"] = 2  # each picture takes the place of the one before
    if animation.loops is not None:
        options["loop"] = animation.loops
    return options
