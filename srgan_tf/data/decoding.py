"""Photo files decoded by TensorFlow ops, to the pixels that Pillow would give."""

import tensorflow as tf

_BLOCK = 16  # the largest of JPEG, in pixels


def decode(encoded) -> tf.Tensor:
    """Decodes a JPEG, PNG or WebP file: uint8 `[H, W, 3]`, as it is stored."""
    return _by_kind(
        encoded, lambda: tf.io.decode_jpeg(encoded, 3, dct_method="INTEGER_ACCURATE")
    )


def decode_part(encoded, size, low, extent) -> tf.Tensor:
    """Decodes part of a file of a known size: `decode` and a slice.

    Args:
        encoded: The file's bytes.
        size: int32 `[2]`, height and width of the whole picture.
        low: int32 `[2]`, the part's first row and column.
        extent: int32 `[2]`, its height and width.

    Returns:
        uint8 `[height, width, 3]`.
    """

    def jpeg():
        # Colours at half resolution are interpolated across blocks: whole ones around.
        first = tf.maximum((low // _BLOCK - 1) * _BLOCK, 0)
        last = tf.minimum(((low + extent - 1) // _BLOCK + 2) * _BLOCK, size)
        box = tf.concat([first, last - first], 0)
        part = tf.io.decode_and_crop_jpeg(
            encoded, box, 3, dct_method="INTEGER_ACCURATE"
        )
        return cut(part, low - first)

    def cut(picture, corner):
        return tf.slice(picture, [*tf.unstack(corner), 0], [*tf.unstack(extent), 3])

    return _by_kind(encoded, jpeg, lambda picture: cut(picture, low))


def _by_kind(encoded, jpeg, then=lambda picture: picture):
    first = tf.strings.substr(encoded, 0, 2)
    return tf.case(
        [
            (first == b"\xff\xd8", jpeg),
            (first == b"RI", lambda: then(tf.io.decode_webp(encoded, 3)[0])),
        ],
        default=lambda: then(tf.io.decode_png(encoded, 3)),
    )
