"""How fast this machine upscales, beside what its matrix multiplication could do."""

import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from srgan_tf.inference import CompiledGenerator
from srgan_tf.models import Generator
from srgan_tf.ranges import to_8bit

SIDE = 128  # of the LR picture
ROUNDS = 7


def benchmark(generator: Generator) -> None:
    """Prints the time of one 128x128 LR picture for each way of running a generator.

    All ways take turns, so that other work on the machine slows them alike; the best of
    seven rounds counts.
    """
    rng = np.random.default_rng(0)
    lr = tf.image.resize(rng.random((16, 16, 3), np.float32), (SIDE, SIDE), "bicubic")
    lr = np.clip(lr, 0, 1)
    matrix = tf.constant(rng.random((4096, 4096), np.float32))
    ways = {
        "plain Keras call": lambda: generator(lr[None])[0],
        "default": _run(CompiledGenerator(generator), lr),
        "--fast": _run(CompiledGenerator(generator, fast=True), lr),
        "matrix": lambda: tf.matmul(matrix, matrix).numpy(),
    }
    seconds, results = _best(ways)
    peak = 2 * 4096**3 / seconds.pop("matrix")
    work = 2 * multiplications(generator) * SIDE**2
    print(
        f"{SIDE}x{SIDE} to {generator.scale * SIDE}x{generator.scale * SIDE}, "
        f"{work / 1e9:.1f} GFLOP; float32 matmul peak {peak / 1e9:.0f} GFLOP/s"
    )
    plain = seconds["plain Keras call"]
    exact = to_8bit(results["plain Keras call"])
    print(f"{'':18}{'ms':>7}{'ratio':>8}{'SR MP/s':>10}{'of peak':>9}{'within 1':>10}")
    for name, time_taken in seconds.items():
        megapixels = (generator.scale * SIDE) ** 2 / 1e6 / time_taken
        near = np.mean(np.abs(to_8bit(results[name]) - exact) <= 1)
        print(
            f"{name:18}{1000 * time_taken:7.0f}{plain / time_taken:8.2f}"
            f"{megapixels:10.2f}{work / time_taken / peak:9.0%}{near:10.2%}"
        )


def _run(compiled: CompiledGenerator, lr: np.ndarray) -> Callable:
    return lambda: compiled(lr)


def _best(ways: dict[str, Callable]) -> tuple[dict[str, float], dict]:
    results = {name: way() for name, way in ways.items()}  # compiles
    seconds = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds, results


def multiplications(generator: Generator) -> int:
    """Products that the generator's convolutions need per LR pixel.

    Example:
        >>> multiplications(Generator(scale=4))
        2218176
    """

    def size(layer):
        return int(np.prod(layer.kernel.shape))

    blocks = [conv for b in generator.blocks for conv in (b.conv1, b.conv2)]
    total = sum(size(conv) for conv in (generator.head, *blocks, generator.body))
    for level, block in enumerate(generator.upsample):
        total += size(block.conv) * 4**level
    return total + size(generator.tail) * generator.scale**2
