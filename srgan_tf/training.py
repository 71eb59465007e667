"""The two stages of training: SRResNet on a pixel loss, then SRGAN (section 3.2)."""

import dataclasses
import logging

import keras
import numpy as np
from tqdm import tqdm

from srgan_tf.data.imresize import imresize
from srgan_tf.data.pairs import training_pairs, validation_pairs, whole_pair
from srgan_tf.data.sources import Photos, find_photos, resolve_auto
from srgan_tf.errors import UserError
from srgan_tf.losses import content_loss
from srgan_tf.metrics import luma_metrics
from srgan_tf.models import Discriminator, Generator
from srgan_tf.pretrained import load_discriminator_weights, load_generator
from srgan_tf.ranges import to_uint8
from srgan_tf.run_folder import RunFolder
from srgan_tf.srgan import SRGAN

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Config:
    """All that decides a run; `srgan_tf.main` says what each flag means."""

    run_dir: str
    scale: int
    num_blocks: int
    filters: int
    dataset: str
    split: str
    data_dir: str | None
    valid_dataset: str
    crop_size: int
    batch_size: int
    cache_gib: float
    seed: int
    init: str | None
    init_discriminator: str | None
    pretrain_steps: int
    pretrain_loss: str
    pretrain_learning_rate: float
    gan_steps: int
    content_loss: str
    vgg_weights: str
    total_variation: float
    adversarial_weight: float
    gan_learning_rate: float
    gan_decay_step: int
    ema_decay: float
    precision: str
    log_every: int
    save_every: int

    def flags(self) -> dict[str, object]:
        """Every value but the run's place, as `run.flags` records it."""
        values = dataclasses.asdict(self)
        del values["run_dir"]
        return {name: value for name, value in values.items() if value is not None}


def _announce(*lines: str) -> None:
    rule = "=" * 79
    log.warning("%s", "\n".join((rule, *lines, rule)))


def _resolve(config: Config, folder: RunFolder) -> Config:
    """Replaces each `auto` by what the run began with, or else by what is at hand."""
    recorded = folder.recorded_flags()
    changes = {}
    if config.dataset == "auto":
        changes["dataset"] = recorded.get("dataset") or resolve_auto(config.data_dir)
        if changes["dataset"] == "bundled":
            _announce(
                "--dataset=auto: DIV2K is not here and cannot be reached, so training",
                "uses the few photos inside scikit-image. Expect a demonstration, not",
                "a good model: name a folder with --dataset=FOLDER.",
            )
    if config.vgg_weights == "auto":
        names = {config.pretrain_loss, config.content_loss}
        if not any(name.startswith("vgg") for name in names):
            changes["vgg_weights"] = "imagenet"
        elif "vgg_weights" in recorded:
            for name in ("vgg_weights", "content_loss", "pretrain_loss"):
                changes[name] = recorded[name]
        else:
            changes |= _resolve_vgg(config)
    return dataclasses.replace(config, **changes)


def _resolve_vgg(config: Config) -> dict[str, str]:
    try:
        keras.applications.VGG19(include_top=False, weights="imagenet")
        return {"vgg_weights": "imagenet"}
    except Exception as error:  # Keras raises a plain Exception without a network
        log.debug("VGG19 is out of reach: %s", error)
    _announce(
        "--vgg_weights=auto: the VGG19 weights are not here and cannot be downloaded,",
        "so the content loss is mse (the paper's SRGAN-MSE), not what was asked for.",
        "For the real one name a file: --vgg_weights=FILE.h5.",
    )
    stand_in = {"vgg_weights": "imagenet"}
    for name in ("pretrain_loss", "content_loss"):
        loss = getattr(config, name)
        stand_in[name] = "mse" if loss.startswith("vgg") else loss
    return stand_in


