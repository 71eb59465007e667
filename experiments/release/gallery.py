"""Draws `docs/gallery*/*.jpg` and `docs/sample.jpg` with the released generators.

    apt-get download opencv-doc && dpkg-deb -x opencv-doc_*.deb opencv
    python experiments/release/gallery.py opencv

`docs/gallery`: strips at 100 %, bicubic, SRResNet, SRGAN and HR of photos that come
with scikit-image and Matplotlib (public domain or CC0) and were not trained on, with
the PSNR of the whole photo's luma, measured as in the paper; the same of four of them
for other scales, in `docs/gallery_x2` and `docs/gallery_x8`.

`docs/gallery_photo`: small pictures as they were found, without any HR: bicubic,
srgan_x4 and srgan_x4_photo. They come with scikit-image, with Matplotlib and with
OpenCV's documentation (Apache-2.0) as Debian packs it.
"""

import sys
from pathlib import Path

import av
import matplotlib
import numpy as np
import skimage.data
from PIL import Image, ImageDraw, ImageFont

from srgan_tf.inference.upscale import upscale
from srgan_tf.models.pretrained import released_models
from srgan_tf.pictures.imresize import crop_to_multiple, imresize_large
from srgan_tf.pictures.metrics import psnr, rgb_to_y, shave

SKIMAGE = Path(skimage.data.__file__).parent
MATPLOTLIB = Path(matplotlib.get_data_path()) / "sample_data"
OPENCV = "usr/share/doc/opencv-doc/examples"  # within what is unpacked
SIDE = 240
# Photo: top and left of what is shown.
SHOWN = {
    "astronaut.png": (20, 120),
    "chelsea.png": (40, 120),
    "coffee.png": (80, 180),
    "rocket.jpg": (140, 250),
    "grace_hopper.jpg": (20, 110),
    "hubble_deep_field.jpg": (300, 400),
    "gravel.png": (100, 100),
    "grass.png": (100, 100),
}
SAMPLE = "chelsea.png", "grace_hopper.jpg"
OTHER_SCALES = 2, 8
AT_OTHER_SCALES = "astronaut.png", "chelsea.png", "coffee.png", "grace_hopper.jpg"
# Name of a strip: file, top and left of what is shown, in its own pixels.
FOUND = {
    "bird": ("hfs/data/000.jpg", 0, 90),
    "towers": ("data/home.jpg", 60, 390),
    "street": ("data/leuvenA.jpg", 180, 330),
    "package": ("data/box.png", 30, 40),
    "camera": ("data/left01.jpg", 280, 140),
    "video": ("data/vtest.avi", 200, 440),
    "scan": ("page.png", 0, 0),
    "face": ("grace_hopper.jpg", 140, 195),
}
PHOTO_SAMPLE = "video"
FRAME = 60  # of the video


def strip(name: str, top: int, left: int, *, scale: int = 4) -> Image.Image:
    """One photo: what there is side by side, under labels."""
    folder = MATPLOTLIB if name == "grace_hopper.jpg" else SKIMAGE
    hr = np.asarray(Image.open(folder / name).convert("RGB"))
    hr = crop_to_multiple(hr, scale)
    lr = imresize_large(hr, 1 / scale)
    pictures = {"bicubic": imresize_large(lr, scale)}
    for label in ("SRResNet", "SRGAN"):
        model = f"{label.lower()}_x{scale}"
        if model in released_models():
            pictures[label] = upscale(lr, model=model)
    pictures["HR"] = hr
    parts = {}
    for label, picture in pictures.items():
        if label != "HR":
            y = [shave(rgb_to_y(x.astype(np.float32)), scale) for x in (hr, picture)]
            label += f"  {float(psnr(*y)):.2f} dB"
        parts[label] = picture[top : top + SIDE, left : left + SIDE]
    return side_by_side(parts)


def found_strip(path: Path, top: int, left: int) -> Image.Image:
    """A picture as it is: what two models make of it, beside bicubic."""
    if path.suffix == ".avi":
        with av.open(path) as video:
            frames = video.decode(video=0)
            lr = next(f for i, f in enumerate(frames) if i == FRAME).to_ndarray(
                format="rgb24"
            )
    else:
        lr = np.asarray(Image.open(path).convert("RGB"))
    # Enough around what is shown for the network not to see where it ends.
    side, around = SIDE // 3, 44
    low = [max(0, start - around) for start in (top, left)]
    lr = lr[low[0] : top + side + around, low[1] : left + side + around]
    top, left = 4 * (top - low[0]), 4 * (left - low[1])
    pictures = {
        "bicubic": imresize_large(lr, 4),
        "srgan_x4": upscale(lr, model="srgan_x4"),
        "srgan_x4_photo": upscale(lr, model="srgan_x4_photo"),
    }
    shown = slice(top, top + 4 * side), slice(left, left + 4 * side)
    return side_by_side({label: x[shown] for label, x in pictures.items()})


def side_by_side(parts: dict[str, np.ndarray]) -> Image.Image:
    """Pictures of one size in a row, under their labels."""
    height, width = next(iter(parts.values())).shape[:2]
    sheet = Image.new("RGB", (len(parts) * (width + 4) - 4, height + 22), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(14)
    for i, (label, part) in enumerate(parts.items()):
        sheet.paste(Image.fromarray(part), (i * (width + 4), 22))
        draw.text((i * (width + 4) + 2, 2), label, "black", font)
    return sheet


def save(strips: dict[str, Image.Image], folder: Path) -> None:
    """Writes strips as files of their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sheet in strips.items():
        path = folder / f"{Path(name).stem}.jpg"
        sheet.save(path, quality=90, subsampling=0)


def main(opencv: str) -> None:
    """Writes all strips, and the README's picture from three of them."""
    docs = Path(__file__).parents[2] / "docs"
    strips = {name: strip(name, *place) for name, place in SHOWN.items()}
    save(strips, docs / "gallery")
    for scale in OTHER_SCALES:
        others = {x: strip(x, *SHOWN[x], scale=scale) for x in AT_OTHER_SCALES}
        save(others, docs / f"gallery_x{scale}")
    folders = [SKIMAGE, MATPLOTLIB, Path(opencv) / OPENCV]
    found = {}
    for name, (file, *place) in FOUND.items():
        path = next(f / file for f in folders if (f / file).exists())
        found[name] = found_strip(path, *place)
    save(found, docs / "gallery_photo")
    chosen = [strips[name] for name in SAMPLE] + [found[PHOTO_SAMPLE]]
    size = max(s.width for s in chosen), sum(s.height for s in chosen)
    sample = Image.new("RGB", size, "white")
    top = 0
    for sheet in chosen:
        sample.paste(sheet, (0, top))
        top += sheet.height
    sample.save(docs / "sample.jpg", quality=90, subsampling=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
