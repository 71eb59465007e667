"""Exports that serve without this package."""

import os
import shutil
from pathlib import Path

import keras
import tensorflow as tf

from srgan_tf.models import Generator
from srgan_tf.ranges import lr_from_255, to_8bit


def export_saved_model(generator: Generator, path: str | os.PathLike) -> None:
    """Writes a SavedModel that `tf.saved_model.load` and TensorFlow Serving can use.

    Its signature `serving_default` takes uint8 RGB `[N, H, W, 3]` of any size and
    returns uint8 `[N, scale * H, scale * W, 3]`. An existing folder is replaced once
    the new one is complete.
    """

    def serve(images):
        sr = generator(lr_from_255(tf.cast(images, tf.float32)), training=False)
        return tf.cast(to_8bit(sr), tf.uint8)

    archive = keras.export.ExportArchive()
    archive.track(generator)
    archive.add_endpoint(
        "serving_default",
        serve,
        input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")],
    )
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    archive.write_out(str(partial), verbose=False)
    shutil.rmtree(path, ignore_errors=True)
    partial.rename(path)
