"""From names, files and wishes to a model that upscales."""

import functools
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srgan_tf.errors import UserError
from srgan_tf.inference.choosing import Share, choose
from srgan_tf.inference.compiled import CompiledGenerator
from srgan_tf.inference.ensemble import SelfEnsemble
from srgan_tf.inference.exported import ExportedModel, is_export
from srgan_tf.inference.mixture import Mixture
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
    denoise: float | None = None,
    precision: str = "auto",
    fast: bool = False,
    self_ensemble: bool = False,
    tile: int | None = None,
) -> Upscaler:
    """Loads a generator and compiles it for inference, or opens an export.

    Args:
        model: A name or file for `load_generator`, an export (see `ExportedModel`), a
            generator, or None: the released SRGAN for photos of the scale or, where
            there is none, of the next larger one.
        scale: The factor wanted; 4 if None.
        realism: Weights between the released SRResNet (0, most faithful) and SRGAN (1,
            most photo-realistic), or between two files `FAITHFUL,REALISTIC`.
        denoise: Blends what is made by the released models for clean pictures (0: those
            that bicubic reduced and nothing else happened to) and those for photos
            as people have them (1, also if None). In between both compute.
        precision: `float32`, `mixed_bfloat16` or `auto`: see `fastest_precision`.
        fast: 8-bit arithmetic: see `CompiledGenerator`.
        self_ensemble: Averages eight flips and turns: see `SelfEnsemble`.
        tile: Side of the tiles in LR pixels; fewer need less memory. The result is the
            same.

    Raises:
        UserError: If there is no such model, or a value is out of its bounds.
    """
    UpscaleOptions(
        scale=scale,
        realism=realism,
        denoise=denoise,
        precision=precision,
        fast=fast,
        self_ensemble=self_ensemble,
        tile=tile,
    )
    shares = choose(model, scale=scale, realism=realism, denoise=denoise)
    sources = [share.model for share in shares]
    exports = [x for x in sources if not isinstance(x, Generator) and is_export(x)]
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
        if precision == "auto":
            precision = fastest_precision()
        models, parts = [], []
        for photo in (False, True):
            group = [share for share in shares if share.photo == photo]
            if group:
                parts.append(sum(share.share for share in group))
                generator = _blended(group, parts[-1])
                models.append(
                    CompiledGenerator(
                        generator, precision=precision, fast=fast, tile=tile
                    )
                )
        loaded = Mixture(models, parts) if len(models) > 1 else models[0]
    return SelfEnsemble(loaded) if self_ensemble else loaded


def _blended(shares: Sequence[Share], total: float) -> Generator:
    generators = [
        x.model if isinstance(x.model, Generator) else load_generator(x.model)
        for x in shares
    ]
    if len(generators) == 1:
        return generators[0]
    return interpolate(generators, [share.share / total for share in shares])


_turn = threading.Lock()


def kept_model(
    model: str | os.PathLike | Generator | None = None,
    *,
    scale: int | None = None,
    realism: float | None = None,
    denoise: float | None = None,
    **wishes: Any,
) -> Upscaler:
    """Like `load_model`, but gives again what the same files and wishes gave before.

    It keeps the last few models. Files that have changed are loaded anew, and so is a
    generator, whose weights may change unseen.
    """
    wishes |= {"scale": scale, "realism": realism, "denoise": denoise}
    if isinstance(model, Generator):
        return load_model(model, **wishes)
    UpscaleOptions(**wishes)
    shares = choose(model, scale=scale, realism=realism, denoise=denoise)
    files = [file for share in shares for file in model_files(str(share.model))]
    states = tuple(_state(file) for file in files)
    with _turn:  # who comes second finds what the first has loaded
        name = None if model is None else os.fspath(model)
        return _loaded(name, states, tuple(sorted(wishes.items())))


@functools.lru_cache(maxsize=4)
def _loaded(
    model: str | None,
    states: tuple[tuple, ...],
    wishes: tuple[tuple[str, Any], ...],
) -> Upscaler:
    return load_model(model, **dict(wishes))


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
