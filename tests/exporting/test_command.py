"""The command `export`: from flags to files, and what is refused before any work."""

import numpy as np
import pytest
from samples import smooth_photo

from srgan_tf.errors import UserError
from srgan_tf.exporting.command import export_model
from srgan_tf.inference.loading import load_model
from srgan_tf.inference.upscale import upscale
from srgan_tf.models import Generator
from srgan_tf.options import ExportOptions


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "tiny.keras"
    Generator(num_blocks=1, filters=4).save(path)
    return str(path)


def exported(model, **options):
    return str(export_model(ExportOptions(model=(model,), **options)))


def test_defaults_name_the_result(model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert exported(model) == "tiny_saved_model"
    assert "tiny_saved_model/model_card.md" in capsys.readouterr().out
    assert exported(model, format="onnx") == "tiny.onnx"
    small = exported(model, format="litert", quantize="float16")
    assert small == "tiny_float16.tflite"
    assert "# tiny_float16.tflite" in (tmp_path / "model_card.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "png"}, "--format=png: must be saved_model, litert or onnx"),
        ({"format": "onnx", "quantize": "int8"}, "--quantize=int8 is for"),
        ({"format": "onnx", "jit_compile": True}, "--jit_compile is for"),
        ({"input_size": "64x64"}, "--input_size is for --format=litert"),
        ({"format": "litert", "input_size": "64"}, "HEIGHTxWIDTH"),
        ({"format": "litert", "input_size": "0x64"}, "HEIGHTxWIDTH"),
        ({"format": "litert", "output": "x.onnx"}, r"ending in \.tflite"),
        ({"output": "x.onnx"}, "a SavedModel is a folder"),
        (
            {"format": "litert", "quantize": "int8", "dataset": "./none"},
            "There is no folder",
        ),
    ],
)
def test_wishes_that_do_not_fit_leave_nothing(model, tmp_path, options, message):
    folder = tmp_path / "out"
    folder.mkdir()
    suffix = {"litert": "m.tflite", "onnx": "m.onnx"}.get(options.get("format"))
    options = {"output": str(folder / (suffix or "saved")), **options}
    with pytest.raises(UserError, match=message):
        exported(model, **options)
    assert not list(folder.iterdir())


def test_an_export_is_not_exported_again(model, tmp_path):
    path = exported(model, format="onnx", output=str(tmp_path / "m.onnx"))
    with pytest.raises(UserError, match="is an export already"):
        exported(path)


def test_command(model, tmp_path, command_line):
    output = tmp_path / "tiny.tflite"
    flags = (f"--model={model}", "--format=litert", "--input_size=24x20")
    done = command_line("export", *flags, f"--output={output}")
    assert done.code == 0, done.stderr
    assert done.stdout.startswith(f"Wrote {output}")
    sr = upscale(smooth_photo(0, 24, 20), load_model(output))
    assert sr.shape == (96, 80, 3) and sr.dtype == np.uint8
    done = command_line("export", *flags, f"--output={tmp_path / 'tiny.onnx'}")
    assert done.code == 1
    assert done.stderr.startswith("Error: --output=") and done.stderr.count("\n") == 1
