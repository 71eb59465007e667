"""What an export says of itself, in the file: names, sizes, facts and licence."""

import json
import zipfile

import numpy as np
import onnx
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from samples import (
    by_network,
    keras_8bit,
    levels_apart,
    save_picture,
    smooth_photo,
    trained_like,
)

import srgan_tf
from srgan_tf.errors import UserError
from srgan_tf.exporting.export import export
from srgan_tf.exporting.facts import Facts
from srgan_tf.inference.exported import ExportedModel

FACTS = Facts("mine", "trained on photos", "CC0-1.0", {"Set5": {"psnr": 30.0}})


@pytest.fixture(scope="module")
def generator():
    return trained_like(filters=8)


@pytest.fixture(scope="module")
def folder(generator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for name, options in {
        "saved": {},
        "m.onnx": {"file_format": "onnx"},
        "half.onnx": {"file_format": "onnx", "quantize": "float16"},
        "fixed.onnx": {"file_format": "onnx", "window": (24, 20)},
        "m.tflite": {"file_format": "litert"},
        "fixed.tflite": {"file_format": "litert", "window": (24, 20)},
    }.items():
        export(generator, folder / name, facts=FACTS, **options)
    return folder


@pytest.mark.parametrize(
    "name", ["saved", "m.onnx", "half.onnx", "fixed.onnx", "m.tflite", "fixed.tflite"]
)
def test_facts_are_inside(folder, generator, name):
    info = ExportedModel(folder / name).info
    assert Facts(**info.facts) == FACTS
    assert (info.scale, info.radius) == (4, generator.receptive_radius)
    assert info.window == ((24, 20) if name.startswith("fixed") else None)
    card = (
        folder / ("saved/" if name == "saved" else "") / "model_card.md"
    ).read_text()
    section = card[card.index(f"# {name}\n") :]
    assert "| licence of the weights | CC0-1.0 |" in section
    assert (
        f"`sr`: uint8 RGB [{'1, 96, 80' if info.window else 'N, 4H, 4W'}, 3]" in section
    )


def test_where_the_card_says_they_are(folder):
    text = (folder / "saved" / "assets.extra" / "srgan_tf.json").read_text()
    with zipfile.ZipFile(folder / "m.tflite") as archive:
        assert archive.read("srgan_tf.json").decode() == text
    (entry,) = onnx.load(folder / "m.onnx").metadata_props
    assert (entry.key, entry.value) == ("srgan_tf.json", text)
    assert json.loads(text)["facts"]["licence"] == "CC0-1.0"


def test_onnx_names_its_sizes(folder):
    def sizes(value):
        return [x.dim_param or x.dim_value for x in value.type.tensor_type.shape.dim]

    model = onnx.load(folder / "m.onnx")
    onnx.checker.check_model(model)
    (images,), (sr,) = model.graph.input, model.graph.output
    assert (images.name, sizes(images)) == ("images", ["N", "H", "W", 3])
    assert (sr.name, sizes(sr)) == ("sr", ["N", "4*H", "4*W", 3])
    assert "CC0-1.0" in model.doc_string
    assert (model.producer_name, model.producer_version) == (
        "srgan_tf",
        srgan_tf.__version__,
    )
    fixed = onnx.load(folder / "fixed.onnx").graph
    assert sizes(fixed.input[0]) == [1, 24, 20, 3]
    assert sizes(fixed.output[0]) == [1, 96, 80, 3]


def test_litert_names_its_result(folder):
    interpreter = Interpreter(str(folder / "m.tflite"))
    (signature,) = interpreter.get_signature_list().values()
    assert signature == {"inputs": ["images"], "outputs": ["sr"]}


def test_saved_model_names(folder):
    signatures = tf.saved_model.load(folder / "saved").signatures
    names = {
        name: (list(x.structured_input_signature[1]), list(x.structured_outputs))
        for name, x in signatures.items()
    }
    assert names == {
        "serving_default": (["images"], ["sr"]),
        "serving_bytes": (["image_bytes"], ["sr_bytes"]),
        "serving_float": (["images"], ["sr"]),
    }


def test_half_precision_is_near_and_half_as_large(folder, generator):
    picture = smooth_photo(0, 31, 44)
    model = ExportedModel(folder / "half.onnx")
    apart = levels_apart(by_network(picture, model), keras_8bit(generator, picture))
    assert apart.max() <= 3 and apart.mean() < 0.3
    halves, whole = ((folder / x).stat().st_size for x in ("half.onnx", "m.onnx"))
    weights = 4 * generator.count_params()
    assert whole - halves > 0.4 * weights


def test_int8_weights_are_inside_the_flatbuffer(generator, tmp_path):
    save_picture(tmp_path / "0.png", smooth_photo(0, 300, 300))
    path = tmp_path / "m.tflite"
    photos = [str(tmp_path / "0.png")]
    export(generator, path, file_format="litert", quantize="int8", photos=photos)
    # Offsets would reach behind the FlatBuffer, where the zip is.
    schema = pytest.importorskip("tensorflow.lite.python.schema_py_generated")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    assert all(not buffer.offset for buffer in model.buffers)
    assert sum(np.size(x.data) for x in model.buffers if x.data is not None) > 1000


def test_onnx_of_8_bits_is_refused(generator, tmp_path):
    with pytest.raises(UserError, match="--quantize=int8 is for --format=litert"):
        export(generator, tmp_path / "m.onnx", file_format="onnx", quantize="int8")
