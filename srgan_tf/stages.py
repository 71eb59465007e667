"""The two stages, each continued from its newest checkpoint to its end."""

import logging
import signal

import keras
import tensorflow as tf

from srgan_tf.config import Config
from srgan_tf.data.pairs import training_pairs
from srgan_tf.data.sources import Photos
from srgan_tf.devices import fit_workers, is_multi_worker, wait_for_all
from srgan_tf.held_signals import HeldSignals
from srgan_tf.models import Discriminator, Generator
from srgan_tf.monitor import Monitor
from srgan_tf.pretrained import load_discriminator_weights, load_generator
from srgan_tf.run_folder import RunFolder
from srgan_tf.srgan import SRGAN

log = logging.getLogger(__name__)

Rate = float | keras.optimizers.schedules.LearningRateSchedule


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Rises in a line from 0 to a rate in so many steps, then follows it."""

    def __init__(self, rate: Rate, steps: int):
        self.rate = rate
        self.steps = steps

    def __call__(self, step):
        rate = self.rate(step) if callable(self.rate) else self.rate
        done = (keras.ops.cast(step, "float32") + 1) / (self.steps + 1)
        return rate * keras.ops.minimum(done, 1.0)


def learning_rate(config: Config, stage: str) -> Rate:
    """Adam's rate in the stage `pretrain` or `gan`: section 3.2's, or a cosine."""
    schedules = keras.optimizers.schedules
    first = getattr(config, f"{stage}_learning_rate")
    if config.schedule == "cosine":
        rate = schedules.CosineDecay(first, config.steps(stage), alpha=0.01)
    elif stage == "gan":
        rate = schedules.PiecewiseConstantDecay(
            [config.gan_decay_step], [first, first / 10]
        )
    else:
        rate = first
    return WarmUp(rate, config.warmup_steps) if config.warmup_steps else rate


class Stages:
    """Runs the stages of one configuration in one run folder."""

    def __init__(
        self,
        config: Config,
        folder: RunFolder,
        photos: Photos,
        valid: Photos,
        strategy: tf.distribute.Strategy,
    ):
        self.config = config
        self.folder = folder
        self.photos = photos
        self.valid = valid
        self.strategy = strategy
        self.replicas = strategy.num_replicas_in_sync

    def _prepare(self, *networks: Generator | Discriminator) -> None:
        """Readies BatchNorm for the flags and the devices."""
        if self.config.freeze_batch_norm:
            networks[0].freeze_batch_norm()
        for network in networks:
            for layer in network.batch_norm_layers():
                # Statistics of the global batch, as on one device.
                layer.synchronized = self.replicas > 1

    def _adam(self, rate, ema_decay: float = 0.0) -> keras.optimizers.Adam:
        """Adam of section 3.2, with what the flags add."""
        average = {"use_ema": True, "ema_momentum": ema_decay} if ema_decay else {}
        # Keras clips on each device, whose gradients are then added up.
        clip = self.config.clip_norm / self.replicas or None
        return keras.optimizers.Adam(rate, beta_1=0.9, global_clipnorm=clip, **average)

    def _execution(self) -> dict[str, object]:
        return {
            "jit_compile": self.config.jit_compile,
            "steps_per_execution": self.config.steps_per_execution,
        }

    def pretrain(self, generator: Generator, loss: keras.losses.Loss) -> Generator:
        """Stage 1, SRResNet: plain supervised Keras.

        Returns:
            The generator with the best validation PSNR.
        """
        with self.strategy.scope():
            self._prepare(generator)
            rate = learning_rate(self.config, "pretrain")
            optimizer = self._adam(rate, self.config.ema_decay)
            generator.compile(optimizer, loss, **self._execution())
            # Built, it is restored with the weights. (Loss scaling may wrap it.)
            generator.optimizer.build(generator.trainable_variables)
        self._fit("pretrain", generator, generator, optimizer)
        with self.strategy.scope():
            return load_generator(self.folder.path / "srresnet.keras")

    def gan(self, generator: Generator, loss: keras.losses.Loss) -> Generator:
        """Stage 2, SRGAN: from the generator of stage 1 and a fresh discriminator."""
        config = self.config
        keras.utils.set_random_seed(config.seed + 1)
        schedule = learning_rate(config, "gan")
        with self.strategy.scope():
            discriminator = Discriminator(config.crop_size)
            if config.init_discriminator:
                load_discriminator_weights(discriminator, config.init_discriminator)
            self._prepare(generator, discriminator)
            optimizer = self._adam(schedule, config.ema_decay)
            model = SRGAN(generator, discriminator)
            model.compile(
                content_loss=loss,
                g_optimizer=optimizer,
                d_optimizer=self._adam(schedule),
                adversarial_weight=config.adversarial_weight,
                **self._execution(),
            )
        result = self._fit("gan", model, generator, optimizer)
        self.folder.save_model(discriminator, "discriminator.weights.h5")
        return result

    def _fit(self, stage, model, generator, optimizer) -> Generator:
        """Continues a stage to its end; returns the generator to be used."""
        config = self.config
        total = config.steps(stage)
        start = self.folder.restore(model, stage)
        if start < total:
            self.folder.rewind(stage, start)
        with HeldSignals() as signals:
            monitor = Monitor(
                config,
                self.folder,
                self.valid,
                stage,
                start,
                generator,
                optimizer,
                signals,
            )
            if start < total:
                pairs = self._pairs(stage, start).take(total - start)
                if is_multi_worker(self.strategy):
                    fit_workers(self.strategy, model, pairs, monitor)
                else:
                    steps = {"steps_per_epoch": total - start, "shuffle": False}
                    model.fit(pairs, **steps, verbose=0, callbacks=[monitor])
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
        self.folder.restore(model, stage)
        return monitor.result()

    def _pairs(self, stage: str, start: int) -> tf.data.Dataset:
        config = self.config
        return training_pairs(
            self.photos,
            config.crop_size,
            config.scale,
            config.batch_size,
            seed=2 * config.seed + (stage == "gan"),
            start=start,
            degradation=config.degradation,
        )
