"""The generator's layers with constant weights, BatchNorm folded into them.

How a convolution computes is a function of its own, of features, weights and the
layer's name: `in_float32`, `in_bfloat16`, or one of `srgan_tf.inference.rounding`.
"""

import itertools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from srgan_tf.models import Generator

Weights = tuple[np.ndarray, np.ndarray]
Convolve = Callable[[tf.Tensor, Weights, str], tf.Tensor]


def in_float32(x: tf.Tensor, weights: Weights, name: str) -> tf.Tensor:
    """In the type of the features, float32."""
    kernel, bias = weights
    with tf.name_scope(name):
        return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias)


def in_bfloat16(x: tf.Tensor, weights: Weights, name: str) -> tf.Tensor:
    """In bfloat16, which the hardware sums in float32; the head in float32.

    So are the elementwise sums around the blocks and tanh: what carries the picture is
    not rounded on its way.
    """
    if name == "head":
        return in_float32(x, weights, name)
    kernel, bias = (tf.cast(w, tf.bfloat16) for w in weights)
    return in_float32(tf.cast(x, tf.bfloat16), (kernel, bias), name)


def _folded(
    conv: keras.layers.Conv2D, norm: keras.layers.BatchNormalization | None = None
) -> Weights:
    """Kernel and bias of a convolution with the BatchNorm behind it."""
    kernel, *bias = conv.get_weights()
    if norm is None:
        return kernel, bias[0]
    gamma, beta, mean, variance = norm.get_weights()
    factor = gamma / np.sqrt(variance.astype(np.float64) + norm.epsilon)
    return (
        (kernel * factor).astype(np.float32),
        (beta - mean * factor).astype(np.float32),
    )


def _prelu(x, slope: np.ndarray):
    slope = slope.astype(x.dtype.as_numpy_dtype)
    if (slope <= 1).all():
        return tf.maximum(x, slope * x)  # half the passes over memory
    return tf.maximum(x, 0.0) + slope * tf.minimum(x, 0.0)


def residual_layers(generator: Generator, convolve: Convolve = in_float32) -> Callable:
    """From LR up to the elementwise sum behind the residual blocks.

    Layers: `head`, `block0_conv1`, `block0_conv2`, ..., `body`.
    """
    head = _folded(generator.head)
    body = _folded(generator.body, generator.body_bn)
    slope = np.ravel(generator.head_prelu.alpha)
    blocks = [
        (
            _folded(block.conv1, block.bn1),
            np.ravel(block.prelu.alpha),
            _folded(block.conv2, block.bn2),
        )
        for block in generator.blocks
    ]

    def layers(lr):
        x = skip = _prelu(convolve(lr, head, "head"), slope)
        for number, (conv1, alpha, conv2) in enumerate(blocks):
            y = _prelu(convolve(x, conv1, f"block{number}_conv1"), alpha)
            x = x + tf.cast(convolve(y, conv2, f"block{number}_conv2"), tf.float32)
        return skip + tf.cast(convolve(x, body, "body"), tf.float32)

    return layers


def upsampling_layers(
    generator: Generator, convolve: Convolve = in_float32
) -> tuple[Callable, Callable]:
    """From the features to SR: the first convolution, and what follows it.

    Here every PixelShuffle comes as late as it can: PReLU is per channel, so it may
    come before, and the last one moves behind the tail, see `_shuffled_tail`. Layers:
    `upsample0`, ..., `tail`.
    """
    convs = [_folded(block.conv) for block in generator.upsample]
    slopes = [np.tile(np.ravel(block.prelu.alpha), 4) for block in generator.upsample]
    tail = _shuffled_tail(*_folded(generator.tail))

    def first(x):
        return _prelu(convolve(x, convs[0], "upsample0"), slopes[0])

    def rest(x):
        for number, (conv, slope) in enumerate(zip(convs[1:], slopes[1:]), start=1):
            x = tf.nn.depth_to_space(x, 2)
            x = _prelu(convolve(x, conv, f"upsample{number}"), slope)
        x = tf.cast(convolve(x, tail, "tail"), tf.float32)
        return tf.nn.depth_to_space(tf.tanh(x), 2)

    return first, rest


def _shuffled_tail(kernel: np.ndarray, bias: np.ndarray) -> Weights:
    """The k9 tail as a k5 convolution between unshuffled pixels, 256 channels to 12.

    Its 3 channels fill a fifth of a vector unit; the 12 of 2x2 neighbouring pixels fill
    most of it, for a quarter more products (by the zeros of each pixel's k10 kernel).
    """
    filters, channels = kernel.shape[2:]
    wide = np.zeros((10, 10, filters, 2, 2, channels), np.float32)
    for row, column in itertools.product(range(2), repeat=2):
        wide[row : row + 9, column : column + 9, :, row, column] = kernel
    wide = wide.reshape(5, 2, 5, 2, filters, -1).transpose(0, 2, 1, 3, 4, 5)
    return wide.reshape(5, 5, 4 * filters, -1), np.tile(bias, 4)


def network(generator: Generator, convolve: Convolve = in_float32) -> Callable:
    """All layers: float32 LR `[N, H, W, 3]` in [0, 1] to SR in [-1, 1]."""
    residual = residual_layers(generator, convolve)
    first, rest = upsampling_layers(generator, convolve)
    return lambda lr: rest(first(residual(lr)))
