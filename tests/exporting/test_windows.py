"""Large pictures in graphs: windows give the whole picture, and take its turn."""

import numpy as np
import pytest
import tensorflow as tf
from samples import keras_8bit, levels_apart, smooth_photo, trained_like

from srgan_tf.exporting import saved_model
from srgan_tf.exporting.export import export
from srgan_tf.exporting.windows import in_windows
from srgan_tf.inference.exported import Info


@pytest.mark.parametrize("size", [(1, 1), (7, 30), (31, 8), (33, 47)])
def test_windows_are_exact_where_the_context_is_whole(size):
    kernel = np.random.default_rng(0).random((5, 5, 3, 12), np.float32)

    def enlarge(x):
        return tf.nn.depth_to_space(tf.nn.conv2d(x, kernel, 1, "SAME"), 2)

    x = tf.random.uniform((2, *size, 3))
    for halo, same in ((2, True), (1, False)):
        cut = in_windows(enlarge, scale=2, part=8, halo=halo)
        apart = tf.reduce_max(tf.abs(tf.function(cut)(x) - enlarge(x)))
        assert (float(apart) < 1e-5) == (same or max(size) <= 8)


def test_a_saved_model_of_many_windows(tmp_path, monkeypatch):
    monkeypatch.setattr(saved_model, "PART", 16)
    generator = trained_like(filters=8)
    export(generator, tmp_path / "m")
    serve = tf.saved_model.load(tmp_path / "m").signatures
    pictures = np.stack([smooth_photo(seed, 41, 57) for seed in range(2)])
    exact = keras_8bit(generator, pictures)
    sr = serve["serving_default"](images=tf.constant(pictures))["sr"]
    assert levels_apart(sr, exact).max() <= 1
    png = tf.io.encode_png(pictures[0])
    (sr,) = serve["serving_bytes"](image_bytes=png[None])["sr_bytes"]
    assert levels_apart(tf.io.decode_png(sr), exact[0]).max() <= 1


def test_a_smaller_context_would_show(tmp_path, monkeypatch):
    monkeypatch.setattr(saved_model, "PART", 16)
    generator = trained_like(filters=8)
    info = Info(generator.scale, generator.receptive_radius)
    monkeypatch.setattr(type(generator), "receptive_radius", property(lambda _: 2))
    saved_model.write_saved_model(generator, tmp_path / "m", info)
    serve = tf.saved_model.load(tmp_path / "m").signatures["serving_default"]
    picture = np.random.default_rng(0).integers(0, 256, (1, 40, 40, 3), np.uint8)
    sr = serve(images=tf.constant(picture))["sr"]
    assert levels_apart(sr, keras_8bit(generator, picture)).max() > 1
