"""The two stages of training: SRResNet on a pixel loss, then SRGAN (section 3.2)."""

import logging
import signal

import keras
import tensorflow as tf

from srgan_tf.config import Config, resolve
from srgan_tf.data.pairs import training_pairs
from srgan_tf.data.sources import Photos, find_photos
from srgan_tf.devices import (
    choose_strategy,
    fit_workers,
    is_chief,
    is_multi_worker,
    wait_for_all,
)
from srgan_tf.errors import UserError
from srgan_tf.held_signals import HeldSignals
from srgan_tf.losses import content_loss
from srgan_tf.models import Discriminator, Generator
from srgan_tf.monitor import Monitor, comparison
from srgan_tf.pretrained import load_discriminator_weights, load_generator
from srgan_tf.run_folder import STAGES, RunFolder
from srgan_tf.srgan import SRGAN

log = logging.getLogger(__name__)


def train(config: Config) -> None:
    """Trains both stages into the run folder, continuing what is there.

    Raises:
        UserError: If the data, the VGG19 weights, the start weights, the devices or the
            folder do not fit, before any training; or if training fails for good.
    """
    strategy = choose_strategy(config.strategy)
    _check_devices(config, strategy)
    folder = RunFolder(config.run_dir, is_chief(strategy))
    folder.check_model_flags(config.flags())
    left = [s for s in STAGES if config.steps(s) > folder.latest_step(s)]
    if folder.finished and not left:
        log.warning(
            "The run in %s is finished: %d + %d steps. Ask for more steps, or choose "
            "another --run_dir.",
            folder.path,
            config.pretrain_steps,
            config.gan_steps,
        )
        return
    config = resolve(config, folder.recorded_flags())
    keras.config.set_dtype_policy(config.precision)
    with strategy.scope():
        _train(config, folder, strategy)


def _check_devices(config: Config, strategy: tf.distribute.Strategy) -> None:
    replicas = strategy.num_replicas_in_sync
    if config.batch_size % replicas:
        raise UserError(
            f"--batch_size={config.batch_size} must be a multiple of the {replicas} "
            "devices that share each batch."
        )
    if is_multi_worker(strategy) and (
        config.jit_compile or config.steps_per_execution > 1
    ):
        raise UserError(
            "--jit_compile and --steps_per_execution are not there on several workers."
        )


def _train(config: Config, folder: RunFolder, strategy: tf.distribute.Strategy) -> None:
    losses = _losses(config)
    photos, valid = _photos(config)
    keras.utils.set_random_seed(config.seed)
    generator = _first_generator(config)
    folder.write_flags(config.flags())

    stages = Stages(config, folder, photos, valid, strategy)
    if config.pretrain_steps:
        generator = stages.pretrain(generator, losses["pretrain"])
    if config.gan_steps:
        generator = stages.gan(generator, losses["gan"])
    folder.save_result(generator)
    picture = comparison(generator, valid)
    folder.sample("final", picture, "final", config.pretrain_steps + config.gan_steps)
    log.warning(
        "Done. The generator is in %s, its SavedModel in %s, and %s shows bicubic | SR "
        "| HR.",
        folder.path / "generator.keras",
        folder.path / "saved_model",
        folder.samples / "final.png",
    )


def _losses(config: Config) -> dict[str, keras.losses.Loss]:
    names = {"pretrain": config.pretrain_loss, "gan": config.content_loss}
    try:
        return {
            stage: content_loss(name, config.vgg_weights, config.total_variation)
            for stage, name in names.items()
            if config.steps(stage)
        }
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"--content_loss: {error}") from None
    except Exception as error:  # Keras raises a plain Exception without a network
        raise UserError(
            "--vgg_weights=imagenet: Keras cannot download the VGG19 weights "
            f"({str(error).splitlines()[0][:120]}); name a file with "
            "--vgg_weights=FILE.h5 or use --content_loss=mse."
        ) from None


def _photos(config: Config) -> tuple[Photos, Photos]:
    paths = find_photos(config.dataset, config.split, config.data_dir)
    photos = Photos(paths, config.crop_size, config.cache_gib)
    valid = Photos(
        find_photos(config.valid_dataset, "validation", config.data_dir),
        min_side=8 * config.scale,  # SSIM's window must fit in what shaving leaves
    )
    if len(photos) < config.batch_size:
        log.warning(
            "%d photos for batches of %d: some give several crops to a batch.",
            len(photos),
            config.batch_size,
        )
    return photos, valid


def _first_generator(config: Config) -> Generator:
    size = {
        "scale": config.scale,
        "num_blocks": config.num_blocks,
        "filters": config.filters,
    }
    if not config.init:
        return Generator(**size)
    generator = load_generator(config.init)
    found = {name: generator.get_config()[name] for name in size}
    if found != size:
        raise UserError(
            f"--init={config.init} holds {found}, but the flags say {size}."
        )
    return generator


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
        self._prepare(generator)
        rate = self.config.pretrain_learning_rate
        optimizer = self._adam(rate, self.config.ema_decay)
        generator.compile(optimizer, loss, **self._execution())
        # Built, it is restored with the weights. (Loss scaling may wrap it.)
        generator.optimizer.build(generator.trainable_variables)
        self._fit("pretrain", generator, generator, optimizer)
        return load_generator(self.folder.path / "srresnet.keras")

    def gan(self, generator: Generator, loss: keras.losses.Loss) -> Generator:
        """Stage 2, SRGAN: from the generator of stage 1 and a fresh discriminator."""
        config = self.config
        keras.utils.set_random_seed(config.seed + 1)
        discriminator = Discriminator(config.crop_size)
        if config.init_discriminator:
            load_discriminator_weights(discriminator, config.init_discriminator)
        self._prepare(generator, discriminator)
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
            [config.gan_decay_step],
            [config.gan_learning_rate, config.gan_learning_rate / 10],
        )
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
        )
