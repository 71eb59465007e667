"""The parts of a degradation, as TensorFlow ops on one picture `[H, W, 3]`, 0..255."""

import functools
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

Range = tuple[float, float]

FILTERS = ("bicubic", "area", "bilinear", "lanczos", "aliased")


def maybe(probability: float, x, seed, part: Callable, *args):
    """`part(x, seed, *args)` with a probability, else x."""
    if probability in (0, 1):
        return part(x, seed, *args) if probability else x
    gate, seed = tf.unstack(tf.random.split(seed, 2))
    gate = tf.random.stateless_uniform((), gate)
    return tf.cond(gate < probability, lambda: part(x, seed, *args), lambda: x)


def uniform(seed, count: int) -> list[tf.Tensor]:
    """That many numbers in [0, 1)."""
    return tf.unstack(tf.random.stateless_uniform((count,), seed))


def between(limits: Range, u):
    """Maps [0, 1) to a range."""
    return limits[0] + u * (limits[1] - limits[0])


def to_8bit(x):
    """Whole numbers, rounded half up."""
    return tf.clip_by_value(tf.floor(x + 0.5), 0.0, 255.0)


def _blur(x, yy, xx, yx, reach: float):
    """Gaussian blur of covariance [[yy, yx], [yx, xx]], by its Fourier transform.

    Its cost does not depend on its width, and it may lie at any angle.
    """
    pad = min(math.ceil(3 * reach), *(side // 2 for side in x.shape[:2]))
    pads = [[pad, _quick(side + 2 * pad) - side - pad] for side in x.shape[:2]]
    planes = tf.transpose(tf.pad(x, [*pads, [0, 0]], "SYMMETRIC"), [2, 0, 1])
    height, width = planes.shape[1:]
    fy = np.fft.fftfreq(height).astype(np.float32)[:, None]
    fx = np.fft.rfftfreq(width).astype(np.float32)
    power = yy * (fy * fy) + xx * (fx * fx) + 2 * yx * (fy * fx)
    response = tf.cast(tf.exp(-2 * math.pi**2 * power), tf.complex64)
    planes = tf.signal.irfft2d(tf.signal.rfft2d(planes) * response, (height, width))
    planes = planes[:, pad : pad + x.shape[0], pad : pad + x.shape[1]]
    return tf.transpose(planes, [1, 2, 0])


def _quick(length: int) -> int:
    """The next length without prime factors above 7, whose transform is quick."""
    while pow(2 * 3 * 5 * 7, 20, length):
        length += 1
    return length


def soften(x, seed, sigmas: Range, anisotropic: float):
    """Blurs; a share of pictures with two sigmas and at an angle."""
    alike, first, second, turn = uniform(seed, 4)
    first, second = between(sigmas, first) ** 2, between(sigmas, second) ** 2
    second = tf.where(alike < anisotropic, second, first)
    c, s = tf.cos(math.pi * turn), tf.sin(math.pi * turn)
    yy, xx = c * c * first + s * s * second, s * s * first + c * c * second
    return _blur(x, yy, xx, c * s * (first - second), sigmas[1])


def sharpen(x, seed, amounts: Range, sigmas: Range):
    """Unsharp mask."""
    amount, sigma = uniform(seed, 2)
    variance = between(sigmas, sigma) ** 2
    blurred = _blur(x, variance, variance, 0.0, sigmas[1])
    return tf.clip_by_value(x + between(amounts, amount) * (x - blurred), 0.0, 255.0)


def resize(x, size, which):
    """Resizes by the filter of that number, rounding as MATLAB does for bicubic."""
    height, width, _ = tf.unstack(tf.shape(x))
    rows = _weights(height, size[0], which) @ tf.reshape(x, (height, -1))
    rows = tf.reshape(rows, (size[0], width, 3))
    rows = tf.where(which == 0, to_8bit(rows), rows)
    columns = _weights(width, size[1], which) @ rows
    return tf.reshape(to_8bit(columns), (*size, 3))


def _weights(length, out, which):
    """The weights `[out, length]` of one pass; see `imresize.resize_matrix`."""
    step = tf.cast(length, tf.float32) / tf.cast(out, tf.float32)
    wide = tf.maximum(step, 1.0)
    reach = tf.cast(tf.math.ceil(3 * wide), tf.int32)
    centres = (tf.range(tf.cast(out, tf.float32)) + 0.5) * step - 0.5
    taps = tf.cast(tf.range(-reach, length + reach), tf.float32)
    far = tf.abs(centres[:, None] - taps)
    x = far / wide
    kernels = (  # in the order of FILTERS
        lambda: _cubic(x),
        # How much of the tap the pixel of the result covers.
        lambda: tf.clip_by_value((step + 1) / 2 - far, 0.0, tf.minimum(step, 1.0)),
        lambda: tf.maximum(1 - x, 0.0),
        lambda: tf.where(x < 3, _sinc(x) * _sinc(x / 3), 0.0),
        lambda: _cubic(far),
    )
    weights = tf.switch_case(which, kernels)
    weights /= tf.reduce_sum(weights, 1, keepdims=True)
    # Taps beyond the border count as the border pixel.
    first = tf.reduce_sum(weights[:, : reach + 1], 1, keepdims=True)
    last = tf.reduce_sum(weights[:, -reach - 1 :], 1, keepdims=True)
    return tf.concat([first, weights[:, reach + 1 : -reach - 1], last], 1)


def _cubic(x):
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return tf.where(x <= 1, near, tf.where(x <= 2, far, 0.0))


def _sinc(x):
    return tf.math.divide_no_nan(tf.sin(math.pi * x), math.pi * x) + tf.cast(
        x == 0, tf.float32
    )


def add_noise(x, seed, sigmas: Range, gray: float, poisson: float):
    """Adds noise: gray or Poisson's in these shares, else Gaussian in each channel."""
    draws, grain = tf.unstack(tf.random.split(seed, 2))
    sigma, which = uniform(draws, 2)
    sigma = between(sigmas, sigma)
    rate = 128 / sigma**2  # events for one level
    kinds = (
        lambda: x + sigma * tf.random.stateless_normal((*x.shape[:2], 1), grain),
        lambda: tf.random.stateless_poisson(x.shape, grain, x * rate, x.dtype) / rate,
        lambda: x + sigma * tf.random.stateless_normal(x.shape, grain),
    )
    limits = np.array([gray, gray + poisson], np.float32)
    return tf.switch_case(tf.reduce_sum(tf.cast(which >= limits, tf.int32)), kinds)


def jpeg(x, seed, qualities: tuple[int, int], subsampled: float):
    """Saves and reads as JPEG, a share with colours at 4:2:0, the others at 4:4:4."""
    image = tf.cast(x, tf.uint8)
    share, u = uniform(seed, 2)
    low, high = qualities

    def at_420():
        quality = low + tf.cast(u * (high - low + 1), tf.int32)
        return tf.raw_ops.EncodeJpegVariableQuality(images=image, quality=quality)

    def at_444():  # whose quality is an attribute of the op
        encode = functools.partial(
            tf.io.encode_jpeg, image, format="rgb", chroma_downsampling=False
        )
        steps = range(low, high + 1, 5)
        branches = [functools.partial(encode, quality=quality) for quality in steps]
        return tf.switch_case(tf.cast(u * len(steps), tf.int32), branches)

    encoded = (
        at_420() if subsampled == 1 else tf.cond(share < subsampled, at_420, at_444)
    )
    decoded = tf.io.decode_jpeg(encoded, 3, dct_method="INTEGER_ACCURATE")
    return tf.ensure_shape(tf.cast(decoded, tf.float32), x.shape)
