import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from samples import REPOSITORY, graph_of, smooth_photo

from srgan_tf.data.listing import find_photos
from srgan_tf.data.pairs import (
    make_pair,
    training_pairs,
    validation_pairs,
    whole_pair,
)
from srgan_tf.data.photos import Photos
from srgan_tf.models import Generator
from srgan_tf.pictures.imresize import imresize
from srgan_tf.pictures.metrics import luma_metrics
from srgan_tf.pictures.ranges import hr_to_255


def photos(count: int, **size) -> list[np.ndarray]:
    return [smooth_photo(i, **size) for i in range(count)]


def batches(count: int, **arguments) -> list[tuple[np.ndarray, np.ndarray]]:
    pairs = training_pairs(photos(5), 32, batch_size=4, **arguments)
    return [(lr.numpy(), hr.numpy()) for lr, hr in pairs.take(count)]


def test_shapes_and_ranges():
    lr, hr = batches(1)[0]
    assert lr.shape == (4, 8, 8, 3)
    assert hr.shape == (4, 32, 32, 3)
    assert 0 <= lr.min() < lr.max() <= 1
    assert -1 <= hr.min() < -0.2 < 0.2 < hr.max() <= 1


def test_lr_and_hr_are_aligned():
    for lr, hr in batches(3):
        upscaled = np.asarray(imresize(lr * 255, 4))
        shifted = np.roll(upscaled, 4, axis=2)
        error, error_if_shifted = (
            np.abs(x - hr_to_255(hr)).mean() for x in (upscaled, shifted)
        )
        assert error < 0.5 * error_if_shifted


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_lr_of_a_crop_is_the_same_part_of_the_whole_photos_lr(scale):
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    margin, size = 2 * scale, 32
    whole = np.asarray(imresize(noise, 1 / scale))
    for top, left in ((0, 0), (4 * scale, 2 * scale), (96 - size, 128 - size)):
        padded = np.pad(noise, ((margin, margin), (margin, margin), (0, 0)), "edge")
        crop = padded[top : top + size + 2 * margin, left : left + size + 2 * margin]
        lr, hr = make_pair(crop[None], scale)
        y, x, n = top // scale, left // scale, size // scale
        np.testing.assert_array_equal(
            np.rint(np.asarray(lr[0]) * 255), whole[y : y + n, x : x + n]
        )
        np.testing.assert_allclose(
            hr_to_255(np.asarray(hr[0])),
            noise[top : top + size, left : left + size],
            atol=1e-3,
        )


def test_a_seed_fixes_the_sequence_and_a_start_continues_it():
    first, again, other = batches(4, seed=7), batches(4, seed=7), batches(4, seed=8)
    for (lr, hr), (lr2, hr2) in zip(first, again):
        np.testing.assert_array_equal(lr, lr2)
        np.testing.assert_array_equal(hr, hr2)
    assert not np.array_equal(first[0][1], other[0][1])
    continued = batches(2, seed=7, start=2)
    for (_, hr), (_, hr2) in zip(first[2:], continued):
        np.testing.assert_array_equal(hr, hr2)


def test_a_seed_fixes_what_happens_to_lr_too():
    first, second = batches(2, seed=7, degradation="photo")
    (continued,) = batches(1, seed=7, start=1, degradation="photo")
    (other,) = batches(1, seed=8, degradation="photo")
    np.testing.assert_array_equal(second[0], continued[0])
    assert not np.array_equal(first[0], other[0])


def test_hr_is_the_clean_photo_and_fits_a_degraded_lr():
    clean, degraded = batches(1)[0], batches(1, degradation="photo")[0]
    np.testing.assert_array_equal(clean[1], degraded[1])
    difference = np.abs(clean[0] - degraded[0]).mean(axis=(1, 2, 3)) * 255
    assert 0 < difference.max() < 30
    np.testing.assert_array_equal(degraded[0], np.rint(degraded[0] * 255) / 255)


@pytest.mark.parametrize("degradation", ["bicubic", "photo"])
@pytest.mark.parametrize("cache_gib", [1, 0])
def test_no_python_is_in_the_graph_and_it_can_be_sent(
    photo_folder, degradation, cache_gib
):
    some = Photos(find_photos(str(photo_folder)), 32, cache_gib)
    pairs = training_pairs(some, 32, batch_size=2, degradation=degradation)
    serialised = graph_of(pairs)
    assert b"PyFunc" not in serialised
    received = tf.data.experimental.from_variant(
        tf.raw_ops.DatasetFromGraph(graph_def=serialised), pairs.element_spec
    )
    for one, other in zip(next(iter(pairs)), next(iter(received))):
        np.testing.assert_array_equal(one, other)


def test_photos_are_not_copied_again():
    def used() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    if sys.platform != "linux":
        pytest.skip("NOT TESTED: how much memory is used is known on Linux only")
    pairs = training_pairs([np.ones((8000, 8000, 3), np.uint8)], 32, batch_size=1)
    before = used()
    next(iter(pairs))
    assert used() - before < 100e6


def test_shapes_are_static():
    for degradation in ("bicubic", "photo"):
        pairs = training_pairs(photos(2), 32, batch_size=3, degradation=degradation)
        lr, hr = pairs.element_spec
        assert lr.shape == (3, 8, 8, 3)
        assert hr.shape == (3, 32, 32, 3)


def test_make_pair_compiles_by_xla():
    crops = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 3), np.uint8)
    compiled = tf.function(lambda crops: make_pair(crops, 4), jit_compile=True)
    for one, other in zip(make_pair(crops, 4), compiled(crops)):
        np.testing.assert_allclose(one, other, atol=1e-6)


SCRIPT = """
import numpy as np
from srgan_tf.data.pairs import training_pairs
photos = [np.full((160, 160, 3), i, np.uint8) for i in range(20)]
for i, pair in enumerate(training_pairs(photos)):
    if i == 50:
        break
print("done", flush=True)
"""


@pytest.mark.slow
def test_a_script_that_stops_in_the_middle_ends():
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    for process in running:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0
        assert said == b"done\n"


def test_a_photo_as_small_as_the_crop_is_enough():
    lr, _ = next(
        iter(training_pairs([smooth_photo(0, height=32, width=32)], 32, batch_size=1))
    )
    assert lr.shape == (1, 8, 8, 3)


def test_whole_photos_are_cropped_to_a_multiple_of_the_scale():
    photo = smooth_photo(0, height=43, width=50)
    lr, hr = whole_pair(photo, 4)
    assert hr.shape == (1, 40, 48, 3)
    np.testing.assert_allclose(hr_to_255(hr[0]), photo[:40, :48], atol=1e-3)
    np.testing.assert_array_equal(
        np.rint(lr[0] * 255), imresize(photo[:40, :48], 1 / 4)
    )


def test_validation_gives_each_whole_photo_in_order():
    some = [smooth_photo(0), smooth_photo(1, height=40, width=44)]
    shapes = [tuple(hr.shape) for _, hr in validation_pairs(some, 4)]
    assert shapes == [(1, 64, 80, 3), (1, 40, 44, 3)]


def test_keras_validation_is_the_mean_over_photos():
    some = [smooth_photo(i) for i in range(3)]
    generator = Generator(num_blocks=1, filters=4)
    generator.compile(loss="mse", metrics=luma_metrics(4))
    mean = generator.evaluate(validation_pairs(some), verbose=0)
    each = [generator.test_on_batch(*whole_pair(photo, 4)) for photo in some]
    np.testing.assert_allclose(mean, np.mean(each, axis=0), rtol=1e-4)
