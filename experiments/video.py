"""Measures how videos flicker, and what a screen recording saves.

    python experiments/video.py

Flicker: the mean absolute difference of successive SR frames, in levels of 0..255 and
in those of bicubic, of photos inside scikit-image as three videos: a still scene with
sensor noise of two levels; a pan by one SR pixel a frame, which is taken out before
frames are compared; and that pan with the noise and as H.264. Beside it, how far SR is
from HR.

Screen recordings of six seconds, as H.264 without loss and as recorders write it:
counted are the LR pixels that the network sees, which decide about the time.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from srgan_tf.data.listing import find_photos
from srgan_tf.data.photos import read_photo
from srgan_tf.errors import optional
from srgan_tf.inference.frames import FrameUpscaler
from srgan_tf.inference.loading import load_model
from srgan_tf.inference.tiles import Box, Upscaler
from srgan_tf.inference.upscale import upscale_pixels
from srgan_tf.pictures.imresize import imresize
from srgan_tf.pictures.metrics import psnr, rgb_to_y, shave
from srgan_tf.video.colours import Colours, from_pixels
from srgan_tf.video.decoding import Notes
from srgan_tf.video.encoding import SEGMENT
from srgan_tf.video.reading import read_frames, read_video

SCALE, FRAMES, NOISE = 4, 6, 2.0
WIDTH, HEIGHT = 448, 288  # of HR
EDGE = 16  # SR pixels that the pan moves in, and then some
MODELS: dict[str, dict[str, Any]] = {
    "`srresnet_x4`": {"model": "srresnet_x4"},
    "`srgan_x4`": {"model": "srgan_x4"},
    "`srresnet_x4_photo`": {"model": "srresnet_x4_photo"},
    "`srgan_x4_photo`": {"model": "srgan_x4_photo"},
    "`--realism=0.3`": {"realism": 0.3},
    "`--realism=0.6`": {"realism": 0.6},
    "`--realism=0 --denoise=0.5`": {"realism": 0.0, "denoise": 0.5},
}

SCREEN, RECORDED = (1280, 720), 3 * SEGMENT
RECORDERS = {"lossless": ("ultrafast", "0"), "H.264": ("superfast", "23")}
TEXT = "The quick brown fox jumps over the lazy dog. "

Enlarge = Callable[[np.ndarray], np.ndarray]


def noisy(lr: np.ndarray, seed: int) -> np.ndarray:
    """With the noise of a sensor."""
    noise = np.random.default_rng(seed).normal(0, NOISE, lr.shape)
    return np.clip(np.rint(lr + noise), 0, 255).astype(np.uint8)


def reduced(hr: np.ndarray) -> np.ndarray:
    """LR of a frame."""
    return np.asarray(imresize(hr, 1 / SCALE)).astype(np.uint8)


def write_video(
    frames: list[np.ndarray], path: Path, preset: str = "medium", crf: str = "23"
) -> None:
    """As H.264."""
    av = optional("av", "video")
    coded = {"preset": preset, "crf": crf}
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options=coded)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            stored = from_pixels(np.ascontiguousarray(frame), "yuv420p", Colours(6, 1))
            out.mux(stream.encode(stored))
        out.mux(stream.encode(None))


def read_back(path: Path) -> list[np.ndarray]:
    """The frames of a video."""
    return [frame.pixels for frame in read_frames(read_video(path), Notes())]


def scenes(photo: np.ndarray) -> Iterator[tuple[str, list, list, bool]]:
    """Name, HR, LR and whether it is a pan, for each of the three."""
    views = [photo[:HEIGHT, x : x + WIDTH] for x in range(FRAMES)]
    still = reduced(views[0])
    pan = [reduced(view) for view in views]
    noise = [noisy(lr, seed) for seed, lr in enumerate(pan)]
    with tempfile.TemporaryDirectory() as folder:
        write_video(noise, path := Path(folder) / "clip.mp4")
        coded = read_back(path)
    yield "still", views[:1] * FRAMES, [noisy(still, x) for x in range(FRAMES)], False
    yield "pan", views, pan, True
    yield "H.264", views, coded, True


def flicker(frames: list[np.ndarray], *, moves: bool) -> float:
    """The mean absolute difference of successive frames, where the motion is out."""
    step = int(moves)
    apart = []
    for one, two in itertools.pairwise(frames):
        left, right = one[:, step:], two[:, : two.shape[1] - step]
        apart.append(np.abs(shave(left.astype(float) - right, EDGE)).mean())
    return float(np.mean(apart))


def faithful(hr: list[np.ndarray], sr: list[np.ndarray]) -> float:
    """PSNR on luma, in dB."""
    both = ([rgb_to_y(shave(x.astype(float), EDGE)) for x in y] for y in (hr, sr))
    return float(np.mean([psnr(one, two) for one, two in zip(*both)]))


def measure_flicker() -> None:
    """Prints a table: models by scenes."""
    photos = [
        read_photo(path)
        for split in ("train", "validation")
        for path in find_photos("bundled", split)
    ]
    photos = [x for x in photos if x.shape[0] >= HEIGHT and x.shape[1] > WIDTH + FRAMES]
    ways: dict[str, Enlarge] = {"bicubic": bicubic}
    for name, options in MODELS.items():
        ways[name] = enlarged_by(load_model(**{"model": None, **options}))
    found: dict[str, dict[str, list]] = {name: {} for name in ways}
    for photo in photos:
        for scene, hr, lr, moves in scenes(photo):
            for name, way in ways.items():
                sr = [way(frame) for frame in lr]
                row = flicker(sr, moves=moves), faithful(hr, sr)
                found[name].setdefault(scene, []).append(row)
    means = {n: {s: np.mean(x, 0) for s, x in y.items()} for n, y in found.items()}
    names = list(means["bicubic"])
    print(f"flicker in levels (by bicubic's) and PSNR in dB, mean of {len(photos)}")
    print(f"| | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for title, rows in means.items():
        cells = [
            f"{value:.2f} ({value / means['bicubic'][scene][0]:.1f}), {quality:.2f}"
            for scene, (value, quality) in rows.items()
        ]
        print(f"| {title} | {' | '.join(cells)} |", flush=True)


def bicubic(lr: np.ndarray) -> np.ndarray:
    """SR by MATLAB's bicubic."""
    return np.asarray(imresize(lr, SCALE)).astype(np.uint8)


