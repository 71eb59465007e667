"""The loop over steps for several workers, where Keras' own `fit` cannot go."""

import signal
from collections.abc import Callable

import keras
import tensorflow as tf

from srgan_tf.training.monitor import Monitor
from srgan_tf.training.signals import HeldSignals


def fit_workers(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    share_of_pairs: Callable[[tuple[int, int]], tf.data.Dataset],
    monitor: Monitor,
) -> None:
    """What `model.fit(pairs, callbacks=[monitor])` would do on several workers.

    Keras 3 itself cannot (keras-team/keras issue 20585). All workers stop after the
    same step where one of them was asked to.

    Args:
        strategy: That of the workers.
        model: Compiled.
        share_of_pairs: Gives a worker's share of every batch: which of how many.
        monitor: What is told of each step.
    """

    def mine_of_pairs(context):
        share = context.input_pipeline_id, context.num_input_pipelines
        size = context.get_per_replica_batch_size(monitor.options.batch_size)
        return share_of_pairs(share).rebatch(size)  # one for each of its devices

    @tf.function
    def step(pair, stop):
        logs = strategy.run(model.train_step, args=(pair,))
        stops = strategy.run(lambda: stop)
        return (
            {
                name: strategy.reduce("MEAN", log, axis=None)
                for name, log in logs.items()
            },
            strategy.reduce("SUM", stops, axis=None),
        )

    # A signal counts from the step on in which all have heard of it.
    mine, monitor.signals = monitor.signals, HeldSignals()
    monitor.set_model(model)
    monitor.on_train_begin()
    monitor.on_epoch_begin(0)
    pairs = strategy.distribute_datasets_from_function(mine_of_pairs)
    for batch, pair in enumerate(pairs):
        logs, stops = step(pair, tf.constant(float(bool(mine.received))))
        if stops > 0:
            monitor.signals.received = mine.received or signal.SIGTERM
        monitor.on_train_batch_end(batch, {k: float(v) for k, v in logs.items()})
        if model.stop_training:
            break
    monitor.on_train_end()
