"""The arithmetic that suits a machine."""

from pathlib import Path

import tensorflow as tf


def fastest_precision() -> str:
    """The arithmetic that is fastest on this machine's devices and stays correct.

    `mixed_bfloat16` where the hardware computes in it: weights, losses and the last
    layers stay float32, and no loss scaling is needed. Otherwise `float32`.
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
