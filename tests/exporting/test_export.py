"""Exports of every kind: whole or not at all, and the same pictures."""

import sys

import numpy as np
import pytest
from PIL import Image
from samples import by_network, keras_8bit, levels_apart, trained_like

from srgan_tf.errors import UserError
from srgan_tf.exporting.export import export
from srgan_tf.inference.exported import ExportedModel
from srgan_tf.models.pretrained import load_generator


@pytest.fixture(scope="module")
def generator():
    return trained_like(filters=8)


def test_an_export_replaces_the_old_one_whole(tmp_path):
    for scale in (2, 4):
        export(trained_like(scale), tmp_path / "saved")
    assert ExportedModel(tmp_path / "saved").scale == 4
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_other_folders_and_names_are_refused(generator, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    for path, file_format in (
        (mine, "saved_model"),
        (mine / "thesis.tex", "saved_model"),
        (mine / "model.onnx", "litert"),
        (mine, "onnx"),
    ):
        with pytest.raises(UserError, match="--output="):
            export(generator, path, file_format=file_format)
    assert [path.name for path in mine.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    "window", [(0, 5), (-1, 5), (1.5, 2), "64x64", 5, (5, 5, 5), (10**9, 10**9)]
)
def test_windows_that_cannot_be_are_refused(generator, tmp_path, window):
    with pytest.raises(UserError, match=r"^--input_size"):
        export(generator, tmp_path / "m.onnx", file_format="onnx", window=window)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("file_format", "quantize", "module", "extra"),
    [
        ("onnx", None, "tf2onnx", "onnx"),
        ("litert", "int8", "ai_edge_quantizer", "litert"),
    ],
)
def test_a_missing_package_names_its_extra(
    generator, tmp_path, monkeypatch, photo_folder, file_format, quantize, module, extra
):
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "out" / ("m.onnx" if extra == "onnx" else "m.tflite")
    with pytest.raises(
        UserError, match=rf"{module}: pip install 'srgan_tf\[{extra}\]'"
    ):
        export(generator, path, file_format=file_format, quantize=quantize)
    assert not path.parent.exists()


@pytest.mark.slow
def test_the_released_model_gives_the_same_on_real_photos(shared_data, tmp_path):
    generator = load_generator("srgan_x4")
    formats = {"saved_model": "m", "onnx": "m.onnx", "litert": "m.tflite"}
    for file_format, name in formats.items():
        export(generator, tmp_path / name, file_format=file_format)
    models = [ExportedModel(tmp_path / name) for name in formats.values()]
    for path in sorted((shared_data / "benchmarks" / "Set5" / "LR").glob("*.png"))[1:4]:
        lr = np.asarray(Image.open(path))
        expected = keras_8bit(generator, lr)
        for model in models:
            assert levels_apart(by_network(lr, model), expected).max() <= 1
