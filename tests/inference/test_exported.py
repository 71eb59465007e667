"""Exports as models again: what they are, in tiles, and what they cannot do."""

import numpy as np
import pytest
import tensorflow as tf
from samples import (
    by_network,
    keras_8bit,
    levels_apart,
    save_picture,
    smooth_photo,
    trained_like,
    values,
)

from srgan_tf.errors import UserError
from srgan_tf.exporting.export import export
from srgan_tf.inference.exported import ExportedModel, is_export
from srgan_tf.inference.loading import load_model
from srgan_tf.inference.upscale import upscale


@pytest.fixture(scope="module")
def generator():
    return trained_like(filters=8)


@pytest.fixture(scope="module")
def files(generator, tmp_path_factory):
    """One export of each kind that is exact."""
    folder = tmp_path_factory.mktemp("files")
    export(generator, folder / "saved")
    export(generator, folder / "m.onnx", file_format="onnx")
    export(generator, folder / "m.tflite", file_format="litert")
    export(generator, folder / "half.tflite", file_format="litert", quantize="float16")
    return folder


@pytest.mark.parametrize("name", ["saved", "m.onnx", "m.tflite", "half.tflite"])
def test_exports_are_models_again(files, generator, name):
    path = files / name
    assert is_export(path)
    model = load_model(path)
    assert (model.scale, model.radius) == (4, generator.receptive_radius)
    picture = smooth_photo(0, 31, 44)
    sr = by_network(picture, model)
    near = levels_apart(sr, keras_8bit(generator, picture)) <= 1
    assert near.mean() >= (0.99 if name.startswith("half") else 1)
    in_tiles = ExportedModel(path, tile=9)
    np.testing.assert_array_equal(by_network(picture, in_tiles), sr)
    assert load_model(path, tile=50).tile == 50


def test_a_smaller_radius_would_show_in_tiles(files):
    model = ExportedModel(files / "m.onnx", tile=9)
    picture = values(40, 40, 3)
    exact = upscale(picture, model)
    np.testing.assert_array_equal(exact, upscale(picture, files / "m.onnx"))
    model.radius = 2
    assert (upscale(picture, model) != exact).any()


@pytest.mark.parametrize("quantize", [None, "int8"])
def test_a_fixed_size_runs_by_tiles_of_it_or_refuses(generator, tmp_path, quantize):
    path = tmp_path / "m.tflite"
    save_picture(tmp_path / "0.png", smooth_photo(0, 300, 300))
    options = {"quantize": quantize, "photos": [str(tmp_path / "0.png")]}
    export(generator, path, file_format="litert", window=(40, 32), **options)
    model = load_model(path)
    picture = smooth_photo(0, 57, 101)
    sr = by_network(picture, model)
    if quantize is None:
        assert levels_apart(sr, keras_8bit(generator, picture)).max() <= 1
    exact = smooth_photo(0, 40, 32)
    assert upscale(exact, model).shape == (160, 128, 3)
    with pytest.raises(UserError, match=r"takes 40x32 pixels only.*39x50"):
        upscale(smooth_photo(0, 39, 50), model)
    with pytest.raises(UserError, match=r"--self_ensemble turns .* 40x32 cannot take"):
        load_model(path, self_ensemble=True)


def test_a_fixed_square_can_be_turned(generator, tmp_path):
    path = tmp_path / "m.tflite"
    export(generator, path, file_format="litert", window=(32, 32))
    eight = load_model(path, self_ensemble=True)
    assert eight.window == (32, 32)
    picture = smooth_photo(0, 40, 70)
    expected = upscale(picture, generator, self_ensemble=True)
    assert levels_apart(upscale(picture, eight), expected).max() <= 1


def test_what_exports_cannot_do_gets_one_line(files, tmp_path):
    with pytest.raises(UserError, match=r"--realism blends weights"):
        load_model(f"{files / 'm.onnx'},srgan_x4", realism=0.5)
    with pytest.raises(UserError, match="--fast does not apply"):
        load_model(files / "m.onnx", fast=True)
    with pytest.raises(UserError, match=r"There is no model none\.onnx"):
        load_model("none.onnx")
    for suffix in (".onnx", ".tflite"):
        broken = tmp_path / f"broken{suffix}"
        broken.write_bytes(b"not a model at all")
        with pytest.raises(UserError, match="damaged or no export of srgan_tf"):
            load_model(broken)
    foreign = tmp_path / "foreign"
    tf.saved_model.save(tf.Module(), str(foreign))
    with pytest.raises(UserError, match="damaged or no export of srgan_tf"):
        load_model(foreign)
