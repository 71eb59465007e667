"""The release script that teaches a generator its self-ensemble."""

import csv
import os
import subprocess
import sys

import numpy as np
from conftest import REPOSITORY
from PIL import Image

from srgan_tf import Generator, load_generator, upscale

SCRIPT = REPOSITORY / "experiments" / "release" / "learn_ensemble.py"


def assert_nearer_to_mean_of_eight(generator, learned, photo_folder) -> None:
    photo = np.asarray(Image.open(photo_folder / "0.png"))[::4, ::4]
    mean_of_eight = upscale(photo, generator, self_ensemble=True).astype(float)
    errors = [
        np.mean((upscale(photo, model) - mean_of_eight) ** 2)
        for model in (generator, learned)
    ]
    assert errors[1] < errors[0] / 2, errors


def test_one_pass_comes_nearer_to_the_mean_of_eight(tmp_path, photo_folder):
    generator = Generator(num_blocks=1, filters=4)
    generator.save_weights(tmp_path / "start.weights.h5")
    out = tmp_path / "out"
    subprocess.run(
        [
            *(sys.executable, SCRIPT, f"--photos={photo_folder}", f"--out={out}"),
            *(f"--valid={photo_folder}", f"--model={tmp_path}/start.weights.h5"),
            *("--share=1", "--loss=mse", "--learning_rate=3e-3", "--steps=100"),
            *("--crop_size=64", "--batch_size=4", "--precision=float32"),
        ],
        check=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    learned = load_generator(out / "srresnet.weights.h5")
    assert_nearer_to_mean_of_eight(generator, learned, photo_folder)
    rows = list(csv.DictReader((out / "metrics.csv").open()))
    assert float(rows[-1]["val_psnr"]) > 0
    assert len(list((out / "ensemble").glob("*.npy"))) == 6
