from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from samples import values

from srgan_tf.pictures.imresize import (
    crop_to_multiple,
    imresize,
    imresize_large,
    resize_matrix,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "matlab_corners.npz"


@pytest.mark.parametrize(
    ("corner", "rows", "columns"),
    [
        ("top_left", slice(None, 6), slice(None, 8)),
        ("bottom_right", slice(-6, None), slice(-8, None)),
    ],
)
def test_equals_matlab_at_the_borders_of_a_photo(corner, rows, columns):
    with np.load(GOLDEN) as golden:
        hr, lr = golden[f"hr_{corner}"], golden[f"lr_{corner}"]
    np.testing.assert_array_equal(imresize(hr, 1 / 4)[rows, columns], lr)


def test_a_crop_to_a_multiple_keeps_the_top_left():
    picture = np.arange(7 * 9 * 3).reshape(7, 9, 3)
    np.testing.assert_array_equal(crop_to_multiple(picture, 4), picture[:4, :8])
    np.testing.assert_array_equal(crop_to_multiple(picture, 1), picture)


@pytest.mark.parametrize("benchmark", ["Set5", "Set14", "BSD100"])
def test_equals_matlab_on_whole_pictures_with_no_value_differing(
    shared_data, benchmark
):
    pictures = sorted((shared_data / "benchmarks" / benchmark / "HR").iterdir())[:20]
    assert pictures
    for path in pictures:
        hr = np.asarray(Image.open(path))
        lr = np.asarray(Image.open(path.parents[1] / "LR" / path.name))
        channels = hr.reshape(*hr.shape[:2], -1)
        made = np.asarray(imresize(channels, 1 / 4)).reshape(lr.shape)
        np.testing.assert_array_equal(made, lr, err_msg=str(path))


@pytest.mark.parametrize("scale", [1 / 8, 1 / 4, 1 / 3, 0.75, 2, 4])
def test_weights_sum_to_one_and_mirror(scale):
    matrix = resize_matrix(48, scale)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(matrix, matrix[::-1, ::-1], atol=1e-7)


@pytest.mark.parametrize("scale", [1 / 2, 1 / 4, 2, 4])
def test_a_flat_picture_stays_flat(scale):
    resized = np.asarray(imresize(np.full((16, 24, 3), 77, np.uint8), scale))
    assert resized.shape == (16 * scale, 24 * scale, 3)
    assert (resized == 77).all()


def test_odd_sizes_round_up():
    assert imresize(np.zeros((2, 9, 13, 1)), 1 / 4).shape == (2, 3, 4, 1)


def test_a_batch_is_resized_picture_by_picture():
    batch = np.random.default_rng(0).integers(0, 256, (3, 16, 20, 3))
    together = np.asarray(imresize(batch, 1 / 4))
    alone = np.stack([np.asarray(imresize(picture, 1 / 4)) for picture in batch])
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("scale", [1 / 4, 1 / 2, 3 / 4, 2, 4])
def test_imresize_large_is_imresize(scale):
    pixels = values(133, 210, 3)
    small = np.asarray(imresize(pixels, scale))
    large = imresize_large(pixels, scale)
    assert large.dtype == np.uint8
    difference = np.abs(large - small)
    assert difference.max() <= (scale == 3 / 4)  # whose weights are not exact
    assert (difference > 0).mean() < 1e-3
    floats = imresize_large(pixels.astype(np.float32) / 255, scale)
    assert np.abs(floats * 255 - small).mean() < 1
