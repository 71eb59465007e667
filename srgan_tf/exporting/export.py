"""Exports that serve without this package: one folded network, three containers.

All take uint8 RGB `[N, H, W, 3]` and return uint8 `[N, scale * H, scale * W, 3]`, with
the conversions and BatchNorm inside. Each carries an `Info` for `inference.exported`.
"""

import numbers
import os
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from srgan_tf.errors import UserError
from srgan_tf.exporting.card import card_text, multiplications, write_card
from srgan_tf.exporting.decoding import MAX_MEGAPIXELS
from srgan_tf.exporting.facts import Facts
from srgan_tf.exporting.litert import litert_model
from srgan_tf.exporting.onnx import onnx_model
from srgan_tf.exporting.saved_model import write_saved_model
from srgan_tf.files import whole_file
from srgan_tf.inference.exported import INFO_NAME, Info
from srgan_tf.models import Generator
from srgan_tf.options import ExportOptions

# How the names of exports end.
ENDINGS = {"saved_model": "", "litert": ".tflite", "onnx": ".onnx"}


def export(
    generator: Generator,
    path: str | os.PathLike,
    *,
    file_format: str = "saved_model",
    quantize: str | None = None,
    window: tuple[int, int] | None = None,
    photos: Sequence[str] = (),
    jit_compile: bool = False,
    facts: Facts | None = None,
) -> None:
    """Writes an export and its `model_card.md`: in the folder, or beside the file.

    Args:
        generator: The model.
        path: A folder for `saved_model`, else a file, `.tflite` or `.onnx`. Replaced
            once the new one is complete.
        file_format: `saved_model`, `litert` or `onnx`.
        quantize: For `litert`: `float16` (weights), `dynamic` (8-bit weights,
            activations as they come) or `int8` (8-bit convolutions, ranges fixed
            beforehand); for `onnx`: `float16` (all of it); None for float32.
        window: For `litert` and `onnx`: height and width of the LR picture if they are
            fixed.
        photos: HR photo files that show what 8-bit activations have to hold.
        jit_compile: For `saved_model`: compile by XLA, once for every picture size.
        facts: For the card and the file.

    Raises:
        UserError: If an optional package is missing, the path cannot be meant so, or
            the wishes do not go together.
    """
    ExportOptions(format=file_format, quantize=quantize, jit_compile=jit_compile)
    check_target(Path(path), file_format)
    write_export(
        generator,
        Path(path),
        file_format=file_format,
        quantize=quantize,
        window=window,
        photos=photos,
        jit_compile=jit_compile,
        facts=facts,
    )


def write_export(
    generator: Generator,
    path: Path,
    *,
    file_format: str,
    quantize: str | None,
    window: tuple[int, int] | None,
    photos: Sequence[str],
    jit_compile: bool,
    facts: Facts | None,
) -> None:
    """Does what `export` says, once all of it is known to be good."""
    if generator.channels != 3:
        raise UserError(
            f"Exports take RGB, this generator {generator.channels} channels: use "
            "`generator.export` of Keras."
        )
    if window is not None:
        _check_window(window)
    facts = facts or Facts(path.stem)
    info = Info(generator.scale, generator.receptive_radius, window, facts._asdict())
    if file_format == "saved_model":
        write_saved_model(generator, path, info, jit_compile=jit_compile)
        card = path / "model_card.md"
    else:
        if file_format == "litert":
            content = litert_model(
                generator, quantize=quantize, window=window, photos=photos
            )
        else:
            content = onnx_model(generator, info, half=quantize == "float16")
        with whole_file(path) as partial:
            partial.write_bytes(content)
            if file_format == "litert":
                # As LiteRT's own tools keep files in a model: as a zip behind it.
                with zipfile.ZipFile(partial, "a") as archive:
                    archive.writestr(INFO_NAME, info.to_json())
        card = path.with_name("model_card.md")
    text = card_text(
        path.name,
        info,
        facts,
        file_format=file_format,
        quantize=quantize,
        products=multiplications(generator),
    )
    write_card(card, path.name, text)


def _check_window(window: tuple[int, int]) -> None:
    sides = tuple(window) if isinstance(window, Iterable) else (window,)
    whole = all(isinstance(side, numbers.Integral) for side in sides)
    if len(sides) != 2 or not whole or min(sides) < 1:
        raise UserError(
            f"--input_size: height and width are whole numbers. Received: {window!r}"
        )
    if sides[0] * sides[1] > MAX_MEGAPIXELS * 10**6:
        raise UserError(
            f"--input_size={sides[0]}x{sides[1]}: no more than {MAX_MEGAPIXELS} "
            "megapixels."
        )


def check_target(path: Path, file_format: str) -> None:
    """Refuses paths that are not for this format, or hold something else.

    Raises:
        UserError: If the path cannot be written as asked.
    """
    suffix = ENDINGS[file_format]
    if suffix and (path.suffix != suffix or path.is_dir()):
        raise UserError(f"--output={path}: name a file ending in {suffix}.")
    if suffix:
        return
    if path.is_file() or path.suffix in (".tflite", ".onnx"):
        raise UserError(f"--output={path}: a SavedModel is a folder; name one.")
    if path.is_dir() and not (path / "saved_model.pb").exists() and any(path.iterdir()):
        raise UserError(f"--output={path} holds other things; name a new folder.")
