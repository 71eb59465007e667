import keras
import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.models import VGGFeatures
from srgan_tf.models.losses import (
    VGGLoss,
    adversarial_loss,
    content_loss,
    discriminator_loss,
    total_variation,
)


def pictures(seed: int, size: int = 16) -> np.ndarray:
    return (
        np.random.default_rng(seed).uniform(-1, 1, (2, size, size, 3)).astype("float32")
    )


def test_adversarial_loss_is_minus_log_d():
    logits = np.array([[-3.0], [0.5], [20.0]], np.float32)
    d = 1 / (1 + np.exp(-logits.astype(np.float64)))
    assert float(adversarial_loss(logits)) == pytest.approx(-np.log(d).mean(), rel=1e-6)


def test_adversarial_loss_keeps_its_gradient_where_d_is_sure():
    logits = tf.constant([[-100.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = adversarial_loss(logits)
    assert float(tape.gradient(loss, logits)[0, 0]) == pytest.approx(-1)


def test_discriminator_loss_is_the_two_log_likelihoods():
    hr, sr = np.array([[2.0], [-1.0]], np.float32), np.array([[0.3], [4.0]], np.float32)
    probability = [1 / (1 + np.exp(-x.astype(np.float64))) for x in (hr, sr)]
    expected = -np.log(probability[0]).mean() - np.log(1 - probability[1]).mean()
    assert float(discriminator_loss(hr, sr)) == pytest.approx(expected, rel=1e-6)


def test_vgg_loss_equals_a_computation_by_hand():
    features = VGGFeatures("2,2", weights=None)
    hr, sr = pictures(1), pictures(2)
    mean_bgr = np.array([103.939, 116.779, 123.68], np.float32)
    maps = [
        np.asarray(features.model((x[..., ::-1] + 1) * 127.5 - mean_bgr)) / 12.75
        for x in (hr, sr)
    ]
    expected = ((maps[0] - maps[1]) ** 2).mean()
    assert float(VGGLoss(features)(hr, sr)) == pytest.approx(expected, rel=1e-4)


def test_vgg_loss_on_real_weights_has_a_gradient_with_respect_to_sr(shared_data):
    path = str(shared_data / "vgg19" / "vgg19_blocks1-3.h5")
    loss = content_loss("vgg22,vgg34", path)
    hr, sr = tf.constant(pictures(1)), tf.constant(pictures(2))
    with tf.GradientTape() as tape:
        tape.watch(sr)
        value = loss(hr, sr)
    gradient = tape.gradient(value, sr)
    assert float(tf.reduce_min(tf.norm(gradient, axis=(1, 2)))) > 0
    better = loss(hr, sr - 1e-4 * gradient / tf.norm(gradient))
    assert float(better) < float(value)


@pytest.mark.parametrize("name", ["mse", "mae", "vgg22"])
def test_every_content_loss_is_zero_on_equal_pictures_and_has_a_gradient(name):
    loss = content_loss(name, vgg_weights=None)
    hr, sr = tf.constant(pictures(1)), tf.constant(pictures(2))
    assert float(loss(hr, hr)) == 0
    with tf.GradientTape() as tape:
        tape.watch(sr)
        value = loss(hr, sr)
    assert float(tf.reduce_max(tf.abs(tape.gradient(value, sr)))) > 0


def test_maps_of_a_sum_are_added():
    hr, sr = pictures(1), pictures(2)
    both = content_loss("vgg12,vgg22", vgg_weights=None)
    values = [
        np.mean((np.asarray(a) - np.asarray(b)) ** 2)
        for a, b in zip(both.features(hr), both.features(sr))
    ]
    assert float(both(hr, sr)) == pytest.approx(sum(values), rel=1e-4)


def test_total_variation_equals_tensorflows():
    sr = tf.constant(pictures(3))
    np.testing.assert_allclose(
        total_variation(sr), tf.image.total_variation(sr), rtol=1e-5
    )
    plain = content_loss("vgg12", vgg_weights=None)
    weighted = VGGLoss(plain.features, total_variation=0.5)
    extra = float(weighted(pictures(1), sr)) - float(plain(pictures(1), sr))
    assert extra == pytest.approx(0.5 * np.mean(total_variation(sr)), rel=1e-3)


def test_colour_weighs_the_distance_of_8x8_means_alone():
    hr = pictures(1)
    shift = np.full_like(hr, 0.1)
    checkers = 0.1 * (-1.0) ** np.add.outer(np.arange(16), np.arange(16))
    plain = content_loss("vgg12", vgg_weights=None)
    weighted = VGGLoss(plain.features, colour=50.0)
    for change, expected in ((shift, 50 * 0.1**2), (checkers[..., None], 0.0)):
        sr = (hr + change).astype(np.float32)
        extra = float(weighted(hr, sr)) - float(plain(hr, sr))
        assert extra == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="Unknown content loss 'l3'"):
        content_loss("l3")


def test_vgg_loss_survives_serialisation():
    loss = content_loss("vgg12", vgg_weights=None, total_variation=0.1, colour=2.0)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )
    assert again.features.maps == ["1,2"]
    assert (again.total_variation, again.colour) == (0.1, 2.0)
