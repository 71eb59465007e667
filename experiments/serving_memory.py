"""What a photo costs an exported SavedModel: memory and time by its megapixels.

    python experiments/serving_memory.py [SAVED_MODEL] [--megapixels=0.25,1,2]

Each JPEG goes to `serving_bytes` in a process of its own, on Linux, which tells the
most memory that it has had with a photo of 64x48 pixels, and then with the large one.
"""

import argparse
import io
import multiprocessing
import re
import tempfile
import time
from pathlib import Path

import skimage.data
import tensorflow as tf
from PIL import Image

import srgan_tf


def jpeg(width: int, height: int) -> bytes:
    """A photo of that size, as a file."""
    file = io.BytesIO()
    photo = Image.fromarray(skimage.data.astronaut()).resize((width, height))
    photo.save(file, "JPEG", quality=92)
    return file.getvalue()


def peak() -> float:
    """The most memory that this process has had, in GiB."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) / 2**20


def cost(saved_model: str, megapixels: float) -> tuple[float, float, float]:
    """GiB with a small photo and with the large one, and seconds for that."""
    serve = tf.saved_model.load(saved_model).signatures["serving_bytes"]
    serve(image_bytes=tf.constant([jpeg(64, 48)]))
    before = peak()
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    photo = tf.constant([jpeg(round(height * 4 / 3), height)])
    start = time.perf_counter()
    serve(image_bytes=photo)
    return before, peak(), time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("saved_model", nargs="?")
    parser.add_argument("--megapixels", default="0.25,1,2")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        saved_model = given.saved_model or f"{folder}/saved_model"
        if not given.saved_model:
            srgan_tf.export(srgan_tf.load_generator("srgan_x4_photo"), saved_model)
        print("| megapixels of LR | GiB before | GiB at most | s |")
        print("|---|---|---|---|")
        for megapixels in map(float, given.megapixels.split(",")):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                found = pool.apply(cost, (saved_model, megapixels))
            print("| {:g} | {:.2f} | {:.2f} | {:.1f} |".format(megapixels, *found))


if __name__ == "__main__":
    main()
