"""What each `auto` among the options of training means on this machine."""

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

from srgan_tf.data.tfds_photos import resolve_auto
from srgan_tf.inference.precision import fastest_precision
from srgan_tf.models.vgg import imagenet_is_at_hand
from srgan_tf.options import TrainOptions
from srgan_tf.training.run_folder import Change

log = logging.getLogger(__name__)

LOSSES = {"pretrain_loss": "pretrain_steps", "content_loss": "gan_steps"}
# What VGG19 is for, or what goes with that.
WITH_VGG = (*LOSSES, "adversarial_weight", "keep")
ADVERSARIAL_WEIGHT = 1e-3  # beside MSE: the paper's


def _announce(*lines: str) -> None:
    rule = "=" * 79
    log.warning("%s", "\n".join((rule, *lines, rule)))


def resolve(
    options: TrainOptions,
    recorded: Mapping[str, str],
    stand_ins: Mapping[str, str] | None = None,
) -> TrainOptions:
    """Replaces each `auto` by what the run began with, or else by what is at hand.

    Args:
        options: As asked for.
        recorded: The flags that an earlier start of the run recorded, if any.
        stand_ins: What was asked for then and had a stand-in, by flag.
    """
    changes: dict[str, Any] = {}
    if options.precision == "auto":
        changes["precision"] = recorded.get("precision") or fastest_precision()
    if options.dataset == "auto":
        changes["dataset"] = recorded.get("dataset") or resolve_auto(options.data_dir)
        if changes["dataset"] == "bundled":
            _announce(
                "--dataset=auto: DIV2K is not here and cannot be reached, so training",
                "uses the few photos inside scikit-image. Expect a demonstration, not",
                "a good model: name a folder with --dataset=FOLDER.",
            )
    if options.vgg_weights == "auto":
        for name in WITH_VGG:
            asked = getattr(options, name)
            if (stand_ins or {}).get(name) == str(asked):
                changes[name] = type(asked)(recorded[name])
        options = dataclasses.replace(options, **changes)
        known = recorded.get("vgg_weights", "imagenet")
        wanted = options.as_flags()
        if known != "imagenet" or _needs_vgg(recorded) or not _needs_vgg(wanted):
            changes["vgg_weights"] = known
        else:
            changes |= _resolve_vgg(options)
    return dataclasses.replace(options, **changes)


def stand_ins(asked: TrainOptions, resolved: TrainOptions) -> list[Change]:
    """What `auto` replaced."""
    values = [(f, getattr(asked, f), getattr(resolved, f)) for f in WITH_VGG]
    return [Change(f, str(old), str(new)) for f, old, new in values if old != new]


def _needs_vgg(values: Mapping[str, Any]) -> bool:
    """Whether a stage that has steps does."""
    trained = [loss for loss, steps in LOSSES.items() if int(values.get(steps, 0))]
    return any(values[loss].startswith("vgg") for loss in trained) or (
        "content_loss" in trained and values["keep"] == "phi34"
    )


def _resolve_vgg(options: TrainOptions) -> dict[str, Any]:
    if imagenet_is_at_hand():
        return {"vgg_weights": "imagenet"}
    _announce(
        "--vgg_weights=auto: the VGG19 weights are not here and cannot be downloaded,",
        "so the content loss is mse (the paper's SRGAN-MSE), not what was asked for,",
        f"--adversarial_weight at most {ADVERSARIAL_WEIGHT}, and psnr stands in for",
        "phi34. For the real ones name a file: --vgg_weights=FILE.h5.",
    )
    stand_in: dict[str, Any] = {"vgg_weights": "imagenet"}
    for name in LOSSES:
        if getattr(options, name).startswith("vgg"):
            stand_in[name] = "mse"
    if "content_loss" in stand_in:
        weight = min(options.adversarial_weight, ADVERSARIAL_WEIGHT)
        stand_in["adversarial_weight"] = weight
    if options.keep == "phi34":
        stand_in["keep"] = "psnr"
    return stand_in
