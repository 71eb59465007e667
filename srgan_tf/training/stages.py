"""The two stages, each continued from its newest checkpoint to its end."""

import functools
import logging
import signal
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from srgan_tf.data.opening import PhotoSet
from srgan_tf.data.paired_photos import PhotoPair
from srgan_tf.data.pairs import training_pairs
from srgan_tf.data.prepared import Prepared
from srgan_tf.models import Discriminator, Generator
from srgan_tf.models.pretrained import load_discriminator_weights, load_generator
from srgan_tf.models.srgan import SRGAN
from srgan_tf.options import TrainOptions
from srgan_tf.training.devices import is_multi_worker, wait_for_all
from srgan_tf.training.learning_rate import learning_rate
from srgan_tf.training.monitor import Monitor
from srgan_tf.training.run_folder import RunFolder
from srgan_tf.training.signals import HeldSignals
from srgan_tf.training.workers import fit_workers

log = logging.getLogger(__name__)

POOLED_FILTERS = 48


def new_discriminator(options: TrainOptions) -> Discriminator:
    """The discriminator of stage 2, with the weights it begins with."""
    if options.discriminator == "pooled":
        discriminator = Discriminator(crop_size=None, filters=POOLED_FILTERS)
    else:
        discriminator = Discriminator(options.crop_size)
    if options.init_discriminator:
        load_discriminator_weights(discriminator, options.init_discriminator)
    return discriminator


class Stages:
    """Runs the stages of one configuration in one run folder."""

    def __init__(
        self,
        options: TrainOptions,
        folder: RunFolder,
        photos: PhotoSet | Sequence[np.ndarray],
        valid: Sequence[np.ndarray | PhotoPair],
        strategy: tf.distribute.Strategy,
    ):
        self.options = options
        self.folder = folder
        self.photos = photos
        self.valid = valid
        self.strategy = strategy
        self.replicas = strategy.num_replicas_in_sync

    def _prepare(self, *networks: Generator | Discriminator) -> None:
        """Readies BatchNorm for the flags and the devices."""
        if self.options.freeze_batch_norm:
            networks[0].freeze_batch_norm()
        for network in networks:
            for layer in network.batch_norm_layers():
                # Statistics of the global batch, as on one device.
                layer.synchronized = self.replicas > 1

    def _adam(self, rate, ema_decay: float = 0.0) -> keras.optimizers.Adam:
        """Adam of section 3.2, with what the flags add."""
        average = {"use_ema": True, "ema_momentum": ema_decay} if ema_decay else {}
        # Keras clips on each device, whose gradients are then added up.
        clip = self.options.clip_norm / self.replicas or None
        return keras.optimizers.Adam(rate, beta_1=0.9, global_clipnorm=clip, **average)

    def _execution(self) -> dict[str, object]:
        return {
            "jit_compile": self.options.jit_compile,
            "steps_per_execution": self.options.steps_per_execution,
        }

    def pretrain(self, generator: Generator, loss: keras.losses.Loss) -> Generator:
        """Stage 1, SRResNet: plain supervised Keras.

        Returns:
            The generator with the best validation PSNR.
        """
        with self.strategy.scope():
            self._prepare(generator)
            rate = learning_rate(self.options, "pretrain")
            optimizer = self._adam(rate, self.options.ema_decay)
            generator.compile(optimizer, loss, **self._execution())
            # Built, it is restored with the weights. (Loss scaling may wrap it.)
            generator.optimizer.build(generator.trainable_variables)
        self._fit("pretrain", generator, generator, optimizer)
        with self.strategy.scope():
            return load_generator(self.folder.path / "srresnet.keras")

    def gan(self, generator: Generator, loss: keras.losses.Loss) -> Generator:
        """Stage 2, SRGAN: from the generator of stage 1 and a fresh discriminator."""
        options = self.options
        keras.utils.set_random_seed(options.seed + 1)
        schedule = learning_rate(options, "gan")
        with self.strategy.scope():
            discriminator = new_discriminator(options)
            self._prepare(generator, discriminator)
            optimizer = self._adam(schedule, options.ema_decay)
            model = SRGAN(generator, discriminator)
            model.compile(
                content_loss=loss,
                g_optimizer=optimizer,
                d_optimizer=self._adam(schedule),
                adversarial_weight=options.adversarial_weight,
                **self._execution(),
            )
        result = self._fit("gan", model, generator, optimizer)
        self.folder.save_model(discriminator, "discriminator.weights.h5")
        return result

    def _fit(self, stage, model, generator, optimizer) -> Generator:
        """Continues a stage to its end; returns the generator to be used."""
        options = self.options
        total = options.steps(stage)
        start = self.folder.checkpoints.restore(model, stage)
        over = self.folder.is_over(stage, options, start)
        if not over:
            self.folder.metrics.rewind(stage, start)
        with HeldSignals() as signals:
            monitor = Monitor(
                options,
                self.folder,
                self.valid,
                stage,
                start,
                generator,
                optimizer,
                signals,
            )
            if not over:
                try:
                    if is_multi_worker(self.strategy):
                        fit_workers(
                            self.strategy,
                            model,
                            functools.partial(self._pairs, stage, start),
                            monitor,
                        )
                    else:
                        pairs = self._pairs(stage, start)
                        steps = {"steps_per_epoch": total - start, "shuffle": False}
                        model.fit(pairs, **steps, verbose=0, callbacks=[monitor])
                except tf.errors.OpError as error:
                    # It does not always tell which file it stumbled over.
                    if isinstance(self.photos, PhotoSet):
                        self.photos.check_unchanged()
                    damaged = isinstance(error, tf.errors.DataLossError)
                    if damaged and isinstance(self.photos, Prepared):
                        self.photos.check_records()
                    raise
        if monitor.signals.received:
            log.warning(
                "Stopped after step %d of the stage %s, with a checkpoint: the same "
                "command continues.",
                monitor.step,
                stage,
            )
            signal.raise_signal(monitor.signals.received)
        wait_for_all(self.strategy)
        # The end of `fit` leaves averaged weights in the model; the checkpoint, made
        # before, has the live ones.
        self.folder.checkpoints.restore(model, stage)
        return monitor.result()

    def _pairs(
        self, stage: str, start: int, share: tuple[int, int] = (0, 1)
    ) -> tf.data.Dataset:
        """The batches from a step to the stage's end, or a worker's share of them."""
        options = self.options
        pairs = training_pairs(
            self.photos,
            options.crop_size,
            scale=options.scale,
            batch_size=options.batch_size,
            seed=2 * options.seed + (stage == "gan"),
            start=start,
            degradation=options.degradation,
            share=share,
        )
        return pairs.take(options.steps(stage) - start)
