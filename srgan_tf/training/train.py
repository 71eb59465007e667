"""The two stages of training: SRResNet on a pixel loss, then SRGAN (section 3.2)."""

import logging

import keras
import tensorflow as tf

from srgan_tf.config import Config, resolve
from srgan_tf.data.photos import Photos, find_photos
from srgan_tf.errors import UserError
from srgan_tf.models import Generator
from srgan_tf.models.losses import content_loss
from srgan_tf.models.pretrained import load_generator
from srgan_tf.training.devices import choose_strategy, is_chief, is_multi_worker
from srgan_tf.training.monitor import comparison
from srgan_tf.training.report import write_run_report
from srgan_tf.training.run_folder import STAGES, RunFolder
from srgan_tf.training.stages import Stages

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
    # The scope is for making variables only: in it the chief could not save alone.
    with strategy.scope():
        losses = _losses(config)
    photos, valid = _photos(config)
    keras.utils.set_random_seed(config.seed)
    with strategy.scope():
        generator = _first_generator(config)
    folder.write_flags(config.flags())

    stages = Stages(config, folder, photos, valid, strategy)
    if config.pretrain_steps:
        generator = stages.pretrain(generator, losses["pretrain"])
    if config.gan_steps:
        generator = stages.gan(generator, losses["gan"])
    if not folder.chief:
        return
    folder.save_result(generator)
    picture = comparison(generator, valid)
    folder.sample("final", picture, "final", config.pretrain_steps + config.gan_steps)
    write_run_report(folder)
    log.warning(
        "Done. The generator is in %s, its SavedModel in %s, and %s shows curves and "
        "pictures.",
        folder.path / "generator.keras",
        folder.path / "saved_model",
        folder.path / "report.html",
    )


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


def _losses(config: Config) -> dict[str, keras.losses.Loss]:
    names = {"pretrain": config.pretrain_loss, "gan": config.content_loss}
    try:
        vgg = config.vgg_weights, config.total_variation, config.colour_weight
        return {
            stage: content_loss(name, *vgg)
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
