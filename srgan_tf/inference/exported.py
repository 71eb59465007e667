"""Exports as models again: a SavedModel, a `.tflite` or an `.onnx` file of ours."""

import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from srgan_tf.errors import UserError, optional, reason
from srgan_tf.inference.runtimes import litert_runner, one_at_a_time
from srgan_tf.inference.tiles import Box, Upscaler
from srgan_tf.pictures.ranges import hr_from_255

INFO_NAME = "srgan_tf.json"
# TensorFlow leaves what is in here alone.
EXTRA_ASSETS = "assets.extra"


class Info(NamedTuple):
    """What a model's file says of it.

    Attributes:
        scale: Factor of the size.
        radius: LR pixels on each side that a result pixel depends on.
        window: Height and width of the LR pictures it takes; None for any.
        facts: Its name, making, licence and scores: `srgan_tf.exporting.facts.Facts`.
    """

    scale: int
    radius: int
    window: tuple[int, int] | None = None
    facts: Mapping[str, Any] = {}

    def to_json(self) -> str:
        """As the file holds it."""
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str | bytes) -> "Info":
        """Back from what the file holds.

        Raises:
            ValueError: If that is no JSON. TypeError, if it says other things.
        """
        fields = json.loads(text)
        if fields.get("window"):
            height, width = fields["window"]
            fields["window"] = height, width
        return cls(**fields)


def is_export(source: str | os.PathLike) -> bool:
    """Whether a path is that of an export, by its name or, for a folder, content."""
    path = Path(source)
    if path.is_dir():
        return (path / "saved_model.pb").is_file()
    return path.suffix in (".tflite", ".onnx")


class ExportedModel(Upscaler):
    """A generator read from an export. It works in 8 bits, as its users do.

    Args:
        source: A SavedModel folder, or a `.tflite` or `.onnx` file.
        tile: Side of the tiles in LR pixels; if None, 176: with 40 pixels of context
            windows of 256, 0.7 GB at scale 4.

    Attributes:
        info: What its file says of it.

    Raises:
        UserError: If there is none, it is damaged or not ours, or the package that
            runs it is missing.
    """

    def __init__(self, source: str | os.PathLike, *, tile: int | None = None):
        path = Path(source)
        if not path.exists():
            raise UserError(f"There is no model {source}.")
        open_it = {".tflite": _open_litert, ".onnx": _open_onnx}
        try:
            self.info, self._run = open_it.get(path.suffix, _open_saved_model)(path)
        except UserError:
            raise
        except Exception as error:  # each runtime has its own kinds
            raise UserError(
                f"{path} is damaged or no export of srgan_tf: {reason(error, 120)}"
            ) from None
        self.scale, self.radius, self.window, _ = self.info
        self.tile = tile or 176

    def __call__(self, lr: np.ndarray, box: Box | None = None) -> np.ndarray:
        top, bottom, left, right = box or (0, lr.shape[0], 0, lr.shape[1])
        sr = self._run(np.rint(lr * 255.0).astype(np.uint8)[None])[0]
        s = self.scale
        sr = sr[s * top : s * bottom, s * left : s * right]
        return hr_from_255(sr.astype(np.float32))


Opened = tuple[Info, Callable[[np.ndarray], np.ndarray]]


def _open_saved_model(path: Path) -> Opened:
    info = Info.from_json((path / EXTRA_ASSETS / INFO_NAME).read_text())
    loaded = tf.saved_model.load(os.fspath(path))
    serve = loaded.signatures["serving_default"]
    # The signature holds its model weakly.
    return info, one_at_a_time(
        lambda x, _keep=loaded: serve(images=tf.constant(x))["sr"]
    )


def _open_litert(path: Path) -> Opened:
    with zipfile.ZipFile(path) as archive:
        info = Info.from_json(archive.read(INFO_NAME))
    return info, litert_runner(path.read_bytes())


def _open_onnx(path: Path) -> Opened:
    onnxruntime = optional("onnxruntime", "onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    info = Info.from_json(session.get_modelmeta().custom_metadata_map[INFO_NAME])
    return info, lambda x: session.run(["sr"], {"images": x})[0]
