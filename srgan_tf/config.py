"""What decides a training run, and what `auto` means on this machine."""

import dataclasses
import logging
from collections.abc import Mapping

import keras

from srgan_tf.data.sources import resolve_auto
from srgan_tf.precision import fastest_precision

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
    degradation: str
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
    colour_weight: float
    adversarial_weight: float
    gan_learning_rate: float
    gan_decay_step: int
    schedule: str
    warmup_steps: int
    ema_decay: float
    freeze_batch_norm: bool
    clip_norm: float
    strategy: str
    precision: str
    jit_compile: bool
    steps_per_execution: int
    log_every: int
    save_every: int

    def steps(self, stage: str) -> int:
        """Steps of the stage `pretrain` or `gan`."""
        return self.pretrain_steps if stage == "pretrain" else self.gan_steps

    def flags(self) -> dict[str, object]:
        """Every value but the run's place, as `run.flags` records it."""
        values = dataclasses.asdict(self)
        del values["run_dir"]
        return {name: value for name, value in values.items() if value is not None}


def _announce(*lines: str) -> None:
    rule = "=" * 79
    log.warning("%s", "\n".join((rule, *lines, rule)))


def resolve(config: Config, recorded: Mapping[str, str]) -> Config:
    """Replaces each `auto` by what the run began with, or else by what is at hand.

    Args:
        config: As asked for.
        recorded: The flags that an earlier start of the run recorded, if any.
    """
    changes = {}
    if config.precision == "auto":
        changes["precision"] = recorded.get("precision") or fastest_precision()
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
