"""The loop over steps for several workers, where Keras' own `fit` cannot go."""

import signal

import keras
import tensorflow as tf

from srgan_tf.training.monitor import Monitor
from srgan_tf.training.signals import HeldSignals


def fit_workers(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    pairs: tf.data.Dataset,
    monitor: Monitor,
) -> None:
    """What `model.fit(pairs, callbacks=[monitor])` would do on several workers.

    Keras 3 itself cannot (keras-team/keras issue 20585). The pairs are batches of the
    global size; each worker takes its part of each. All workers stop after the same
    step where one of them was asked to.
    """

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
    for batch, pair in enumerate(strategy.experimental_distribute_dataset(pairs)):
        logs, stops = step(pair, tf.constant(float(bool(mine.received))))
        if stops > 0:
            monitor.signals.received = mine.received or signal.SIGTERM
        monitor.on_train_batch_end(batch, {k: float(v) for k, v in logs.items()})
        if model.stop_training:
            break
    monitor.on_train_end()
