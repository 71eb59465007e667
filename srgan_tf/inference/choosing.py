"""Which weights are meant: one generator, or several to blend by two dials."""

import os
from typing import NamedTuple

from srgan_tf.errors import UserError
from srgan_tf.models import Generator
from srgan_tf.models.pretrained import released_models, released_scale

Source = str | os.PathLike | Generator
_PHOTO = "_photo"  # how the names of models for photos end


class Share(NamedTuple):
    """A generator, and its part in the result.

    Attributes:
        model: Its name or file, or itself.
        share: How much of it is wanted; 1 for all in sum.
        photo: Whether it is one of those for photos: weights blend among them, and
            among the others.
    """

    model: Source
    share: float
    photo: bool = False


def choose(
    model: Source | None,
    *,
    scale: int | None = None,
    realism: float | None = None,
    denoise: float | None = None,
) -> list[Share]:
    """The one generator that is meant, or those to blend; see `load_model`.

    Raises:
        UserError: If a dial has not the models that it needs.
    """
    if model is not None and not isinstance(model, (str, os.PathLike, Generator)):
        raise UserError(
            f"a model is a name, a path or a generator. Received: {model!r}"
        )
    if model is not None and denoise is not None:
        raise UserError(
            "--denoise blends the released models: leave --model out. Received: "
            f"{model}"
        )
    if model is None:
        return _released(scale, realism, denoise)
    if realism is None:
        return [Share(model, 1.0)]
    names = str(model).split(",")
    if len(names) != 2:
        raise UserError(
            "--realism blends two generators: leave --model out or name both, "
            f"--model=FAITHFUL,REALISTIC. Received: {model}"
        )
    shares = map(Share, names, (1.0 - realism, realism))
    return [share for share in shares if share.share]


def default_model() -> str:
    """The released model that is used where none is named."""
    return str(choose(None)[0].model)


def _released(
    scale: int | None, realism: float | None, denoise: float | None
) -> list[Share]:
    wanted, released = scale or 4, released_models()
    photo = {released_scale(name) for name in released if name.endswith(_PHOTO)}
    clean = {released_scale(name) for name in released if not name.endswith(_PHOTO)}
    if denoise and not photo:
        raise UserError("--denoise: there is no model for photos here.")
    if denoise is None:
        # A larger one of these, and downsizing, does more for a JPEG than a clean one.
        denoise = float(wanted <= max(photo, default=0))
    if denoise and wanted > max(photo):
        raise UserError(
            f"--scale={wanted}: the models for photos make up to x{max(photo)}. With "
            "--denoise=0 those for clean pictures are used."
        )
    scales = [*(photo if denoise else clean), 4]
    size = min((s for s in scales if s >= wanted), default=max(scales))
    faithful, realistic = f"srresnet_x{size}", f"srgan_x{size}"
    if realism is None:  # as much as there is
        end = _PHOTO if denoise else ""
        realism = float(realistic + end in released or faithful + end not in released)
    kinds = {faithful: 1.0 - realism, realistic: realism}
    plain = [Share(x, share * (1.0 - denoise)) for x, share in kinds.items()]
    photos = [Share(f"{x}{_PHOTO}", y * denoise, True) for x, y in kinds.items()]
    shares = [share for share in (*plain, *photos) if share.share]
    if any(share.photo and share.model not in released for share in shares):
        raise UserError(
            f"--realism: there are no two models for photos at x{size}. With "
            "--denoise=0 those for clean pictures are blended."
        )
    return shares