def train(config: Config) -> None:
    """Trains both stages into the run folder, continuing what is there.

    Raises:
        UserError: If the data, the VGG19 weights, the start weights or the folder do
            not fit; before any training.
    """
    folder = RunFolder(config.run_dir)
    folder.check_model_flags(config.flags())
    left = (
        config.pretrain_steps > folder.latest_step("pretrain"),
        config.gan_steps > folder.latest_step("gan"),
    )
    if folder.finished and not any(left):
        log.warning(
            "The run in %s is finished: %d + %d steps. Ask for more steps, or choose "
            "another --run_dir.",
            folder.path,
            config.pretrain_steps,
            config.gan_steps,
        )
        return
    config = _resolve(config, folder)
    keras.config.set_dtype_policy(config.precision)
    losses = _losses(config)
    photos, valid = _photos(config)
    keras.utils.set_random_seed(config.seed)
    generator = _first_generator(config)
    folder.write_flags(config.flags())

    stages = Stages(config, folder, photos, valid)
    if config.pretrain_steps:
        generator = stages.pretrain(generator, losses["pretrain"])
        folder.save_model(generator, "srresnet.keras")
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
    steps = {"pretrain": config.pretrain_steps, "gan": config.gan_steps}
    try:
        return {
            stage: content_loss(name, config.vgg_weights, config.total_variation)
            for stage, name in names.items()
            if steps[stage]
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
        find_photos(config.valid_dataset, "validation", config.data_dir), 16 * 8
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
        self, config: Config, folder: RunFolder, photos: Photos, valid: Photos
    ):
        self.config = config
        self.folder = folder
        self.photos = photos
        self.valid = valid

    def _adam(self, learning_rate) -> keras.optimizers.Adam:
        decay = self.config.ema_decay
        average = {"use_ema": True, "ema_momentum": decay} if decay else {}
        return keras.optimizers.Adam(learning_rate, beta_1=0.9, **average)

    def pretrain(self, generator: Generator, loss: keras.losses.Loss) -> Generator:
        """Stage 1, SRResNet: plain supervised Keras."""
        optimizer = self._adam(self.config.pretrain_learning_rate)
        generator.compile(optimizer, loss, jit_compile=False)
        optimizer.build(generator.trainable_variables)
        return self._fit("pretrain", generator, generator, optimizer)

    def gan(self, generator: Generator, loss: keras.losses.Loss) -> Generator:
        """Stage 2, SRGAN: from the generator of stage 1 and a fresh discriminator."""
        config = self.config
        keras.utils.set_random_seed(config.seed + 1)
        discriminator = Discriminator(config.crop_size)
        if config.init_discriminator:
            load_discriminator_weights(discriminator, config.init_discriminator)
        rate = config.gan_learning_rate
        model = SRGAN(generator, discriminator)
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay
        optimizer = self._adam(schedule([config.gan_decay_step], [rate, rate / 10]))
        model.compile(
            content_loss=loss,
            g_optimizer=optimizer,
            d_optimizer=keras.optimizers.Adam(
                schedule([config.gan_decay_step], [rate, rate / 10]), beta_1=0.9
            ),
            adversarial_weight=config.adversarial_weight,
            jit_compile=False,
        )
        result = self._fit("gan", model, generator, optimizer)
        self.folder.save_model(discriminator, "discriminator.weights.h5")
        return result

    def _fit(self, stage, model, generator, optimizer) -> Generator:
        """Continues a stage to its end; returns the generator to be used."""
        config = self.config
        total = getattr(config, f"{stage}_steps")
        start = self.folder.restore(model, stage)
        monitor = Monitor(self, stage, start, total, generator, optimizer)
        if start < total:
            self.folder.rewind(stage, start)
            pairs = training_pairs(
                self.photos,
                config.crop_size,
                config.scale,
                config.batch_size,
                seed=2 * config.seed + (stage == "gan"),
                start=start,
            )
            model.fit(
                pairs,
                steps_per_epoch=total - start,
                shuffle=False,
                verbose=0,
                callbacks=[monitor],
            )
            # The end of `fit` leaves averaged weights in the model; the checkpoint,
            # made before, has the live ones.
            self.folder.restore(model, stage)
        return monitor.result()


class Monitor(keras.callbacks.Callback):
    """Shows, logs, validates and saves a stage as it goes, counting steps.

    It works on a copy of the generator that has the averaged weights where these are
    on, so that training is not disturbed.
    """

    def __init__(self, stages: Stages, stage, start, total, generator, optimizer):
        super().__init__()
        self.config = stages.config
        self.folder = stages.folder
        self.valid = stages.valid
        self.stage = stage
        self.start = start
        self.total = total
        self.generator = generator
        self.optimizer = optimizer
        self.copy = Generator.from_config(generator.get_config())

    def on_train_begin(self, logs=None):
        batch = self.config.batch_size
        self.bar = tqdm(
            desc=self.stage,
            total=self.total * batch,
            initial=self.start * batch,
            unit="img",
        )

    def on_train_batch_end(self, batch, logs=None):
        step = self.start + batch + 1
        self.bar.set_postfix(
            {name: f"{value:.4g}" for name, value in logs.items()}, refresh=False
        )
        self.bar.update((step - self.start) * self.config.batch_size - self._seen())
        last = step == self.total
        save = last or step % self.config.save_every == 0
        if save or step % self.config.log_every == 0:
            values = {**logs, "learning_rate": float(self.optimizer.learning_rate)}
            if save:
                values |= self._validate(step)
            self.folder.record(self.stage, step, values)
            self.model.reset_metrics()
        if save:
            self.folder.save(self.model, self.stage, step)

    def _seen(self) -> int:
        return self.bar.n - self.start * self.config.batch_size

    def on_train_end(self, logs=None):
        self.bar.close()

    def result(self) -> Generator:
        """The generator to evaluate and ship: averaged if that is on."""
        self.copy.set_weights(self.generator.get_weights())
        if self.config.ema_decay and int(self.optimizer.iterations):
            self.optimizer.finalize_variable_values(self.copy.trainable_variables)
        return self.copy

    def _validate(self, step: int) -> dict[str, float]:
        generator = self.result()
        metrics = luma_metrics(generator.scale)
        for lr, hr in validation_pairs(self.valid, generator.scale):
            sr = generator(lr, training=False)
            for metric in metrics:
                metric.update_state(hr, sr)
        picture = comparison(generator, self.valid)
        self.folder.sample(f"step_{self.stage}_{step:08d}", picture, self.stage, step)
        return {f"val_{metric.name}": float(metric.result()) for metric in metrics}


def comparison(generator: Generator, photos, side: int = 320) -> np.ndarray:
    """Bicubic | SR | HR, one row for each of the first four photos, at 100 %.

    Args:
        generator: Upscales the LR pictures made from the photos.
        photos: uint8 `[H, W, 3]` each; the middle is shown.
        side: Side of each part at most, in pixels.

    Returns:
        uint8 `[rows, columns, 3]`.
    """
    scale = generator.scale
    shown = [photos[i] for i in range(min(4, len(photos)))]
    size = min(side, *(min(photo.shape[:2]) for photo in shown)) // scale * scale
    rows = []
    for photo in shown:
        top, left = ((length - size) // 2 for length in photo.shape[:2])
        lr, hr = whole_pair(photo[top : top + size, left : left + size], scale)
        bicubic = np.asarray(imresize(np.rint(lr[0] * 255), scale)).astype(np.uint8)
        sr = to_uint8(generator(lr, training=False))[0]
        rows.append(np.hstack([bicubic, sr, to_uint8(hr)[0]]))
    return np.vstack(rows)
