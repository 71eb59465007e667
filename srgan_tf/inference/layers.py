"""The generator's layers with constant weights, BatchNorm folded into them."""

import itertools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from srgan_tf.models import Generator


def _folded(
    conv: keras.layers.Conv2D, norm: keras.layers.BatchNormalization | None = None
) -> tuple[np.ndarray, np.ndarray]:
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


def _conv(x, weights):
    kernel, bias = weights
    return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias)


def _prelu(x, slope: np.ndarray):
    if (slope <= 1).all():
        return tf.maximum(x, slope * x)  # half the passes over memory
    return tf.maximum(x, 0.0) + slope * tf.minimum(x, 0.0)


def residual_layers(generator: Generator, bound: Callable = lambda x: x) -> Callable:
    """From LR up to the elementwise sum behind the residual blocks.

    Args:
        generator: Whose layers.
        bound: Stands in front of each convolution of the blocks and of the one behind
            them, in this order: sees, or limits, what they get.
    """
    head, body = (
        _folded(generator.head),
        _folded(generator.body, generator.body_bn),
    )
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
        with tf.name_scope("head"):
            x = skip = _prelu(_conv(lr, head), slope)
        for conv1, alpha, conv2 in blocks:
            x = x + _conv(bound(_prelu(_conv(bound(x), conv1), alpha)), conv2)
        return skip + _conv(bound(x), body)

    return layers


def upsampling_layers(generator: Generator) -> tuple[Callable, Callable]:
    """From the features to SR: the first convolution, and what follows it.

    Here every PixelShuffle comes as late as it can: PReLU is per channel, so it may
    come before, and the last one moves behind the tail, see `_shuffled_tail`.
    """
    convs = [_folded(block.conv) for block in generator.upsample]
    slopes = [np.tile(np.ravel(block.prelu.alpha), 4) for block in generator.upsample]
    tail = _shuffled_tail(*_folded(generator.tail))

    def first(x):
        with tf.name_scope("enlarge"):
            return _prelu(_conv(x, convs[0]), slopes[0])

    def rest(x):
        for conv, slope in zip(convs[1:], slopes[1:]):
            x = _prelu(_conv(tf.nn.depth_to_space(x, 2), conv), slope)
        return tf.nn.depth_to_space(tf.tanh(_conv(x, tail)), 2)

    return first, rest


def _shuffled_tail(
    kernel: np.ndarray, bias: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
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


def network(generator: Generator, bound: Callable = lambda x: x) -> Callable:
    """All layers: float32 LR `[N, H, W, 3]` in [0, 1] to SR in [-1, 1]."""
    residual = residual_layers(generator, bound)
    first, rest = upsampling_layers(generator)
    return lambda lr: rest(first(residual(lr)))
