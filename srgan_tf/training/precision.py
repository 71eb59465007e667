"""The arithmetic that suits a machine."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf


@contextlib.contextmanager
def layers_in(precision: str) -> Iterator[None]:
    """Within it layers are made in a policy of Keras, such as `mixed_bfloat16`.

    Behind it as before: what else the process does must not change.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def fastest_precision() -> str:
    """The arithmetic that trains fastest on this machine's devices and stays correct.

    `mixed_bfloat16` where the hardware has it: weights, losses and the last layers stay
    float32, and no loss scaling is needed. Otherwise `float32`.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        native = details.get("compute_capability", (0, 0)) >= (8, 0)
    else:
        try:
            native = "avx512_bf16" in Path("/proc/cpuinfo").read_text()
        except OSError:  # not on Linux
            native = False
    return "mixed_bfloat16" if native else "float32"
