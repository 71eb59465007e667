"""Encoded pictures inside a TensorFlow graph: the pixels that `upscale` reads."""

from typing import NamedTuple

import tensorflow as tf

# Of one picture: the result of scale 4 takes up 2.4 GB, and is there twice.
MAX_MEGAPIXELS = 50
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_EXIF = b"Exif\0\0"
_ORIENTATION = 0x0112
_LONG = 4  # the type of a field; others that hold a whole number take two bytes


class Decoded(NamedTuple):
    """A picture as a generator takes it, and what it was.

    Attributes:
        lr: float32 RGB `[H, W, 3]` in [0, 1], upright.
        gray: Whether it has no colours.
        deep: Whether it has 16 bits.
    """

    lr: tf.Tensor
    gray: tf.Tensor
    deep: tf.Tensor


def decoded(encoded: tf.Tensor) -> Decoded:
    """Decodes the string of a JPEG or PNG file; what is transparent becomes opaque.

    What else it is, damaged or too large, is an `InvalidArgumentError` when it runs.
    """
    data = _Bytes(encoded)
    is_jpeg = tf.equal(tf.strings.substr(encoded, 0, len(_JPEG)), _JPEG)
    is_png = tf.equal(tf.strings.substr(encoded, 0, len(_PNG)), _PNG)
    known = tf.debugging.Assert(
        is_jpeg | is_png, ["image_bytes: this is neither JPEG nor PNG."]
    )
    with tf.control_dependencies([known]):
        pixels = tf.cond(
            is_jpeg, lambda: _of_jpeg(encoded), lambda: _of_png(encoded, data)
        )
    # Their files are looked through for it only where they are whole.
    with tf.control_dependencies([pixels]):
        orientation = tf.cond(
            is_jpeg,
            lambda: data.orientation(data.exif_of_jpeg()),
            lambda: data.orientation(data.exif_of_png()),
        )
    pixels = _upright(pixels, orientation)
    channels = tf.shape(pixels)[2]
    gray = channels < 3
    colours = tf.cond(gray, lambda: pixels[..., :1], lambda: pixels[..., :3])
    size = tf.shape(pixels)[:2]
    lr = tf.broadcast_to(colours, tf.concat([size, [3]], 0))
    lr.set_shape((None, None, 3))
    # The header's 25th byte are the bits of a sample.
    return Decoded(lr, gray, is_png & tf.equal(data.number(24, 1), 16))


def _of_jpeg(encoded: tf.Tensor) -> tf.Tensor:
    size = tf.io.extract_jpeg_shape(encoded)
    with tf.control_dependencies([_small_enough(size[0], size[1])]):
        # Else TensorFlow takes the fast way, which is up to 16 levels off.
        pixels = tf.io.decode_jpeg(encoded, dct_method="INTEGER_ACCURATE")
    return tf.cast(pixels, tf.float32) / 255.0


def _of_png(encoded: tf.Tensor, data: "_Bytes") -> tf.Tensor:
    # The header comes first, and tells width and height.
    width, height = (data.number(at, 4) for at in (16, 20))
    with tf.control_dependencies([_small_enough(height, width)]):
        pixels = tf.io.decode_png(encoded, dtype=tf.uint16)
    return tf.cast(pixels, tf.float32) / 65535.0


def _small_enough(height: tf.Tensor, width: tf.Tensor) -> tf.Operation:
    pixels = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
    return tf.debugging.Assert(
        pixels <= MAX_MEGAPIXELS * 10**6,
        [f"image_bytes: a picture has more than {MAX_MEGAPIXELS} megapixels."],
    )


def _upright(pixels: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Applies the EXIF orientation, as `srgan_tf.pictures.modes.upright` does."""

    def where(values, change, x):
        is_one = tf.reduce_any(tf.equal(orientation, values))
        return tf.cond(is_one, lambda: change(x), lambda: x)

    pixels = where([5, 6, 7, 8], lambda x: tf.transpose(x, (1, 0, 2)), pixels)
    pixels = where([3, 4, 7, 8], lambda x: x[::-1], pixels)
    return where([2, 3, 6, 7], lambda x: x[:, ::-1], pixels)


class _Bytes:
    """The bytes of a string; behind its end there are zeros."""

    def __init__(self, encoded: tf.Tensor):
        self.length = tf.strings.length(encoded)
        self._bytes = tf.io.decode_raw(tf.strings.join([encoded, b"\0"]), tf.uint8)

    def number(
        self, at: tf.Tensor | int, size: int, *, big: tf.Tensor | bool = True
    ) -> tf.Tensor:
        """The whole numbers of some bytes at some places, the highest byte first."""
        up = tf.range(size)
        order = tf.where(big, up, up[::-1])
        places = tf.convert_to_tensor(at)[..., None] + order
        places = tf.clip_by_value(places, 0, self.length)
        found = tf.cast(tf.gather(self._bytes, places), tf.int32)
        return tf.reduce_sum(found * [256 ** (size - 1 - i) for i in range(size)], -1)

    def is_at(self, at: tf.Tensor, text: bytes) -> tf.Tensor:
        """Whether some text stands at a place."""
        here = self.number(at + tf.range(len(text)), 1)
        return tf.reduce_all(tf.equal(here, [*text]))

    def exif_of_jpeg(self) -> tf.Tensor:
        """Where EXIF begins; 0 if there is none."""

        def is_segment(at, exif):
            start_of_scan = tf.equal(self.number(at + 1, 1), 0xDA)
            return self.is_at(at, b"\xff") & ~start_of_scan & tf.equal(exif, 0)

        def look(at, exif):
            here = self.is_at(at, b"\xff\xe1") & self.is_at(at + 4, _EXIF)
            filled = self.is_at(at, b"\xff\xff")  # any number of these may come
            length = tf.where(filled, 1, 2 + self.number(at + 2, 2))
            return at + length, tf.where(here, at + 4 + len(_EXIF), exif)

        return tf.while_loop(is_segment, look, (2, 0))[1]

    def exif_of_png(self) -> tf.Tensor:
        """Where EXIF begins; 0 if there is none."""

        def is_chunk(at, exif):
            return (at >= 0) & (at < self.length) & tf.equal(exif, 0)

        def look(at, exif):
            here = self.is_at(at + 4, b"eXIf")
            length = tf.maximum(self.number(at, 4), 0)
            return at + 12 + length, tf.where(here, at + 8, exif)

        return tf.while_loop(is_chunk, look, (len(_PNG), 0))[1]

    def orientation(self, exif: tf.Tensor) -> tf.Tensor:
        """1 to 8, by the EXIF that begins somewhere; 1 where it says nothing."""
        big = self.is_at(exif, b"MM")
        root = exif + self.number(exif + 4, 4, big=big)
        fields = root + 2 + 12 * tf.range(self.number(root, 2, big=big))
        found = tf.where(tf.equal(self.number(fields, 2, big=big), _ORIENTATION))
        field = tf.cond(
            (exif > 0) & (tf.size(found) > 0),
            lambda: tf.gather(fields, found[0, 0]),
            lambda: self.length,  # zeros
        )
        is_long = tf.equal(self.number(field + 2, 2, big=big), _LONG)
        short, long = (self.number(field + 8, size, big=big) for size in (2, 4))
        value = tf.where(is_long, long, short)
        return tf.where((value >= 1) & (value <= 8), value, 1)
