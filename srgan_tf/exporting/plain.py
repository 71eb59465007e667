"""Inside a TensorFlow graph: plain areas stay plain, and edges see mirrored pixels."""

import tensorflow as tf

from srgan_tf.inference.plain import REACH, STEEP

_SIDE = 2 * REACH + 1


def mirrored(picture: tf.Tensor, beyond: int) -> tf.Tensor:
    """`[H, W, C]` with mirrored pixels on all sides, however small it is."""
    for axis in (0, 1):
        length = tf.shape(picture)[axis]
        places = tf.range(-beyond, length + beyond) % (2 * length)
        places = tf.minimum(places, 2 * length - 1 - places)
        picture = tf.gather(picture, places, axis=axis)
    return picture


def keep_plain(sr: tf.Tensor, lr: tf.Tensor) -> tf.Tensor:
    """What `srgan_tf.inference.plain.keep_plain` gives, but at the edges of a window.

    Args:
        sr: float32 `[N, scale * H, scale * W, 3]` in [-1, 1].
        lr: float32 `[N, H, W, 3]` in [0, 1].
    """
    gray = tf.reduce_all(tf.equal(lr, lr[..., :1]), axis=-1, keepdims=True)
    mean = tf.reduce_mean(sr, axis=-1, keepdims=True)
    sr = _mixed(sr, mean, tf.cast(gray, tf.float32))
    steps = tf.reduce_max(_largest(lr) + _largest(-lr), axis=-1, keepdims=True)
    flat = tf.maximum(1 - steps / STEEP, 0.0)
    return _mixed(sr, 2 * _enlarged(lr, sr) - 1, flat)


def _mixed(sr: tf.Tensor, plain: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """SR with something else in it, by weights in [0, 1] for LR pixels."""
    weight = tf.nn.avg_pool2d(-_largest(-weight), _SIDE, 1, "SAME")
    return sr + _enlarged(weight, sr) * (plain - sr)


def _largest(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.max_pool2d(x, _SIDE, 1, "SAME")


def _enlarged(lr: tf.Tensor, sr: tf.Tensor) -> tf.Tensor:
    return tf.image.resize(lr, tf.shape(sr)[1:3], "bilinear")
