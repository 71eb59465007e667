"""From names, files and wishes to a model that upscales."""

import os

from srgan_tf.errors import UserError
from srgan_tf.inference.compiled import CompiledGenerator
from srgan_tf.inference.ensemble import SelfEnsemble
from srgan_tf.inference.exported import ExportedModel, is_export
from srgan_tf.inference.precision import fastest_precision
from srgan_tf.inference.tiles import Upscaler
from srgan_tf.models import Generator
from srgan_tf.models.interpolation import interpolate
from srgan_tf.models.pretrained import load_generator, released_models
from srgan_tf.options import UpscaleOptions


def load_model(
    model: str | os.PathLike | Generator | None = None,
    *,
    scale: int | None = None,
    realism: float | None = None,
    precision: str = "auto",
    fast: bool = False,
    self_ensemble: bool = False,
    tile: int | None = None,
) -> Upscaler:
    """Loads a generator and compiles it for inference, or opens an export.

    Args:
        model: A name or file for `load_generator`, an export (see `ExportedModel`), a
            generator, or None: the released SRGAN of the scale or, where there is
            none, of the next larger one.
        scale: The factor wanted; 4 if None.
        realism: Weights between the released SRResNet (0, most faithful) and SRGAN (1,
            most photo-realistic), or between two files `FAITHFUL,REALISTIC`.
        precision: `float32`, `mixed_bfloat16` or `auto`: see `fastest_precision`.
        fast: 8-bit arithmetic: see `CompiledGenerator`.
        self_ensemble: Averages eight flips and turns: see `SelfEnsemble`.
        tile: Side of the tiles in LR pixels; fewer need less memory. The result is the
            same.

    Raises:
        UserError: If there is no such model, or a value is out of its bounds.
    """
    UpscaleOptions(
        scale=scale, realism=realism, precision=precision, fast=fast, tile=tile
    )
    names = model_names(model, scale, realism)
    exports = [x for x in names if not isinstance(x, Generator) and is_export(x)]
    if exports and realism is not None:
        raise UserError(
            f"--realism blends weights, which the export {exports[0]} does not give "
            "away: name the models it was made from."
        )
    if exports and (fast or precision != "auto"):
        raise UserError(
            f"--{'fast' if fast else 'precision'} does not apply to {exports[0]}: an "
            "export's arithmetic is its own."
        )
    if exports:
        loaded: Upscaler = ExportedModel(exports[0], tile=tile)
    else:
        first, *second = (
            name if isinstance(name, Generator) else load_generator(name)
            for name in names
        )
        if second and realism is not None:
            first = interpolate(first, second[0], realism)
        if precision == "auto":
            precision = fastest_precision()
        loaded = CompiledGenerator(first, precision=precision, fast=fast, tile=tile)
    return SelfEnsemble(loaded) if self_ensemble else loaded


def model_names(
    model: str | os.PathLike | Generator | None,
    scale: int | None,
    realism: float | None,
) -> list[str | os.PathLike | Generator]:
    """The one model that is meant, or the two to blend; see `load_model`.

    Raises:
        UserError: If there is one where two are needed.
    """
    if model is None:
        size = _released_scale(scale)
        realistic = f"srgan_x{size}"
        return [realistic] if realism is None else [f"srresnet_x{size}", realistic]
    if realism is None:
        return [model]
    names = str(model).split(",")
    if len(names) != 2:
        raise UserError(
            "--realism blends two generators: leave --model out or name both, "
            f"--model=FAITHFUL,REALISTIC. Received: {model}"
        )
    return [*names]


def _released_scale(scale: int | None) -> int:
    """The scale of the released SRGAN that serves a wanted scale."""
    scale = scale or 4
    released = sorted(
        int(name.removeprefix("srgan_x"))
        for name in released_models()
        if name.startswith("srgan_x")
    )
    return next((size for size in released if size >= scale), max([*released, 4]))
