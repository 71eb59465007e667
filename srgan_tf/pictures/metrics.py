"""PSNR and SSIM on luma, as the paper measures them (section 3.1).

"All PSNR and SSIM measures were calculated on the y-channel of center-cropped, removal
of a 4-pixel wide strip from each border, images." Arrays and tensors are both welcome;
pictures are `[..., H, W, C]` with values 0..255 unless said otherwise.
"""

import math

import keras
import numpy as np
from keras import ops
from scipy.ndimage import correlate1d

from srgan_tf.pictures.ranges import to_8bit


def rgb_to_y(images):
    """ITU-R BT.601 luma in studio range, as MATLAB's `rgb2ycbcr` has it.

    Args:
        images: `[..., 3]` RGB, 0..255.

    Returns:
        `[..., 1]`, 16..235, not rounded. (Full-range luma costs 1.3 dB of PSNR.)
    """
    red, green, blue = images[..., 0:1], images[..., 1:2], images[..., 2:3]
    return 16.0 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255.0


def shave(images, border: int):
    """Removes `border` pixels from each side of `[..., H, W, C]`."""
    return images[..., border:-border, border:-border, :]


def psnr(hr, sr):
    """Peak signal-to-noise ratio in dB for a peak of 255, per picture: `[...]`.

    Infinite for equal pictures.

    Example:
        >>> hr, sr = np.full((8, 8, 1), 100.0), np.full((8, 8, 1), 110.0)
        >>> round(float(psnr(hr, sr)), 2)
        28.13
    """
    mse = ops.mean(ops.square(hr - sr), axis=(-3, -2, -1))
    return 20.0 * np.log10(255.0) - 10.0 * ops.log10(mse)


def ssim(hr, sr):
    """Structural similarity of Wang et al. 2004, per picture: `[...]`.

    11x11 Gaussian window of sigma 1.5, averaged over the positions where it fits.

    Example:
        >>> hr = np.random.default_rng(0).uniform(0, 255, (1, 16, 16, 1))
        >>> ssim(hr, hr).numpy().tolist()
        [1.0]
    """
    import tensorflow as tf

    return tf.image.ssim(hr, sr, max_val=255.0)


def _daala_window(sigma: float, length: int) -> np.ndarray:
    """The Gaussian of `dump_ssim`: odd number of whole weights that sum to 256."""
    first_left_out = math.sqrt(math.pi / 2) * sigma / 256
    radius = 0
    if first_left_out < 1:
        radius = int(sigma * math.sqrt(-2 * math.log(first_left_out)))
    radius = min(radius, length - 1)
    taps = np.arange(-radius, radius + 1)
    peak = 256 / (math.sqrt(2 * math.pi) * sigma)
    window = np.floor(peak * np.exp(-0.5 * (taps / sigma) ** 2) + 0.5)
    window[radius] += 256 - window.sum()
    return window


def ssim_daala(hr: np.ndarray, sr: np.ndarray) -> np.ndarray:
    """Structural similarity as the paper has it, per picture: `[...]`.

    Section 3.1: "using the daala package". Its `dump_ssim` differs from
    Wang et al.: the Gaussian window grows with the picture (sigma is 1.5 pixels at a
    height of 256), it is cut off at the borders, and a position counts by the weight
    of what is left of it. It reads 8-bit video: the pictures are rounded first. The
    bicubic rows of the paper's table 2 come out within .001; by `ssim` they would be up
    to .046 lower.

    Args:
        hr: NumPy array `[..., H, W, C]`, 0..255.
        sr: Of the same shape.
    """
    hr, sr = np.rint(hr).astype(np.float64), np.rint(sr).astype(np.float64)
    height, width = hr.shape[-3:-1]
    sigma = height * 1.5 / 256
    windows = {-3: _daala_window(sigma, height), -2: _daala_window(sigma, width)}

    def window_sum(x):
        for axis, window in windows.items():
            x = correlate1d(x, window, axis, mode="constant")
        return x

    weight = window_sum(np.ones_like(hr))
    hr_mean, sr_mean = window_sum(hr) / weight, window_sum(sr) / weight
    variances = window_sum(hr**2 + sr**2) / weight - hr_mean**2 - sr_mean**2
    covariance = window_sum(hr * sr) / weight - hr_mean * sr_mean
    c1, c2 = (255 * 0.01) ** 2, (255 * 0.03) ** 2
    similarity = (2 * hr_mean * sr_mean + c1) * (2 * covariance + c2)
    similarity /= (hr_mean**2 + sr_mean**2 + c1) * (variances + c2)
    return np.average(similarity, axis=(-3, -2, -1), weights=weight)


def _on_luma(metric, hr, sr, border):
    """The metric on the luma of 8-bit pictures given as `[N, H, W, 3]` in [-1, 1].

    Where there are fewer or more channels, on all of them.
    """
    hr, sr = (shave(to_8bit(images), border) for images in (hr, sr))
    if hr.shape[-1] == 3:
        hr, sr = rgb_to_y(hr), rgb_to_y(sr)
    return metric(hr, sr)


@keras.saving.register_keras_serializable("srgan_tf")
def luma_psnr(hr, sr, border):
    """`psnr` of pictures in [-1, 1]; see `luma_metrics`."""
    return _on_luma(psnr, hr, sr, border)


@keras.saving.register_keras_serializable("srgan_tf")
def luma_ssim(hr, sr, border):
    """`ssim` of pictures in [-1, 1]; see `luma_metrics`."""
    return _on_luma(ssim, hr, sr, border)


def luma_metrics(border: int) -> list[keras.metrics.Metric]:
    """`psnr` and `ssim` for `compile(metrics=...)`, for pictures in [-1, 1].

    Models compiled with them can be saved and loaded.

    Args:
        border: Pixels left out on each side: the scale, 4 in the paper.
    """
    wrap = keras.metrics.MeanMetricWrapper
    return [
        wrap(luma_psnr, name="psnr", border=border),
        wrap(luma_ssim, name="ssim", border=border),
    ]
