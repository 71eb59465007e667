import keras
import numpy as np
import pytest
import tensorflow as tf

from srgan_tf import SRGAN, Discriminator, Generator
from srgan_tf.models.discriminator import SHIFTS
from srgan_tf.models.losses import content_loss


def pair(count: int = 2, size: int = 16) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    lr = rng.random((count, size // 4, size // 4, 3), np.float32)
    return lr, rng.uniform(-1, 1, (count, size, size, 3)).astype("float32")


def small(**compile_arguments) -> SRGAN:
    model = SRGAN(
        Generator(num_blocks=1, filters=4), Discriminator(16, filters=4, dense_units=8)
    )
    model.compile(content_loss=content_loss("mse"), **compile_arguments)
    return model


def values(variables) -> list[np.ndarray]:
    return [np.asarray(v).copy() for v in variables]


def changed(before, variables) -> list[bool]:
    return [not np.array_equal(old, np.asarray(v)) for old, v in zip(before, variables)]


def frozen() -> keras.optimizers.Optimizer:
    return keras.optimizers.SGD(0.0)


def test_each_network_changes_only_in_its_own_update():
    for kwargs, g_moves, d_moves in (
        ({"d_optimizer": frozen()}, True, False),
        ({"g_optimizer": frozen()}, False, True),
    ):
        model = small(**kwargs)
        g, d = model.generator, model.discriminator
        g_before = values(g.trainable_variables)
        d_before = values(d.trainable_variables)
        model.train_on_batch(*pair())
        assert any(changed(g_before, g.trainable_variables)) == g_moves
        assert any(changed(d_before, d.trainable_variables)) == d_moves


def test_loss_is_content_plus_weighted_adversarial():
    model = small(adversarial_weight=0.5)
    logs = model.train_on_batch(*pair(), return_dict=True)
    assert logs["loss"] == pytest.approx(
        logs["content_loss"] + 0.5 * logs["adversarial_loss"], rel=1e-5
    )


def test_logged_terms_are_those_of_the_equations():
    lr, hr = pair()
    model = small(g_optimizer=frozen(), d_optimizer=frozen())
    sr = model.generator(lr, training=True)
    d_hr = tf.sigmoid(model.discriminator(hr, training=True)).numpy()
    d_sr = tf.sigmoid(model.discriminator(sr, training=True)).numpy()
    logs = model.train_on_batch(lr, hr, return_dict=True)
    assert set(logs) == {
        "loss", "content_loss", "adversarial_loss", "d_loss", "d_hr", "d_sr",
    }  # fmt: skip
    assert logs["content_loss"] == pytest.approx(np.mean((hr - sr) ** 2), rel=1e-4)
    assert logs["adversarial_loss"] == pytest.approx(-np.log(d_sr).mean(), rel=1e-4)
    d_loss = -np.log(d_hr).mean() - np.log(1 - d_sr).mean()
    assert logs["d_loss"] == pytest.approx(d_loss, rel=1e-4)
    assert logs["d_hr"] == pytest.approx(d_hr.mean(), rel=1e-4)
    assert logs["d_sr"] == pytest.approx(d_sr.mean(), rel=1e-4)


def test_the_content_loss_sees_each_picture_at_another_place():
    def of_a_corner(hr, sr):
        return keras.ops.mean(hr[:, 0, 0])

    lr, hr = pair(count=8)
    model = small()
    model.compile(content_loss=of_a_corner, g_optimizer=frozen())
    found = model.train_on_batch(lr, hr, return_dict=True)["content_loss"]
    # On every phase of windows of 8 pixels, along both axes.
    down, right = (-np.array(SHIFTS)).T
    assert sorted(down % 8) == sorted(right % 8) == [*range(8)]
    assert found == pytest.approx(hr[range(8), down, right].mean(), rel=1e-5)


def test_the_adversarial_term_alone_teaches_the_generator():
    lr, hr = pair(4)
    model = small(adversarial_weight=1.0, d_optimizer=frozen())
    model.content_loss = lambda hr, sr: 0.0 * tf.reduce_mean(sr)
    losses = [
        model.train_on_batch(lr, hr, return_dict=True)["adversarial_loss"]
        for _ in range(15)
    ]
    assert losses[-1] < losses[0]


def test_the_discriminator_learns_to_tell_them_apart():
    lr, hr = pair(4)
    model = small(g_optimizer=frozen(), d_optimizer=keras.optimizers.Adam(1e-2))
    logs = [model.train_on_batch(lr, hr, return_dict=True) for _ in range(15)]
    assert logs[-1]["d_hr"] - logs[-1]["d_sr"] > logs[0]["d_hr"] - logs[0]["d_sr"]


def test_fit_with_validation_gives_psnr_and_ssim():
    data = tf.data.Dataset.from_tensors(pair()).repeat(2)
    valid = tf.data.Dataset.from_tensors(pair(1, size=40))
    model = small()
    history = model.fit(data, validation_data=valid, verbose=0, shuffle=False).history
    assert 0 < history["val_psnr"][0] < 60
    assert -1 <= history["val_ssim"][0] <= 1
    assert history["val_content_loss"][0] > 0


def test_validation_leaves_the_model_alone():
    model = small()
    before = values(model.variables)
    model.evaluate(tf.data.Dataset.from_tensors(pair(1, size=40)), verbose=0)
    metrics = {id(v) for m in model.metrics for v in m.variables}
    kept = [(b, v) for b, v in zip(before, model.variables) if id(v) not in metrics]
    assert not any(changed(*zip(*kept)))


def test_saved_weights_hold_both_networks_and_both_optimizers(tmp_path):
    model = small()
    for _ in range(3):
        model.train_on_batch(*pair())
    model.save_weights(tmp_path / "a.weights.h5")
    again = small()
    again.load_weights(tmp_path / "a.weights.h5")
    assert int(again.g_optimizer.iterations) == int(again.d_optimizer.iterations) == 3
    for each in (model, again):
        each.train_on_batch(*pair())
    for ours, theirs in zip(model.variables, again.variables):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_called_it_is_the_generator():
    model = small()
    lr, _ = pair()
    np.testing.assert_array_equal(model(lr), model.generator(lr))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_trains_in_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    model = small()
    before = values(model.generator.trainable_variables)
    for _ in range(2):
        logs = model.train_on_batch(*pair(), return_dict=True)
    assert all(np.isfinite(value) for value in logs.values())
    assert any(changed(before, model.generator.trainable_variables))