def enlarged_by(model: Upscaler) -> Enlarge:
    """SR by a model, as `upscale` makes it."""
    return lambda lr: upscale_pixels(model, lr)


class Counted(Upscaler):
    """A model that does nothing, and reaches as far as the released ones."""

    def __init__(self, radius: int):
        self.scale, self.radius, self.tile = 2, radius, 4096

    def __call__(self, lr: np.ndarray, box: Box | None = None) -> np.ndarray:
        top, bottom, left, right = box or (0, lr.shape[0], 0, lr.shape[1])
        return np.zeros((2 * (bottom - top), 2 * (right - left), 3), np.float32)


def page(number: int, typed: int | None = None, scrolled: int = 0) -> Image.Image:
    """Text on a screen; in the middle, only the first letters are typed so far."""
    image = Image.new("RGB", SCREEN, "white" if number % 2 else "#203040")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    for row in range(-(-SCREEN[1] // 20) + 1):
        line = row + scrolled // 20 + 50 * number
        text = f"{line:4}  {TEXT[line % 9 :]}{TEXT * (line % 4)}"
        text = text[:typed] if row == 18 else text
        ink = "black" if number % 2 else "#e0e0d0"
        draw.text((20, 20 * row - scrolled % 20), text, ink, font)
    return image


def slides(time: int) -> Image.Image:
    """Another page after three seconds."""
    return page(time // 75)


def typing(time: int) -> Image.Image:
    """Ten letters a second."""
    return page(1, typed=6 + 2 * time // 5)


def pointer(time: int) -> Image.Image:
    """An arrow that moves for two seconds of four."""
    image = page(0)
    x, y = 200 + 4 * (time // 100 * 50 + min(time % 100, 50)), 300
    arrow = [(x, y), (x + 12, y + 12), (x, y + 17)]
    ImageDraw.Draw(image).polygon(arrow, "white", "black")
    return image


def scrolling(time: int) -> Image.Image:
    """A second of scrolling, and one of reading."""
    return page(1, scrolled=8 * (time // 50 * 25 + min(time % 50, 25)))


def measure_recordings() -> None:
    """Prints what is not computed again."""
    radius = load_model("srresnet_x4_photo").radius
    print(f"share that the network sees of {SCREEN[0]}x{SCREEN[1]}, {RECORDED} frames")
    print(f"| | {' | '.join(RECORDERS)} |\n|{'---|' * (len(RECORDERS) + 1)}")
    for recording in (slides, typing, pointer, scrolling):
        frames = [np.asarray(recording(time)) for time in range(RECORDED)]
        shares = [seen(frames, radius, *how) for how in RECORDERS.values()]
        cells = " | ".join(f"{share:.1%}" for share in shares)
        print(f"| {recording.__name__} | {cells} |", flush=True)


def seen(frames: list[np.ndarray], radius: int, preset: str, crf: str) -> float:
    """The share of a recording's pixels that the network sees."""
    upscaler = FrameUpscaler(Counted(radius), 2)
    with tempfile.TemporaryDirectory() as folder:
        write_video(frames, path := Path(folder) / "screen.mp4", preset, crf)
        for number, frame in enumerate(read_frames(read_video(path), Notes())):
            if number % SEGMENT == 0:
                upscaler.forget()  # as `upscale` does
            upscaler(frame.pixels)
    return upscaler.computed / (len(frames) * SCREEN[0] * SCREEN[1])


if __name__ == "__main__":
    measure_flicker()
    measure_recordings()
