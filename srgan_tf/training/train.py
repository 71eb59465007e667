"""The two stages of training: SRResNet on a pixel loss, then SRGAN (section 3.2)."""

import contextlib
import logging
from typing import Any

import keras
import tensorflow as tf

from srgan_tf.data.opening import PhotoSet, open_photos, training_photos
from srgan_tf.data.pairs import check_usable
from srgan_tf.errors import UserError
from srgan_tf.exporting.export import export
from srgan_tf.inference.compiled import CompiledGenerator
from srgan_tf.models import Generator, VGGFeatures
from srgan_tf.models.pretrained import load_generator
from srgan_tf.options import TrainOptions
from srgan_tf.training.auto import resolve, stand_ins
from srgan_tf.training.devices import choose_strategy, is_chief, is_multi_worker
from srgan_tf.training.lock import locked
from srgan_tf.training.metrics_log import STAGES
from srgan_tf.training.precision import layers_in
from srgan_tf.training.report import write_report
from srgan_tf.training.resume import Continuation, continuation
from srgan_tf.training.run_folder import RunFolder
from srgan_tf.training.stages import Stages, new_discriminator, stage_loss
from srgan_tf.training.validation import FeatureDistance, comparison

log = logging.getLogger(__name__)

NAMELESS = "runs/default"  # the folder of runs that nobody named


def train(options: TrainOptions) -> None:
    """Trains both stages into the run folder, continuing what is there.

    Raises:
        UserError: If the data, the VGG19 weights, the start weights, the devices or the
            folder do not fit, before any training; or if training fails for good.
    """
    if keras.config.backend() != "tensorflow":
        raise UserError(
            f"train needs Keras on TensorFlow, and it runs on {keras.config.backend()}:"
            " set KERAS_BACKEND=tensorflow."
        )
    strategy = choose_strategy(options.strategy)
    _check_devices(options, strategy)
    folder = RunFolder(options.run_dir or NAMELESS, is_chief(strategy))
    with locked(folder.path) if folder.chief else contextlib.nullcontext():
        _train_in(folder, options, strategy)


def _train_in(
    folder: RunFolder, options: TrainOptions, strategy: tf.distribute.Strategy
) -> None:
    """Goes on with what is in the folder."""
    resolved = resolve(options, folder.recorded_flags(), folder.stand_ins())
    plan = continuation(resolved, folder, named=options.run_dir is not None)
    if folder.finished and plan.is_done(folder):
        log.warning(
            "The run in %s is finished: %d + %d steps. Ask for more steps, or choose "
            "another --run_dir.",
            folder.path,
            *(folder.checkpoints.latest_step(stage) for stage in STAGES),
        )
        return
    if not folder.recorded_flags():
        plan = plan._replace(changes=stand_ins(options, resolved))
    with layers_in(plan.options.precision):
        _train(plan, folder, strategy)
    if folder.chief:
        log.warning(
            "Done. The generator is in %s, its SavedModel in %s, and %s shows curves "
            "and pictures.",
            folder.path / "generator.keras",
            folder.path / "saved_model",
            folder.path / "report.html",
        )


def _train(
    plan: Continuation, folder: RunFolder, strategy: tf.distribute.Strategy
) -> None:
    options = plan.options
    # The scope is for making variables only: in it the chief could not save alone.
    with strategy.scope():
        losses = _losses(options)
        phi34 = _phi34(options)
    photos, valid = _photos(options)
    if options.gan_steps and not folder.checkpoints.latest_step("gan"):
        new_discriminator(options)  # finds a wrong file before stage 1
    keras.utils.set_random_seed(options.seed)
    with strategy.scope():
        generator = _first_generator(options, folder)
    plan.put_in_force(folder)

    stages = Stages(options, folder, photos, valid, strategy, phi34)
    if options.pretrain_steps:
        generator = stages.pretrain(generator, losses["pretrain"])
    if options.gan_steps:
        generator = stages.gan(generator, losses["gan"])
    if not folder.chief:
        return
    save_result(folder, generator)
    model = CompiledGenerator(generator)
    picture = comparison(model, valid, degradation=options.degradation)
    folder.sample("final", picture, "final", options.pretrain_steps + options.gan_steps)
    write_report(folder)


def _check_devices(options: TrainOptions, strategy: tf.distribute.Strategy) -> None:
    replicas = strategy.num_replicas_in_sync
    if options.batch_size % replicas:
        raise UserError(
            f"--batch_size={options.batch_size} must be a multiple of the {replicas} "
            "devices that share each batch."
        )
    if is_multi_worker(strategy) and (
        options.jit_compile or options.steps_per_execution > 1
    ):
        raise UserError(
            "--jit_compile and --steps_per_execution are not there on several workers."
        )


def _losses(options: TrainOptions) -> dict[str, keras.losses.Loss]:
    vgg = options.vgg_weights, options.total_variation, options.colour_weight
    flags = {"pretrain": "pretrain_loss", "gan": "content_loss"}
    return {
        stage: stage_loss(options, flag, *vgg)
        for stage, flag in flags.items()
        if options.steps(stage)
    }


def _phi34(options: TrainOptions) -> FeatureDistance | None:
    """What `--keep=phi34` measures by, in full precision."""
    if options.keep != "phi34" or not options.gan_steps:
        return None
    with layers_in("float32"):
        return FeatureDistance(VGGFeatures("3,4", options.vgg_weights))


def _photos(options: TrainOptions) -> tuple[PhotoSet, PhotoSet]:
    photos = training_photos(options)
    log.warning("%s: %s", options.dataset, photos)
    check_usable(photos, options.degradation)
    valid = open_photos(
        options.valid_dataset,
        "validation",
        data_dir=options.data_dir,
        min_side=8 * options.scale,  # SSIM's window must fit in what shaving leaves
        scale=options.scale,
    )
    if len(photos) < options.batch_size:
        log.warning(
            "%d photos for batches of %d: some give several crops to a batch.",
            len(photos),
            options.batch_size,
        )
    return photos, valid


def save_result(folder: RunFolder, generator: Generator) -> None:
    """Writes what is known of the trained generator, and it in its three forms."""
    facts = folder.facts()
    facts.write(folder.path)
    folder.save_model(generator, "generator.weights.h5")
    export(generator, folder.path / "saved_model", facts=facts)
    folder.save_model(generator, "generator.keras")  # last: it marks a finished run


def _first_generator(options: TrainOptions, folder: RunFolder) -> Generator:
    """A fresh one or, where the run has not begun, that of `--init`."""
    size: dict[str, Any] = {
        "scale": options.scale,
        "num_blocks": options.num_blocks,
        "filters": options.filters,
    }
    begun = any(map(folder.checkpoints.latest_step, STAGES))
    if begun or not options.init:
        return Generator(**size)
    generator = load_generator(options.init)
    found = {name: generator.get_config()[name] for name in size}
    if generator.channels != 3:
        raise UserError(
            f"--init={options.init} makes pictures of {generator.channels} channels; "
            "train is for RGB."
        )
    if {**found, "scale": options.scale} != size:
        raise UserError(
            f"--init={options.init} holds {found}, but the flags say {size}."
        )
    if generator.scale == options.scale:
        return generator
    log.warning(
        "--init=%s makes x%d: its blocks go on, the end of its upsampling begins anew "
        "for x%d (see --freeze_trunk).",
        *(options.init, generator.scale, options.scale),
    )
    other = Generator(**size)
    other.take_what_fits(generator)
    return other
