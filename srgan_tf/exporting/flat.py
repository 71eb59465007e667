"""Inside a TensorFlow graph: flat areas stay flat, and edges see mirrored pixels."""

import tensorflow as tf

from srgan_tf.inference.flat import REACH, STEEP


def mirrored(picture: tf.Tensor, beyond: int) -> tf.Tensor:
    """`[H, W, C]` with mirrored pixels on all sides, however small it is."""
    for axis in (0, 1):
        length = tf.shape(picture)[axis]
        places = tf.range(-beyond, length + beyond) % (2 * length)
        places = tf.minimum(places, 2 * length - 1 - places)
        picture = tf.gather(picture, places, axis=axis)
    return picture


def keep_flat(sr: tf.Tensor, lr: tf.Tensor) -> tf.Tensor:
    """What `srgan_tf.inference.flat.keep_flat` gives, but at the edges of a window.

    Args:
        sr: float32 `[N, scale * H, scale * W, 3]` in [-1, 1].
        lr: float32 `[N, H, W, 3]` in [0, 1].
    """

    def largest(x):
        return tf.nn.max_pool2d(x, 2 * REACH + 1, 1, "SAME")

    steps = tf.reduce_max(largest(lr) + largest(-lr), axis=-1, keepdims=True)
    flatness = tf.maximum(1 - steps / STEEP, 0.0)
    flatness = tf.nn.avg_pool2d(-largest(-flatness), 2 * REACH + 1, 1, "SAME")
    both = tf.concat([lr, flatness], axis=-1)
    both = tf.image.resize(both, tf.shape(sr)[1:3], "bilinear")
    colours, weight = 2 * both[..., :3] - 1, both[..., 3:]
    return sr + weight * (colours - sr)
