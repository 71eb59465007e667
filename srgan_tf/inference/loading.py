"""From names, files and wishes to a model that upscales."""

import functools
import os
import threading
from pathlib import Path
from typing import Any

from srgan_tf.errors import UserError
from srgan_tf.inference.compiled import CompiledGenerator
from srgan_tf.inference.ensemble import SelfEnsemble
from srgan_tf.inference.exported import ExportedModel, is_export
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
        fast: See `CompiledGenerator`.
        self_ensemble: Averages eight flips and turns: see `SelfEnsemble`.
        tile: Side of the tiles in LR pixels; fewer need less memory. The result is the
            same.

    Raises:
        UserError: If there is no such model, or a value is out of its bounds.
    """
    UpscaleOptions(scale=scale, realism=realism, fast=fast, tile=tile)
    names = model_names(model, scale, realism)
    exports = [x for x in names if not isinstance(x, Generator) and is_export(x)]
    if exports and realism is not None:
        raise UserError(
            f"--realism blends weights, which the export {exports[0]} does not give "
            "away: name the models it was made from."
        )
    if exports and fast:
        raise UserError(
            f"--fast does not apply to {exports[0]}: an export's arithmetic is its own."
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
        loaded = CompiledGenerator(first, fast=fast, tile=tile)
    return SelfEnsemble(loaded) if self_ensemble else loaded


_turn = threading.Lock()


def kept_model(
    model: str | os.PathLike | Generator | None = None,
    *,
    scale: int | None = None,
    **wishes: Any,
) -> Upscaler:
    """Like `load_model`, but gives again what the same files and wishes gave before.

    It keeps the last few models. Files that have changed are loaded anew, and so is a
    generator, whose weights may change unseen.
    """
    if isinstance(model, Generator):
        return load_model(model, scale=scale, **wishes)
    names = [str(x) for x in model_names(model, scale, wishes.get("realism"))]
    states = tuple(_state(file) for name in names for file in model_files(name))
    with _turn:  # who comes second finds what the first has loaded
        return _loaded(",".join(names), states, scale, tuple(sorted(wishes.items())))


@functools.lru_cache(maxsize=4)
def _loaded(
    model: str,
    states: tuple[tuple, ...],
    scale: int | None,
    wishes: tuple[tuple[str, Any], ...],
) -> Upscaler:
    return load_model(model, scale=scale, **dict(wishes))


def _state(file: Path) -> tuple:
    state = file.stat()
    return file.absolute(), state.st_size, state.st_mtime_ns, state.st_ctime_ns


def model_files(model: str | os.PathLike) -> list[Path]:
    """The files that a name, a file or a folder stands for; none if it is not there."""
    path = released_models().get(str(model), Path(model))
    if path.is_dir() and is_export(path):
        return sorted(file for file in path.rglob("*") if file.is_file())
    file = path / "generator.keras" if path.is_dir() else path
    return [file] if file.is_file() else []


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
