"""How fast this machine upscales, beside what its matrix multiplication could do."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from srgan_tf.data.listing import find_photos
from srgan_tf.errors import UserError
from srgan_tf.exporting.card import multiplications
from srgan_tf.exporting.export import ENDINGS, export
from srgan_tf.inference.compiled import CompiledGenerator
from srgan_tf.inference.exported import ExportedModel
from srgan_tf.inference.precision import fastest_precision
from srgan_tf.inference.tiles import Upscaler
from srgan_tf.models import Generator
from srgan_tf.pictures.ranges import to_8bit

SIDES = (128, 256)  # of the LR pictures
ROUNDS = 7
EXPORTS = (
    ("saved_model", None),
    ("litert", None),
    ("litert", "float16"),
    ("litert", "dynamic"),
    ("litert", "int8"),
    ("onnx", None),
)


def benchmark_upscaling(generator: Generator) -> None:
    """Prints the time of LR pictures for each way of running a generator.

    All ways, exports among them, take turns, so that other work on the machine slows
    them alike; the best of seven rounds counts. Formats whose package is missing are
    named and left out.
    """
    models: dict[str, Upscaler] = {
        precision: CompiledGenerator(generator, precision=precision)
        for precision in dict.fromkeys(("float32", fastest_precision()))
    }
    models["--fast"] = CompiledGenerator(generator, fast=True)
    with tempfile.TemporaryDirectory() as folder:
        models.update(_exports(generator, Path(folder)))
        for side in SIDES:
            _measure(generator, models, side)


def _exports(generator: Generator, folder: Path) -> dict[str, ExportedModel]:
    models = {}
    for file_format, quantize in EXPORTS:
        name = " ".join(filter(None, (file_format, quantize)))
        path = folder / f"{name}{ENDINGS[file_format]}"
        try:
            export(
                generator,
                path,
                file_format=file_format,
                quantize=quantize,
                photos=find_photos("bundled"),
            )
            models[name] = ExportedModel(path)
        except UserError as error:
            print(f"{name} is left out: {error}")
    return models


def _measure(generator: Generator, models: dict[str, Upscaler], side: int) -> None:
    rng = np.random.default_rng(0)
    lr = tf.image.resize(rng.random((16, 16, 3), np.float32), (side, side), "bicubic")
    # On the 8-bit grid, as exports take nothing else.
    lr = (np.round(np.clip(lr, 0, 1) * 255) / 255).astype(np.float32)
    matrix = tf.constant(rng.random((4096, 4096), np.float32))
    ways = {
        "plain Keras call": lambda: generator(lr[None])[0],
        **{name: _run(model, lr) for name, model in models.items()},
        "matrix": lambda: tf.matmul(matrix, matrix).numpy(),
    }
    seconds, results = _best(ways)
    peak = 2 * 4096**3 / seconds.pop("matrix")
    work = 2 * multiplications(generator) * side**2
    print(
        f"{side}x{side} to {generator.scale * side}x{generator.scale * side}, "
        f"{work / 1e9:.1f} GFLOP; float32 matmul peak {peak / 1e9:.0f} GFLOP/s"
    )
    plain = seconds["plain Keras call"]
    exact = to_8bit(results["plain Keras call"])
    print(f"{'':18}{'ms':>7}{'ratio':>8}{'SR MP/s':>10}{'of peak':>9}{'within 1':>10}")
    for name, time_taken in seconds.items():
        megapixels = (generator.scale * side) ** 2 / 1e6 / time_taken
        near = np.mean(np.abs(to_8bit(results[name]) - exact) <= 1)
        print(
            f"{name:18}{1000 * time_taken:7.0f}{plain / time_taken:8.2f}"
            f"{megapixels:10.2f}{work / time_taken / peak:9.0%}{near:10.2%}"
        )


def _run(model: Upscaler, lr: np.ndarray) -> Callable:
    return lambda: model(lr)


def _best(ways: dict[str, Callable]) -> tuple[dict[str, float], dict]:
    results = {name: way() for name, way in ways.items()}  # compiles
    seconds = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds, results
