"""Exports that serve without this package: one folded network, three containers.

All take uint8 RGB `[N, H, W, 3]` and return uint8 `[N, scale * H, scale * W, 3]`, with
the conversions and BatchNorm inside. Each carries an `Info` for `inference.exported`.
"""

import contextlib
import importlib
import json
import logging
import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

from srgan_tf.errors import UserError
from srgan_tf.exporting.card import Facts, card_text, write_card
from srgan_tf.files import whole_file
from srgan_tf.inference.layers import network
from srgan_tf.models import Generator
from srgan_tf.pictures.ranges import lr_from_255, to_8bit

SUFFIXES = {"saved_model": "", "litert": ".tflite", "onnx": ".onnx"}
INFO_NAME = "srgan_tf.json"
# TensorFlow leaves what is in here alone.
EXTRA_ASSETS = "assets.extra"
OPSET = 18


class Info(NamedTuple):
    """What a model's file says of it.

    Attributes:
        scale: Factor of the size.
        radius: LR pixels on each side that a result pixel depends on.
        window: Height and width of the LR pictures it takes; None for any.
    """

    scale: int
    radius: int
    window: tuple[int, int] | None = None


def export(
    generator: Generator,
    path: str | os.PathLike,
    file_format: str = "saved_model",
    quantize: str | None = None,
    window: tuple[int, int] | None = None,
    photos: Sequence[str] = (),
    jit_compile: bool = False,
    facts: Facts | None = None,
) -> None:
    """Writes an export and its `model_card.md`: in the folder, or beside the file.

    Args:
        generator: The model.
        path: A folder for `saved_model`, else a file, `.tflite` or `.onnx`. Replaced
            once the new one is complete.
        file_format: `saved_model`, `litert` or `onnx`.
        quantize: For `litert`: `float16` (weights), `dynamic` (8-bit weights,
            activations as they come) or `int8` (8-bit convolutions, ranges fixed
            beforehand); None for float32.
        window: For `litert`: height and width of the LR picture if they are fixed.
        photos: HR photo files that show what 8-bit activations have to hold.
        jit_compile: For `saved_model`: compile by XLA, once for every picture size.
        facts: For the card.

    Raises:
        UserError: If an optional package is missing or the path cannot be meant so.
    """
    path = Path(path)
    check_target(path, file_format)
    info = Info(generator.scale, generator.receptive_radius, window)
    if file_format == "saved_model":
        _write_saved_model(generator, path, info, jit_compile)
        card = path / "model_card.md"
    else:
        if file_format == "litert":
            from srgan_tf.exporting.litert import litert_model

            content = litert_model(generator, quantize, window, photos)
        else:
            content = _onnx_model(generator, info)
        with whole_file(path) as partial:
            partial.write_bytes(content)
            if file_format == "litert":
                # As LiteRT's own tools keep files in a model: as a zip behind it.
                with zipfile.ZipFile(partial, "a") as archive:
                    archive.writestr(INFO_NAME, json.dumps(info._asdict()))
        card = path.with_name("model_card.md")
    text = card_text(path.name, file_format, info, quantize, facts or Facts(path.stem))
    write_card(card, path.name, text)


def check_target(path: Path, file_format: str) -> None:
    """Refuses paths that are not for this format, or hold something else.

    Raises:
        UserError: If the path cannot be written as asked.
    """
    suffix = SUFFIXES[file_format]
    if suffix and (path.suffix != suffix or path.is_dir()):
        raise UserError(f"--output={path}: name a file ending in {suffix}.")
    if suffix:
        return
    if path.is_file() or path.suffix in (".tflite", ".onnx"):
        raise UserError(f"--output={path}: a SavedModel is a folder; name one.")
    if path.is_dir() and not (path / "saved_model.pb").exists() and any(path.iterdir()):
        raise UserError(f"--output={path} holds other things; name a new folder.")


def served(layers: Callable) -> Callable:
    """A network from uint8 to uint8."""

    def serve(images):
        sr = layers(lr_from_255(tf.cast(images, tf.float32)))
        return tf.cast(to_8bit(sr), tf.uint8)

    return serve


def save_module(
    folder: str | os.PathLike, signatures: Callable[[tf.Module], dict]
) -> None:
    """Writes a SavedModel of functions over constants, quietly."""
    module = tf.Module()
    with _quiet():
        tf.saved_model.save(module, os.fspath(folder), signatures=signatures(module))


def images_spec(window: tuple[int, int] | None = None) -> tf.TensorSpec:
    """uint8 RGB pictures, of any number and size or one of a fixed size."""
    shape = (1, *window, 3) if window else (None, None, None, 3)
    return tf.TensorSpec(shape, tf.uint8, name="images")


def _write_saved_model(
    generator: Generator, path: Path, info: Info, jit_compile: bool
) -> None:
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

    partial = path.with_name(path.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    save_module(partial, signatures)
    extra = partial / EXTRA_ASSETS
    extra.mkdir()
    (extra / INFO_NAME).write_text(json.dumps(info._asdict()))
    shutil.rmtree(path, ignore_errors=True)
    partial.rename(path)


def _onnx_model(generator: Generator, info: Info) -> bytes:
    tf2onnx = optional("tf2onnx", "onnx")
    function = tf.function(
        served(network(generator)), input_signature=[images_spec()], autograph=False
    )
    with _quiet():
        model, _ = tf2onnx.convert.from_function(
            function, input_signature=function.input_signature, opset=OPSET
        )
    (result,) = model.graph.output
    for node in model.graph.node:
        if result.name in node.output:
            node.output[:] = ["sr"]
    result.name = "sr"
    entry = model.metadata_props.add()
    entry.key, entry.value = INFO_NAME, json.dumps(info._asdict())
    return model.SerializeToString()


def optional(module: str, extra: str):
    """Imports a module of an optional package.

    Raises:
        UserError: If it is not installed, naming the pip extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise UserError(
            f"This needs the package {package}: pip install 'srgan_tf[{extra}]'."
        ) from None


@contextlib.contextmanager
def _quiet():
    """Keeps the converters' remarks, which users cannot act on, out of the log."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)
