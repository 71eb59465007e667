"""The command `export`: what it is asked for, checked before anything is built."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from srgan_tf.data.listing import find_photos
from srgan_tf.data.tfds_photos import resolve_auto
from srgan_tf.errors import UserError
from srgan_tf.exporting.export import ENDINGS, check_target, write_export
from srgan_tf.exporting.facts import facts_of
from srgan_tf.inference.choosing import default_model
from srgan_tf.inference.exported import is_export
from srgan_tf.models.pretrained import load_generator
from srgan_tf.options import ExportOptions


def export_model(options: ExportOptions) -> Path:
    """Exports a model; prints where.

    Returns:
        Where it is.

    Raises:
        UserError: If the wishes do not fit together or something is missing.
    """
    model = options.model[0] if options.model else default_model()
    window = _window(options.input_size)
    if is_export(model):
        raise UserError(f"{model} is an export already: name what it was made from.")
    path = Path(options.output or _default_name(model, options))
    check_target(path, options.format)
    generator = load_generator(model)
    photos: Sequence[str] = ()
    if options.quantize in ("dynamic", "int8"):
        dataset = options.dataset
        if dataset == "auto":
            dataset = resolve_auto(options.data_dir)
        photos = find_photos(dataset, options.split, options.data_dir)
    write_export(
        generator,
        path,
        file_format=options.format,
        quantize=options.quantize,
        window=window,
        photos=photos,
        jit_compile=options.jit_compile,
        facts=facts_of(model),
    )
    card = path if path.is_dir() else path.parent
    print(f"Wrote {path}; how to use it is in {card / 'model_card.md'}.")
    return path


def _window(input_size: str | None) -> tuple[int, int] | None:
    if input_size is None:
        return None
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", input_size)
    if not match:
        raise UserError(f"--input_size={input_size}: name it as HEIGHTxWIDTH, 128x128.")
    return int(match[1]), int(match[2])


def _default_name(model: str, options: ExportOptions) -> str:
    stem = os.path.basename(os.path.normpath(model)).split(".")[0]
    ending = ENDINGS[options.format] or "_saved_model"
    return stem + (f"_{options.quantize}" if options.quantize else "") + ending
