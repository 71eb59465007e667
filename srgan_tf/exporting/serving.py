"""What all exports serve: one folded network, from uint8 to uint8."""

from collections.abc import Callable

import tensorflow as tf

from srgan_tf.pictures.ranges import lr_from_255, to_8bit


def served(layers: Callable) -> Callable:
    """A network from uint8 to uint8."""

    def serve(images):
        sr = layers(lr_from_255(tf.cast(images, tf.float32)))
        return tf.cast(to_8bit(sr), tf.uint8)

    return serve


def images_spec(window: tuple[int, int] | None = None) -> tf.TensorSpec:
    """uint8 RGB pictures, of any number and size or one of a fixed size."""
    shape = (1, *window, 3) if window else (None, None, None, 3)
    return tf.TensorSpec(shape, tf.uint8, name="images")
