import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from samples import REPOSITORY, smooth_photo, trained_like

from srgan_tf.data.pairs import validation_pairs
from srgan_tf.inference.compiled import CompiledGenerator
from srgan_tf.models import Generator
from srgan_tf.pictures.imresize import imresize
from srgan_tf.pictures.metrics import luma_metrics
from srgan_tf.training.validation import FIELD, comparison, validate


def compiled(**size) -> CompiledGenerator:
    return CompiledGenerator(Generator(num_blocks=1, filters=4, **size))


@pytest.mark.parametrize("degradation", ["bicubic", "jpeg50"])
@pytest.mark.parametrize("scale", [2, 4])
def test_it_equals_keras_metrics_on_whole_photos(scale, degradation):
    generator = trained_like(scale)
    photos = [smooth_photo(i, 70 + i, 90 - i) for i in range(3)]
    metrics = luma_metrics(scale)
    for lr, hr in validation_pairs(photos, scale, degradation=degradation):
        for metric in metrics:
            metric.update_state(hr, generator(lr))
    found = validate(CompiledGenerator(generator), photos, degradation=degradation)
    assert found["val_psnr"] == pytest.approx(float(metrics[0].result()), abs=1e-2)
    assert found["val_ssim"] == pytest.approx(float(metrics[1].result()), abs=1e-3)


def test_tiles_measure_the_same():
    generator = trained_like()
    photos = [smooth_photo(0, 400, 300)]
    whole = validate(CompiledGenerator(generator), photos)
    tiled = validate(CompiledGenerator(generator, tile=16), photos)
    assert tiled["val_psnr"] == pytest.approx(whole["val_psnr"], abs=1e-3)


def test_comparison_shows_bicubic_sr_hr_with_a_row_per_photo():
    photos = [smooth_photo(0), smooth_photo(1, height=50, width=50)]
    picture = comparison(compiled(), photos, side=40)
    assert picture.shape == (2 * 40, 3 * 40, 3)
    hr = photos[1][5:45, 5:45]
    np.testing.assert_array_equal(picture[40:, 80:], hr)
    bicubic = imresize(imresize(hr, 1 / 4), 4)
    np.testing.assert_array_equal(picture[40:, :40], bicubic)


def test_at_most_four_photos_are_shown():
    photos = [smooth_photo(i) for i in range(6)]
    picture = comparison(compiled(), photos, side=16)
    assert picture.shape == (64, 48, 3)


def test_a_small_photo_does_not_shrink_the_others():
    photos = [smooth_photo(0, 40, 44), smooth_photo(1, 100, 80), smooth_photo(2)]
    picture = comparison(compiled(), photos, side=72)
    assert picture.shape == (3 * 72, 3 * 72, 3)
    np.testing.assert_array_equal(
        picture[16:56, 144 + 16 : 144 + 56], photos[0][:, 2:42]
    )
    np.testing.assert_array_equal(picture[72:144, 144:], photos[1][14:86, 4:76])
    for column in (0, 72, 144):
        frame = picture[:72, column : column + 72].copy()
        frame[16:56, 16:56] = FIELD
        assert (frame == FIELD).all()


# Not ru_maxrss, which begins at the peak of the process that started this one.
PEAK = """
import sys
from srgan_tf.main import main
main(sys.argv)
status = open("/proc/self/status").read()
print(status.split("VmHWM:")[1].split()[0])
"""


@pytest.mark.slow
def test_a_run_with_a_photo_of_12_megapixels_takes_less_than_4_gib(
    tmp_path, photo_folder
):
    """With the paper's network, whose features of the whole photo alone take 3 GB."""
    large = tmp_path / "large.jpg"
    Image.fromarray(smooth_photo(0, 3000, 4000)).save(large)
    flags = [
        f"--dataset={photo_folder}",
        f"--valid_dataset={large}",
        f"--run_dir={tmp_path / 'run'}",
        "--pretrain_steps=1",
        "--gan_steps=0",
        "--crop_size=32",
        "--batch_size=2",
        "--precision=float32",
    ]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, "train", *flags],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < 4 * 2**20  # KiB
