"""PSNR and SSIM on luma, as the paper measures them (section 3.1).

"All PSNR and SSIM measures were calculated on the y-channel of center-cropped, removal
of a 4-pixel wide strip from each border, images." Arrays and tensors are both welcome;
pictures are `[..., H, W, C]` with values 0..255 unless said otherwise.
"""

import keras
import numpy as np
from keras import ops

from srgan_tf.ranges import to_8bit


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
    """
    mse = ops.mean(ops.square(hr - sr), axis=(-3, -2, -1))
    return 20.0 * np.log10(255.0) - 10.0 * ops.log10(mse)


def ssim(hr, sr):
    """Structural similarity of Wang et al. 2004, per picture: `[...]`.

    11x11 Gaussian window of sigma 1.5, averaged over the positions where it fits.
    """
    import tensorflow as tf

    return tf.image.ssim(hr, sr, max_val=255.0)


def _on_luma(metric, hr, sr, border):
    """The metric on the luma of 8-bit pictures given as `[N, H, W, 3]` in [-1, 1]."""
    hr, sr = (shave(rgb_to_y(to_8bit(images)), border) for images in (hr, sr))
    return metric(hr, sr)


def luma_metrics(border: int) -> list[keras.metrics.Metric]:
    """`psnr` and `ssim` for `compile(metrics=...)`, for pictures in [-1, 1].

    Args:
        border: Pixels left out on each side: the scale, 4 in the paper.
    """

    def luma_psnr(hr, sr):
        return _on_luma(psnr, hr, sr, border)

    def luma_ssim(hr, sr):
        return _on_luma(ssim, hr, sr, border)

    wrap = keras.metrics.MeanMetricWrapper
    return [wrap(luma_psnr, name="psnr"), wrap(luma_ssim, name="ssim")]
