"""Draws `docs/gallery/*.jpg` and `docs/sample.jpg` with the released generators.

    python experiments/release/gallery.py

Strips at 100 %: bicubic, SRResNet, SRGAN and HR of photos that come with
scikit-image and Matplotlib (public domain or CC0) and were not trained on, with the
PSNR of the whole photo's luma, measured as in the paper.
"""

from pathlib import Path

import matplotlib
import numpy as np
import skimage.data
from PIL import Image, ImageDraw, ImageFont

from srgan_tf.inference.upscale import upscale
from srgan_tf.pictures.imresize import imresize_large
from srgan_tf.pictures.metrics import psnr, rgb_to_y, shave

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


def strip(name: str, top: int, left: int) -> Image.Image:
    """One photo: four parts side by side under their labels."""
    folder = Path(skimage.data.__file__).parent
    if name == "grace_hopper.jpg":
        folder = Path(matplotlib.get_data_path()) / "sample_data"
    hr = np.asarray(Image.open(folder / name).convert("RGB"))
    hr = hr[: hr.shape[0] // 4 * 4, : hr.shape[1] // 4 * 4]
    lr = imresize_large(hr, 1 / 4)
    pictures = {
        "bicubic": imresize_large(lr, 4),
        "SRResNet": upscale(lr, model="srresnet_x4"),
        "SRGAN": upscale(lr, model="srgan_x4"),
        "HR": hr,
    }
    sheet = Image.new("RGB", (4 * SIDE + 12, SIDE + 22), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(14)
    for i, (label, picture) in enumerate(pictures.items()):
        if label != "HR":
            y = [shave(rgb_to_y(x.astype(np.float32)), 4) for x in (hr, picture)]
            label += f"  {float(psnr(*y)):.2f} dB"
        part = picture[top : top + SIDE, left : left + SIDE]
        sheet.paste(Image.fromarray(part), (i * (SIDE + 4), 22))
        draw.text((i * (SIDE + 4) + 2, 2), label, "black", font)
    return sheet


def main() -> None:
    """Writes all strips, and the README's picture from two of them."""
    docs = Path(__file__).parents[2] / "docs"
    (docs / "gallery").mkdir(parents=True, exist_ok=True)
    strips = {name: strip(name, *place) for name, place in SHOWN.items()}
    for name, sheet in strips.items():
        path = docs / "gallery" / f"{Path(name).stem}.jpg"
        sheet.save(path, quality=90, subsampling=0)
    chosen = [strips[name] for name in SAMPLE]
    sample = Image.new("RGB", (chosen[0].width, sum(s.height for s in chosen)))
    top = 0
    for sheet in chosen:
        sample.paste(sheet, (0, top))
        top += sheet.height
    sample.save(docs / "sample.jpg", quality=90, subsampling=0)


if __name__ == "__main__":
    main()
