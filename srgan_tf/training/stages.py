"""The two stages, each continued from its newest checkpoint to its end."""

import functools
import logging
import signal
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from srgan_tf.data.opening import PhotoSet
from srgan_tf.data.paired_photos import PhotoPair
from srgan_tf.data.pairs import training_pairs
from srgan_tf.data.prepared import Prepared
from srgan_tf.errors import UserError
from srgan_tf.models import Discriminator, Generator
from srgan_tf.models.losses import content_loss
from srgan_tf.models.pretrained import load_discriminator_weights, load_generator
from srgan_tf.models.srgan import SRGAN
from srgan_tf.options import TrainOptions
from srgan_tf.training.devices import is_multi_worker, wait_for_all
from srgan_tf.training.learning_rate import learning_rate
from srgan_tf.training.monitor import BEST, Monitor
from srgan_tf.training.run_folder import RunFolder
from srgan_tf.training.signals import HeldSignals
from srgan_tf.training.validation import FeatureDistance
from srgan_tf.training.workers import fit_workers

log = logging.getLogger(__name__)

POOLED_FILTERS = 48


def stage_loss(options: TrainOptions, flag: str, *vgg: Any) -> keras.losses.Loss:
    """The loss that `pretrain_loss` or `content_loss` names.

    Args:
        options: Of the run.
        flag: Which of the two.
        vgg: What `content_loss` takes behind the name.

    Raises:
        UserError: If there is no such loss, or no VGG19 for it.
    """
    try:
        return content_loss(getattr(options, flag), *vgg)
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"--{flag}: {error}") from None


def new_discriminator(options: TrainOptions, *, begun: bool = False) -> Discriminator:
    """The discriminator of stage 2, with the weights it begins with.

    Args:
        options: Of the run.
        begun: Whether it has begun, and goes on from a checkpoint.

    Raises:
        UserError: If `--init_discriminator` cannot be had.
    """
    if options.discriminator == "pooled":
        discriminator = Discriminator(crop_size=None, filters=POOLED_FILTERS)
    else:
        discriminator = Discriminator(options.crop_size)
    if options.init_discriminator and not begun:
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
        phi34: FeatureDistance | None = None,
    ):
        self.options = options
        self.folder = folder
        self.photos = photos
        self.valid = valid
        self.strategy = strategy
        self.phi34 = phi34
        self.replicas = strategy.num_replicas_in_sync

    def _prepare(self, *networks: Generator | Discriminator) -> None:
        """Readies layers for the flags and the devices."""
        for layer in networks[0].batch_norm_layers():
            layer.trainable = not self.options.freeze_batch_norm
        if self.options.freeze_trunk:
            networks[0].freeze_trunk()
        if self.options.forbid_checkerboard:
            networks[0].forbid_checkerboard()
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
        return self._best("pretrain")

    def gan(self, generator: Generator, loss: keras.losses.Loss) -> Generator:
        """Stage 2, SRGAN: from the generator of stage 1 and a fresh discriminator.

        Returns:
            The last generator, or the one that `--keep` says.
        """
        options = self.options
        keras.utils.set_random_seed(options.seed + 1)
        schedule = learning_rate(options, "gan")
        with self.strategy.scope():
            begun = self.folder.checkpoints.latest_step("gan")
            discriminator = new_discriminator(options, begun=bool(begun))
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
        if options.keep == "last":
            return result
        log.warning(
            "Kept by --keep=%s: the generator of step %d of stage 2.",
            options.keep,
            self.folder.best_step("gan", options.keep),
        )
        return self._best("gan")

    def _best(self, stage: str) -> Generator:
        with self.strategy.scope():
            return load_generator(self.folder.path / BEST[stage])

    def _fit(self, stage, model, generator, optimizer) -> Generator:
        """Continues a stage to its end; returns the generator to be used."""
        options = self.options
        total = options.steps(stage)
        start = self.folder.checkpoints.restore(model, stage)
        over = self.folder.is_over(stage, total, options.patience, done=start)
        phi34 = self.phi34 if stage == "gan" else None
        if not over:
            self.folder.metrics.rewind(stage, start, phi34=phi34 is not None)
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
                phi34=phi34,
                # A later stage starts from what the one before has measured.
                measure_start=bool(options.init)
                and (stage == "pretrain" or not options.pretrain_steps),
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
