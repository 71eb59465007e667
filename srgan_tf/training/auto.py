"""What each `auto` among the options of training means on this machine."""

import dataclasses
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from srgan_tf.data.tfds_photos import resolve_auto
from srgan_tf.inference.precision import fastest_precision
from srgan_tf.models.vgg import imagenet_is_at_hand
from srgan_tf.options import TrainOptions
from srgan_tf.training.run_folder import Change

log = logging.getLogger(__name__)

LOSSES = ("pretrain_loss", "content_loss")


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
        stand_ins: Losses that were asked for then, and had a stand-in.
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
        for name in LOSSES:
            if (stand_ins or {}).get(name) == getattr(options, name):
                changes[name] = recorded[name]
        options = dataclasses.replace(options, **changes)
        known = recorded.get("vgg_weights", "imagenet")
        had = [recorded[name] for name in LOSSES if name in recorded]
        wanted = [getattr(options, name) for name in LOSSES]
        if known != "imagenet" or _any_vgg(had) or not _any_vgg(wanted):
            changes["vgg_weights"] = known
        else:
            changes |= _resolve_vgg(options)
    return dataclasses.replace(options, **changes)


def stand_ins(asked: TrainOptions, resolved: TrainOptions) -> list[Change]:
    """The losses that `auto` replaced."""
    losses = [(f, getattr(asked, f), getattr(resolved, f)) for f in LOSSES]
    return [Change(*loss) for loss in losses if loss[1] != loss[2]]


def _any_vgg(losses: Iterable[str]) -> bool:
    return any(loss.startswith("vgg") for loss in losses)


def _resolve_vgg(options: TrainOptions) -> dict[str, str]:
    if imagenet_is_at_hand():
        return {"vgg_weights": "imagenet"}
    _announce(
        "--vgg_weights=auto: the VGG19 weights are not here and cannot be downloaded,",
        "so the content loss is mse (the paper's SRGAN-MSE), not what was asked for.",
        "For the real one name a file: --vgg_weights=FILE.h5.",
    )
    stand_in = {"vgg_weights": "imagenet"}
    for name in LOSSES:
        loss = getattr(options, name)
        stand_in[name] = "mse" if loss.startswith("vgg") else loss
    return stand_in
