import keras
import numpy as np

from srgan_tf.models import Discriminator


def test_size_is_the_papers():
    assert 23.5e6 < Discriminator(96).count_params() < 23.7e6


def test_logits_for_each_picture_unbounded_and_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    discriminator = Discriminator(crop_size=40, filters=4, dense_units=8)
    images = np.random.default_rng(0).uniform(-1, 1, (5, 40, 40, 3))
    logits = discriminator(images.astype("float32"))
    assert tuple(logits.shape) == (5, 1)
    assert logits.dtype == "float32"
    assert np.asarray(logits).min() < 0 or np.asarray(logits).max() > 1


def test_layers_are_those_of_figure_4():
    discriminator = Discriminator()
    assert [c.filters for c in discriminator.convs] == [
        64, 64, 128, 128, 256, 256, 512, 512,
    ]  # fmt: skip
    assert [c.strides[0] for c in discriminator.convs] == [1, 2] * 4
    assert len(discriminator.norms) == 7


def test_keras_file_gives_the_same_discriminator_back(tmp_path):
    discriminator = Discriminator(crop_size=32, filters=4, dense_units=8)
    discriminator.save(tmp_path / "d.keras")
    again = keras.saving.load_model(tmp_path / "d.keras")
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(discriminator(images), again(images))


def test_without_a_crop_size_crops_are_of_any_size():
    discriminator = Discriminator(crop_size=None, filters=4, dense_units=8)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 48, 32, 3)).astype("float32")
    assert tuple(discriminator(images).shape) == (2, 1)
    assert discriminator.dense.kernel.shape == (8 * 4, 8)
