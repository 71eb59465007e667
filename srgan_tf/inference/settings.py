"""What a result depends on besides its photo, in short."""

import dataclasses
import hashlib
import os
from collections.abc import Sequence

from srgan_tf.inference.loading import model_files
from srgan_tf.inference.results import Settings
from srgan_tf.inference.sizes import Size
from srgan_tf.models.pretrained import released_models, released_scale
from srgan_tf.options import VIDEO_FORMATS, UpscaleOptions
from srgan_tf.pictures.kinds import KINDS

VIDEO_ONLY = ("codec", "crf", "preset", "frames")
# Options that no pixel depends on, or that stand there in another form.
_OTHERS = frozenset(
    (
        *("model", "scale", "size", "long_side", "fit"),
        *("tile", "output", "overwrite", "compare", "keep_times"),
        *("max_megapixels", "format", "quality", "lossless"),
        *("beam", "runner", "beam_options"),
        *VIDEO_ONLY,
    )
)


def settings_of(
    options: UpscaleOptions, kind: str, size: Size, models: Sequence[str]
) -> Settings:
    """All that a result depends on: any option that is not known not to matter.

    Args:
        options: As given.
        kind: One of `RESULT_FORMATS` or `VIDEO_FORMATS`.
        size: Of the result.
        models: What `fingerprint` says of them.
    """
    fields = {field.name for field in dataclasses.fields(options)} - _OTHERS
    settings: Settings = {name: getattr(options, name) for name in sorted(fields)}
    settings |= {"model": list(models), "scale": size.scale, "format": kind}
    if size.pixels:
        settings["size"] = str(size)
    if kind in VIDEO_FORMATS:
        return settings | {name: getattr(options, name) for name in VIDEO_ONLY}
    if options.lossless and KINDS[kind].lossless:
        settings["lossless"] = True
    elif KINDS[kind].lossy:
        settings["quality"] = options.quality
    return settings


def fingerprint(model: str | os.PathLike) -> str:
    """A hash of a model's content, whatever its name is; empty if there is none."""
    files = model_files(model)
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest() if files else ""


def known_scale(models: Sequence[str | os.PathLike]) -> int | None:
    """The factor of released models, by their names; None of others."""
    released = [str(model) for model in models if str(model) in released_models()]
    return released_scale(released[0]) if released else None
