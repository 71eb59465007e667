"""SavedModels: pictures or the bytes of files in, the same out."""

import os
from pathlib import Path

import tensorflow as tf

from srgan_tf.exporting.serving import images_spec, served
from srgan_tf.files import whole_folder
from srgan_tf.inference.exported import EXTRA_ASSETS, INFO_NAME, Info
from srgan_tf.inference.layers import network
from srgan_tf.models import Generator
from srgan_tf.quiet import quiet_log


def write_saved_model(
    generator: Generator, path: Path, info: Info, *, jit_compile: bool = False
) -> None:
    """Writes the folder, whole or not at all; see `srgan_tf.exporting.export`.

    Raises:
        UserError: If it cannot be written; what was there stays.
    """
    enlarge = tf.function(
        served(network(generator)),
        input_signature=[images_spec()],
        autograph=False,
        jit_compile=jit_compile,
    )

    def of_bytes(encoded):
        # A broken picture raises here; a JPEG or PNG of any kind becomes 8-bit RGB.
        picture = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        picture.set_shape((None, None, 3))
        return tf.io.encode_png(enlarge(picture[None])[0])

    def serving_default(images):
        # TensorFlow does not hold callers to the signature's rank: three dimensions
        # would reach the convolution, which ends the whole process.
        return {"sr": enlarge(tf.ensure_shape(images, (None, None, None, 3)))}

    def serving_bytes(image_bytes):
        # One by one, as they differ in size.
        pngs = tf.map_fn(of_bytes, image_bytes, parallel_iterations=1)
        # By this ending TensorFlow Serving knows that JSON needs base64.
        return {"sr_bytes": pngs}

    def signatures(module):
        module.serving_default = tf.function(
            serving_default, input_signature=[images_spec()], autograph=False
        )
        module.serving_bytes = tf.function(
            serving_bytes,
            input_signature=[tf.TensorSpec((None,), tf.string, name="image_bytes")],
            autograph=False,
        )
        return {
            "serving_default": module.serving_default,
            "serving_bytes": module.serving_bytes,
        }

    with whole_folder(path) as partial:
        module = tf.Module()
        with quiet_log():
            made = signatures(module)
            tf.saved_model.save(module, os.fspath(partial), signatures=made)
        extra = partial / EXTRA_ASSETS
        extra.mkdir()
        (extra / INFO_NAME).write_text(info.to_json())
