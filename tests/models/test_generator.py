import keras
import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.models import Generator
from srgan_tf.models.generator import ICNR, pixel_shuffle


@pytest.mark.parametrize(
    ("scale", "parameters"), [(2, 1_404_995), (4, 1_552_771), (8, 1_700_547)]
)
def test_parameter_counts_are_the_papers(scale, parameters):
    assert Generator(scale=scale).count_params() == parameters


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("size", [(1, 1), (5, 7), (16, 9)])
def test_any_size_in_scaled_size_out_within_the_range(scale, size):
    generator = Generator(scale=scale, num_blocks=1, filters=4)
    lr = np.random.default_rng(0).random((2, *size, 3), np.float32)
    sr = np.asarray(generator(lr))
    assert sr.shape == (2, scale * size[0], scale * size[1], 3)
    assert np.abs(sr).max() <= 1


def test_scale_is_checked():
    with pytest.raises(ValueError, match="scale must be one of"):
        Generator(scale=3)


def test_prelu_has_one_slope_per_channel_starting_at_a_quarter():
    generator = Generator(num_blocks=1, filters=4)
    slopes = [w for w in generator.trainable_variables if "alpha" in w.name]
    assert [tuple(w.shape) for w in slopes] == [(1, 1, 4)] * 4
    assert all(np.all(np.asarray(w) == 0.25) for w in slopes)


def test_batch_norm_is_fixed_at_inference_and_follows_the_batch_in_training():
    generator = Generator(num_blocks=1, filters=4)
    lr = np.random.default_rng(0).random((4, 8, 8, 3), np.float32)
    together = np.asarray(generator(lr))
    alone = np.concatenate([np.asarray(generator(lr[i : i + 1])) for i in range(4)])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    before = [np.asarray(w).copy() for w in generator.non_trainable_variables]
    generator(lr, training=False)
    for old, new in zip(before, generator.non_trainable_variables):
        np.testing.assert_array_equal(old, new)
    generator(lr, training=True)
    changed = [
        not np.array_equal(old, new)
        for old, new in zip(before, generator.non_trainable_variables)
    ]
    assert all(changed)


def test_keras_file_gives_the_same_generator_back(tmp_path):
    generator = Generator(scale=2, num_blocks=2, filters=4)
    generator.save(tmp_path / "g.keras")
    again = keras.saving.load_model(tmp_path / "g.keras")
    lr = np.random.default_rng(0).random((1, 6, 5, 3), np.float32)
    np.testing.assert_array_equal(generator(lr), again(lr))
    assert again.get_config() == generator.get_config()


def test_output_is_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    sr = Generator(num_blocks=1, filters=4)(np.zeros((1, 4, 4, 3), np.float32))
    assert sr.dtype == "float32"


def test_an_untrained_upsampling_shows_no_checkerboard():
    kernel = np.asarray(ICNR(2)((3, 3, 4, 16)))
    x = keras.ops.nn.conv(np.ones((1, 6, 6, 4), "float32"), kernel, padding="same")
    pixels = np.asarray(pixel_shuffle(x, 2))[0]
    blocks = pixels.reshape(6, 2, 6, 2, 4)
    np.testing.assert_allclose(
        blocks, np.broadcast_to(blocks[:, :1, :, :1], (6, 2, 6, 2, 4))
    )


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_nothing_beyond_the_receptive_radius_counts(scale):
    generator = Generator(scale=scale, num_blocks=1, filters=4)
    radius = generator.receptive_radius
    lr = np.random.default_rng(0).random((1, 2 * radius + 5, 3, 3), np.float32)
    changed = lr.copy()
    changed[:, 0] = 1 - changed[:, 0]
    difference = np.abs(np.asarray(generator(lr)) - np.asarray(generator(changed)))
    reached = np.flatnonzero(difference.max(axis=(0, 2, 3)))
    assert 0 < reached.max() < scale * (radius + 1)


def test_pixel_shuffle_is_the_same_with_and_without_keras_op(monkeypatch):
    x = np.random.default_rng(0).random((2, 3, 5, 16), np.float32)
    expected = np.asarray(tf.nn.depth_to_space(x, 2))
    np.testing.assert_array_equal(pixel_shuffle(x, 2), expected)
    monkeypatch.delattr(keras.ops, "depth_to_space", raising=False)
    np.testing.assert_array_equal(pixel_shuffle(x, 2), expected)


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_forbid_checkerboard_leaves_nothing_at_the_shuffles_periods(scale):
    generator = Generator(scale=scale, num_blocks=1, filters=4)
    for layer in (block.conv for block in generator.upsample):
        # Of all sub-pixels one is brighter: a checkerboard at every stage.
        layer.bias.assign(np.eye(4)[0].repeat(4))

    def spread(sr):
        inner = sr[0, 12 * scale : 13 * scale, 12 * scale : 13 * scale]
        return np.ptp(inner, axis=(0, 1)).max()

    lr = np.full((1, 25, 25, 3), 0.5, "float32")
    assert spread(np.asarray(generator(lr))) > 0.01
    generator.forbid_checkerboard()
    assert spread(np.asarray(generator(lr))) < 1e-5
