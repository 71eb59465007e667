"""Where a run computes: one device, several, several machines, or a TPU."""

import json
import os

import tensorflow as tf

from srgan_tf.errors import UserError, reason


def choose_strategy(name: str) -> tf.distribute.Strategy:
    """Makes the strategy of a run; to be called before TensorFlow does any work.

    Args:
        name: `one` device; `mirrored`, all GPUs of this machine, or all its logical
            CPU devices if it has none; `multi_worker`, the machines that the variable
            TF_CONFIG names, each running the same command; `tpu`, that of the variable
            TPU_NAME or this machine's; `auto`, several workers where TF_CONFIG has
            them, else all GPUs where there are several, else one device.

    Raises:
        UserError: If there is no such thing here.
    """
    cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
    workers = len([*cluster.get("chief", []), *cluster.get("worker", [])])
    several = len(tf.config.list_physical_devices("GPU")) > 1
    if name == "auto":
        name = "multi_worker" if workers > 1 else "mirrored" if several else "one"
    if name == "multi_worker":
        if not workers:
            raise UserError(
                "--strategy=multi_worker: the environment variable TF_CONFIG names no "
                "workers; see TensorFlow's guide on MultiWorkerMirroredStrategy."
            )
        return tf.distribute.MultiWorkerMirroredStrategy()
    if name == "mirrored":
        kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
        devices = [device.name for device in tf.config.list_logical_devices(kind)]
        return tf.distribute.MirroredStrategy(devices)
    if name == "tpu":
        try:
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(
                os.environ.get("TPU_NAME", "local")
            )
        except Exception as error:  # of many kinds, none documented
            raise UserError(
                f"--strategy=tpu: no TPU answers ({reason(error, 150)})"
                "; set TPU_NAME, or choose another strategy."
            ) from None
        return tf.distribute.TPUStrategy(resolver)
    return tf.distribute.get_strategy()


def is_multi_worker(strategy: tf.distribute.Strategy) -> bool:
    """Whether several processes take part."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the run folder."""
    return not is_multi_worker(strategy) or strategy.cluster_resolver.task_id == 0


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Returns when every worker has come here, so that the chief's files are there."""
    if is_multi_worker(strategy):
        here = tf.function(lambda: strategy.run(lambda: tf.constant(1.0)))
        strategy.reduce("SUM", here(), axis=None)
