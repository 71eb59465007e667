"""The command `export`: what it is asked for, checked before anything is built."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from srgan_tf.data.photos import find_photos, resolve_auto
from srgan_tf.errors import UserError
from srgan_tf.exporting.export import SUFFIXES, check_target, export
from srgan_tf.exporting.provenance import facts_of
from srgan_tf.inference.exported import is_export
from srgan_tf.models.pretrained import load_generator


def export_model(
    model: str,
    file_format: str = "saved_model",
    output: str | None = None,
    quantize: str | None = None,
    input_size: str | None = None,
    jit_compile: bool = False,
    dataset: str = "auto",
    split: str = "train",
    data_dir: str | None = None,
) -> Path:
    """Exports a model; prints where.

    Args:
        model: Whatever `load_generator` takes.
        file_format: `saved_model`, `litert` or `onnx`.
        output: Where to; if None, here, by the names of model and format.
        quantize: See `srgan_tf.exporting.export.export`.
        input_size: `HEIGHTxWIDTH` of the LR picture if they are fixed.
        jit_compile: See `srgan_tf.exporting.export.export`.
        dataset: Photos that show the ranges of 8-bit activations, as in training.
        split: Of a TensorFlow data set.
        data_dir: Where TensorFlow Datasets keeps its files.

    Returns:
        Where it is.

    Raises:
        UserError: If the wishes do not fit together or something is missing.
    """
    if file_format not in SUFFIXES:
        raise UserError(f"--format={file_format}: choose from {', '.join(SUFFIXES)}.")
    for flag, value, needed in (
        ("quantize", quantize, "litert"),
        ("input_size", input_size, "litert"),
        ("jit_compile", jit_compile, "saved_model"),
    ):
        if value and file_format != needed:
            raise UserError(
                f"--{flag} is for --format={needed}, not for {file_format}."
            )
    window = _window(input_size)
    if is_export(model):
        raise UserError(f"{model} is an export already: name what it was made from.")
    path = Path(output or _default_name(model, file_format, quantize))
    check_target(path, file_format)
    generator = load_generator(model)
    photos: Sequence[str] = ()
    if quantize in ("dynamic", "int8"):
        dataset = resolve_auto(data_dir) if dataset == "auto" else dataset
        photos = find_photos(dataset, split, data_dir)
    facts = facts_of(model)
    export(generator, path, file_format, quantize, window, photos, jit_compile, facts)
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


def _default_name(model: str, file_format: str, quantize: str | None) -> str:
    stem = os.path.basename(os.path.normpath(model)).split(".")[0]
    ending = SUFFIXES[file_format] or "_saved_model"
    return stem + (f"_{quantize}" if quantize else "") + ending
