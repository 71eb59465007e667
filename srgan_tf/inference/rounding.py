"""8-bit convolutions, with ranges that belong to the model, not to each picture.

Ranges come from photos, once. So a pixel's result depends on its surroundings alone,
and tiles fit together.

What makes 8 bits work: the residual blocks answer isolated dots with values fifty
times the usual ones. One scale for a whole feature map then has no steps left for the
rest, so what their convolutions get is limited to what photos show (srgan_x4 on Set5's
`head`: 21.0 dB without, 31.1 dB with limits, 31.0 dB in float32).

Rounded weights add to whole colours, by up to three levels, which `mean_error` tells.
Correction of the bias: Nagel et al. 2019, arXiv 1906.04721, section 4.2.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from srgan_tf.data.photos import Photos
from srgan_tf.errors import UserError
from srgan_tf.inference.layers import Convolve, Weights, in_float32, network
from srgan_tf.models import Generator
from srgan_tf.pictures.imresize import imresize
from srgan_tf.pictures.ranges import lr_from_255

PHOTOS = 32  # that show the ranges
SIDE = 64  # of their LR crops
MARGIN = 1.5  # above the largest value of a usual photo
# The two that see the whole picture, where rounding to 8 bits costs most: 0.7 dB for
# the second.
EXACT = ("head", "upsample0")


class Range(NamedTuple):
    """What goes into a convolution and what comes out of it, over all photos.

    Attributes:
        low: The least that goes in.
        high: The most that goes in.
        limit: What its magnitude should be limited to; infinite outside the blocks.
        out_low: The least that comes out.
        out_high: The most that comes out.
    """

    low: float
    high: float
    limit: float
    out_low: float
    out_high: float


Ranges = dict[str, Range]


def lr_crops(paths: Sequence[str], scale: int) -> list[np.ndarray]:
    """uint8 LR crops from the middle of photos spread over the list.

    Raises:
        UserError: If there is no photo, or none can be used.
    """
    if not paths:
        raise UserError("8-bit activations need photos that show their ranges.")
    places = np.linspace(0, len(paths) - 1, PHOTOS).round().astype(int)
    chosen = [paths[i] for i in dict.fromkeys(places.tolist())]
    side = scale * SIDE
    crops = []
    for hr in Photos(chosen, min_side=side):
        top, left = (hr.shape[0] - side) // 2, (hr.shape[1] - side) // 2
        lr = imresize(hr[top : top + side, left : left + side], 1 / scale)
        crops.append(np.asarray(lr).astype(np.uint8))
    return crops


def observe(
    generator: Generator, crops: Sequence[np.ndarray]
) -> tuple[Ranges, list[np.ndarray]]:
    """The ranges of the convolutions on uint8 LR pictures, and SR in [-1, 1]."""
    seen: dict[str, list] = {}

    def record(x: tf.Tensor, weights: Weights, name: str) -> tf.Tensor:
        y = in_float32(x, weights, name)
        extremes = [f(t) for t in (x, y) for f in (tf.reduce_min, tf.reduce_max)]
        seen.setdefault(name, []).append(np.array(extremes))
        return y

    layers = network(generator, record)
    exact = [layers(lr_from_255(np.float32(crop[None])))[0].numpy() for crop in crops]
    ranges = {}
    for name, extremes in seen.items():
        low, high, out_low, out_high = np.transpose(extremes)
        limit = float("inf")
        if name.startswith(("block", "body")):
            # The median: the few photos with isolated dots must not decide.
            limit = MARGIN * float(np.median(np.maximum(-low, high)))
        ranges[name] = Range(
            low.min(), high.max(), limit, out_low.min(), out_high.max()
        )
    return ranges, exact


def in_8_bits(ranges: Ranges) -> Convolve:
    """Convolutions that LiteRT's converter makes 8-bit ones: with fixed ranges.

    Between two of them it keeps PReLU in 8 bits as well; sums stay float32.
    """

    def convolve(x: tf.Tensor, weights: Weights, name: str) -> tf.Tensor:
        if name in EXACT:
            return in_float32(x, weights, name)
        seen = ranges[name]
        x = _rounded(x, max(seen.low, -seen.limit), min(seen.high, seen.limit))
        return _rounded(in_float32(x, weights, name), seen.out_low, seen.out_high)

    return convolve


def _rounded(x: tf.Tensor, low: float, high: float) -> tf.Tensor:
    # Zero must be one of the steps, and there must be some.
    low, high = min(float(low), 0.0), max(float(high), 1e-6)
    return tf.quantization.fake_quant_with_min_max_args(x, low, high, num_bits=8)


def mean_error(
    rounded: Iterable[np.ndarray], exact: Iterable[np.ndarray]
) -> np.ndarray:
    """How much brighter each channel comes out than it should, `[3]`.

    Args:
        rounded: SR pictures `[H, W, 3]` of a network with rounded weights; each counts
            alike.
        exact: Those of the same network without.
    """
    return np.mean([(a - b).mean(axis=(0, 1)) for a, b in zip(rounded, exact)], axis=0)
