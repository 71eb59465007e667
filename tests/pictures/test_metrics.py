"""PSNR and SSIM against scikit-image, hand-made numbers and a literal `dump_ssim`."""

import math

import numpy as np
import pytest
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from srgan_tf.pictures.metrics import (
    luma_metrics,
    psnr,
    rgb_to_y,
    shave,
    ssim,
    ssim_daala,
)
from srgan_tf.pictures.ranges import hr_from_255


def wave(height: int, width: int, phase: float = 0.0) -> np.ndarray:
    """A smooth picture `[height, width, 3]` of whole numbers in 0..255."""
    y, x = np.mgrid[:height, :width]
    channels = [np.sin(x / 3 + phase), np.cos(y / 4 - phase), np.sin((x + y) / 7)]
    return np.rint(127.5 + 120 * np.stack(channels, axis=-1))


@pytest.fixture
def pair():
    """HR luma `[24, 30, 1]` and a disturbed copy."""
    hr = wave(24, 30)[..., :1]
    return hr, np.clip(hr + wave(24, 30, 2.0)[..., 1:2] / 8 - 16, 0, 255)


def dump_ssim(x, y):
    """The loops of daala's `tools/dump_ssim.c`, from its moments to its sum."""
    height, width = x.shape
    sigma = height * 1.5 / 256

    def kernel(length):
        first = math.sqrt(0.5 * math.pi) * sigma / 256
        radius = 0 if first >= 1 else int(sigma * math.sqrt(-2 * math.log(first)))
        radius = min(radius, length - 1)
        side = []
        for i in range(1, radius + 1):
            density = math.exp(-0.5 * (i / sigma) ** 2) / sigma / math.sqrt(2 * math.pi)
            side.append(int(256 * density + 0.5))
        return [*side[::-1], 256 - 2 * sum(side), *side], radius

    (rows, up), (columns, left) = kernel(height), kernel(width)
    total = total_weight = 0.0
    for i in range(height):
        for j in range(width):
            w = mux = muy = x2 = xy = y2 = 0.0
            for di, row in enumerate(rows, i - up):
                for dj, column in enumerate(columns, j - left):
                    if 0 <= di < height and 0 <= dj < width:
                        a, b, k = x[di, dj], y[di, dj], row * column
                        w, mux, muy = w + k, mux + k * a, muy + k * b
                        x2, xy, y2 = x2 + k * a * a, xy + k * a * b, y2 + k * b * b
            c1, c2 = 255**2 * 0.01**2 * w * w, 255**2 * 0.03**2 * w * w
            value = (2 * mux * muy + c1) * (c2 + 2 * (xy * w - mux * muy))
            value /= mux**2 + muy**2 + c1
            value /= x2 * w - mux**2 + y2 * w - muy**2 + c2
            total, total_weight = total + w * value, total_weight + w
    return total / total_weight


def test_luma_is_studio_range():
    corners = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]])
    np.testing.assert_allclose(
        rgb_to_y(corners)[:, 0], [16, 235, 81.481, 40.966], atol=1e-9
    )


def test_luma_equals_scikit_image():
    picture = wave(9, 7)
    expected = rgb2ycbcr(picture.astype(np.uint8))[..., :1]
    np.testing.assert_allclose(rgb_to_y(picture), expected, atol=1e-9)


def test_shave_takes_the_border_off_each_picture():
    pictures = np.arange(2 * 6 * 8).reshape(2, 6, 8, 1)
    np.testing.assert_array_equal(shave(pictures, 2), pictures[:, 2:4, 2:6])


def test_psnr_of_one_level():
    flat = np.full((5, 5, 1), 100.0)
    assert float(psnr(flat, flat + 1)) == pytest.approx(20 * math.log10(255))
    assert float(psnr(flat, flat)) == math.inf


def test_psnr_equals_scikit_image(pair):
    expected = peak_signal_noise_ratio(*pair, data_range=255)
    assert float(psnr(*pair)) == pytest.approx(expected, abs=1e-6)


def test_ssim_equals_scikit_image(pair):
    hr, sr = (picture[..., 0] for picture in pair)
    expected = structural_similarity(
        hr,
        sr,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert float(ssim(*pair)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("size", [(24, 30), (30, 5), (256, 3), (400, 2)])
def test_ssim_daala_equals_the_tool(size):
    hr, sr = wave(*size)[..., :1], wave(*size, phase=0.4)[..., :1]
    expected = dump_ssim(hr[..., 0], sr[..., 0])
    assert float(ssim_daala(hr, sr)) == pytest.approx(expected, abs=1e-9)


def test_golden_values(pair):
    values = [float(metric(*pair)) for metric in (psnr, ssim, ssim_daala)]
    assert values == pytest.approx([27.77017, 0.97994, 0.95861], abs=2e-5)


def test_ssim_daala_rounds_to_8_bit(pair):
    hr, sr = (np.rint(picture) for picture in pair)
    assert ssim_daala(hr + 0.3, sr - 0.3) == ssim_daala(hr, sr)
    assert ssim_daala(hr, hr) == pytest.approx(1.0)


@pytest.mark.parametrize("metric", [psnr, ssim, ssim_daala])
def test_batches_give_a_value_per_picture(metric, pair):
    hr, sr = pair
    values = np.asarray(metric(np.stack([hr, sr]), np.stack([sr, sr - 1])))
    single = [float(metric(hr, sr)), float(metric(sr, sr - 1))]
    np.testing.assert_allclose(values, single, rtol=1e-5)


def test_keras_metrics_round_shave_and_average():
    hr = np.stack([wave(24, 24), wave(24, 24, 1.0)])
    sr = np.stack([wave(24, 24, 0.1), wave(24, 24, 1.3)])
    luma = [shave(rgb_to_y(pictures), 4) for pictures in (hr, sr)]
    for metric, function in zip(luma_metrics(4), (psnr, ssim)):
        # A third of a level off the 8-bit grid, which rounding must undo.
        metric.update_state(hr_from_255(hr), hr_from_255(sr + 0.3))
        expected = np.mean(np.asarray(function(*luma)))
        assert float(metric.result()) == pytest.approx(expected, abs=1e-3)
