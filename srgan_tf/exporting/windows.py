"""Windows inside a TensorFlow graph, so that large pictures do not take more memory.

The same cut as in `srgan_tf.inference.tiles`: results are those of the whole picture.
"""

from collections.abc import Callable

import tensorflow as tf


def in_windows(
    function: Callable[[tf.Tensor], tf.Tensor],
    *,
    scale: int,
    part: int,
    halo: int,
    dtype: tf.DType = tf.float32,
) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function that sees windows only, one after the other.

    Args:
        function: From `[N, H, W, C]` to `[N, scale * H, scale * W, 3]`.
        scale: Factor of the size.
        part: Side of what is made of a window, in pixels of the input.
        halo: Pixels of the input on each side that a result pixel depends on.
        dtype: Of the result.
    """

    def whole(x: tf.Tensor) -> tf.Tensor:
        number, rows, columns = tf.unstack(tf.shape(x)[:3])

        def strip(top, bottom):
            nothing = (number, scale * (bottom - top), 0, 3)
            return along(2, columns, nothing, lambda *sides: one(top, bottom, *sides))

        def one(top, bottom, left, right):
            above, before = tf.maximum(top - halo, 0), tf.maximum(left - halo, 0)
            result = function(x[:, above : bottom + halo, before : right + halo])
            return result[
                :,
                scale * (top - above) : scale * (bottom - above),
                scale * (left - before) : scale * (right - before),
            ]

        return along(1, rows, (number, 0, scale * columns, 3), strip)

    def along(axis, length, nothing, make):
        # As equal as they can be, without a rest of a few pixels at the end.
        size = -(-length // -(-length // part))

        def add(start, done):
            result = make(start, tf.minimum(start + size, length))
            return start + size, tf.concat([done, result], axis)

        _, done = tf.while_loop(
            lambda start, done: start < length,
            add,
            (0, tf.zeros(nothing, dtype)),
            shape_invariants=(
                tf.TensorShape(()),
                tf.TensorShape((None, None, None, 3)),
            ),
            parallel_iterations=1,
        )
        return done

    return whole
