"""The models as Keras' own callbacks, files and functions meet them."""

import io
import os
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from samples import REPOSITORY, by_network, trained_like

import srgan_tf
from srgan_tf import SRGAN, Discriminator, Generator
from srgan_tf.errors import UserError
from srgan_tf.inference.loading import load_model
from srgan_tf.models.losses import content_loss
from srgan_tf.models.pretrained import load_generator
from srgan_tf.pictures.metrics import luma_metrics

CALLBACKS = keras.callbacks


def pairs(count=4, side=4, channels=3, scale=4, seed=0):
    rng = np.random.default_rng(seed)
    lr = rng.random((count, side, side, channels), np.float32)
    size = (count, scale * side, scale * side, channels)
    return lr, rng.uniform(-1, 1, size).astype("float32")


def small(channels=3, **compile_arguments) -> SRGAN:
    model = SRGAN(
        Generator(num_blocks=1, filters=4, channels=channels),
        Discriminator(16, filters=4, dense_units=8, channels=channels),
    )
    model.compile(**{"content_loss": content_loss("mse"), **compile_arguments})
    return model


def arrays(variables):
    return [np.array(variable) for variable in variables]


def assert_equal(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


# ---- files


def test_a_file_holds_all_and_training_goes_on(tmp_path):
    optimizers = {
        "g_optimizer": keras.optimizers.Adam(1e-3, use_ema=True, ema_momentum=0.5),
        "d_optimizer": keras.optimizers.Adam(2e-3, beta_1=0.5),
    }
    model = small(adversarial_weight=0.5, **optimizers)
    for _ in range(3):
        model.train_on_batch(*pairs())
    model.save(tmp_path / "x.keras")
    again = keras.models.load_model(tmp_path / "x.keras")
    assert isinstance(again, SRGAN)
    assert again.adversarial_weight == 0.5
    assert float(again.d_optimizer.learning_rate) == pytest.approx(2e-3)
    assert again.d_optimizer.beta_1 == 0.5 and again.g_optimizer.use_ema
    assert int(again.optimizer.iterations) == 3
    for each in (model, again):
        each.train_on_batch(*pairs(seed=1))
    assert_equal(arrays(model.variables), arrays(again.variables))
    assert_equal(arrays(model.optimizer.variables), arrays(again.optimizer.variables))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_a_file_of_mixed_precision(tmp_path, policy):
    keras.config.set_dtype_policy(policy)
    model = small()
    model.train_on_batch(*pairs())
    model.save(tmp_path / "x.keras")
    again = keras.models.load_model(tmp_path / "x.keras")
    assert again.generator.dtype_policy.name == policy
    for each in (model, again):
        each.train_on_batch(*pairs())
    assert_equal(arrays(model.generator.weights), arrays(again.generator.weights))


def test_a_vgg_loss_is_saved_by_name_without_its_weights(tmp_path):
    model = small(content_loss=content_loss("vgg22", vgg_weights=None))
    model.save(tmp_path / "x.keras")
    with zipfile.ZipFile(tmp_path / "x.keras") as file:
        weights = io.BytesIO(file.read("model.weights.h5"))
    names: list[str] = []
    h5py.File(weights).visit(names.append)
    assert any("generator" in name for name in names)
    assert not any("features" in name for name in names)
    again = keras.models.load_model(tmp_path / "x.keras")
    assert again.content_loss.features.maps == ["2,2"]


def test_without_compile_it_is_for_inference(tmp_path):
    model = small()
    model.save(tmp_path / "x.keras")
    again = keras.models.load_model(tmp_path / "x.keras", compile=False)
    lr, _ = pairs()
    np.testing.assert_array_equal(model(lr), again(lr))


def test_frozen_layers_stay_frozen(tmp_path, recwarn):
    generator = trained_like()
    generator.freeze_batch_norm()
    generator.compile("adam", "mse")
    generator.train_on_batch(*pairs())
    generator.save(tmp_path / "g.keras")
    again = keras.models.load_model(tmp_path / "g.keras")
    assert not any("Skipping" in str(warning.message) for warning in recwarn)
    for each in (generator, again):
        each.train_on_batch(*pairs(seed=1))
    assert_equal(arrays(generator.weights), arrays(again.weights))


def test_export_gives_the_generator(tmp_path):
    model = small()
    model.train_on_batch(*pairs())
    model.export(tmp_path / "x", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "x"))
    lr = pairs(2, 5)[0][:, :3]
    np.testing.assert_allclose(served.serve(lr), model(lr), atol=1e-5)


def test_a_generator_that_was_never_called_is_exported(tmp_path):
    generator = trained_like()
    generator.export(tmp_path / "x", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "x"))
    lr, _ = pairs(1, 6)
    np.testing.assert_allclose(served.serve(lr), generator(lr), atol=1e-5)


def test_files_of_rgb_generators_are_as_they_always_were():
    assert "channels" not in Generator(num_blocks=1, filters=4).get_config()
    assert "channels" not in Discriminator(16, 4, 8).get_config()


@pytest.mark.parametrize(
    "first",
    ["srgan_tf, keras", "keras, srgan_tf", "srgan_tf, tensorflow, keras"],
)
def test_import_srgan_tf_is_enough_for_load_model(tmp_path, first):
    trained_like().save(tmp_path / "g.keras")
    small().save(tmp_path / "x.keras")
    code = f"import {first}\nfor name in ('g', 'x'):\n"
    code += "    print(type(keras.models.load_model(name + '.keras')).__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["Generator", "SRGAN"], done.stderr


def test_a_generator_compiled_with_our_metrics_is_loaded_with_them(tmp_path):
    generator = trained_like()
    generator.compile("adam", "mae", metrics=luma_metrics(4))
    generator.train_on_batch(*pairs(side=8))
    measured = generator.evaluate(*pairs(side=8), verbose=0, return_dict=True)
    generator.save(tmp_path / "g.keras")
    again = keras.models.load_model(tmp_path / "g.keras")
    assert {"psnr", "ssim"} < set(measured)
    assert again.evaluate(*pairs(side=8), verbose=0, return_dict=True) == measured


# ---- callbacks in `fit`


def test_model_checkpoint_keeps_the_best(tmp_path):
    model = small()
    path = tmp_path / "best.keras"
    keep = CALLBACKS.ModelCheckpoint(
        path, monitor="val_psnr", mode="max", save_best_only=True
    )
    history = model.fit(
        *pairs(), epochs=3, verbose=0, validation_data=pairs(1, 8), callbacks=[keep]
    ).history
    best = keras.models.load_model(path)
    logs = best.evaluate(*pairs(1, 8), verbose=0, return_dict=True)
    assert logs["psnr"] == pytest.approx(max(history["val_psnr"]), abs=1e-3)


def test_a_plateau_lowers_both_rates():
    rates = {
        "g_optimizer": keras.optimizers.Adam(1e-3),
        "d_optimizer": keras.optimizers.Adam(4e-3),
    }
    model = small(**rates)
    reduce = CALLBACKS.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
    history = model.fit(*pairs(), epochs=3, verbose=0, callbacks=[reduce]).history
    assert history["learning_rate"] == pytest.approx([1e-3, 1e-3, 5e-4])
    assert float(model.g_optimizer.learning_rate) == pytest.approx(2.5e-4)
    assert float(model.d_optimizer.learning_rate) == pytest.approx(1e-3)


def test_a_scheduler_sets_both_rates():
    model = small()
    steps = CALLBACKS.LearningRateScheduler(lambda epoch, rate: [1e-3, 1e-4][epoch])
    history = model.fit(*pairs(), epochs=2, verbose=0, callbacks=[steps]).history
    assert history["learning_rate"] == pytest.approx([1e-3, 1e-4])
    for optimizer in (model.g_optimizer, model.d_optimizer):
        assert float(optimizer.learning_rate) == pytest.approx(1e-4)


def test_a_rate_of_zero_can_be_left_again():
    model = small(g_optimizer=keras.optimizers.Adam(0.0))
    model.optimizer.learning_rate = 1e-3
    assert float(model.d_optimizer.learning_rate) == pytest.approx(1e-3)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_swapped_averages_are_validated_and_stay_at_the_end(policy):
    keras.config.set_dtype_policy(policy)
    model = small(
        g_optimizer=keras.optimizers.Adam(1e-2, use_ema=True, ema_momentum=0.9)
    )
    model.fit(
        *pairs(),
        batch_size=2,
        epochs=2,
        verbose=0,
        validation_data=pairs(1, 8),
        callbacks=[CALLBACKS.SwapEMAWeights()],
    )
    averages = model.optimizer.inner_optimizer._model_variables_moving_average
    assert_equal(arrays(averages), arrays(model.generator.trainable_variables))


def test_the_other_callbacks_of_keras(tmp_path):
    model = small()
    model.fit(
        *pairs(),
        epochs=2,
        verbose=0,
        validation_data=pairs(1, 8),
        callbacks=[
            CALLBACKS.TensorBoard(
                str(tmp_path / "logs"), histogram_freq=1, update_freq="batch"
            ),
            CALLBACKS.ModelCheckpoint(
                tmp_path / "x.weights.h5", save_weights_only=True, save_freq=1
            ),
            CALLBACKS.BackupAndRestore(str(tmp_path / "backup")),
            CALLBACKS.CSVLogger(tmp_path / "log.csv"),
            CALLBACKS.TerminateOnNaN(),
            CALLBACKS.EarlyStopping("val_psnr", mode="max", restore_best_weights=True),
        ],
    )
    assert "val_psnr" in (tmp_path / "log.csv").read_text()
    again = small()
    again.load_weights(tmp_path / "x.weights.h5")
    assert int(again.optimizer.iterations) == 2


# ---- pictures that cannot be meant so

LR, HR = pairs()


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (255 * LR, HR, r"^LR pictures hold 0 to 1, not .* to 25\d.*lr_from_255\.$"),
        (2 * LR - 1, HR, r"^LR pictures hold 0 to 1, not -"),
        (LR, 127.5 * (HR + 1), r"^HR pictures hold -1 to 1, not .*hr_from_255\.$"),
        (LR, HR[:, :12], r"^HR pictures are 4 times as large"),
        (LR[..., :1], HR, r"^LR pictures are \[N, H, W, 3\]"),
        (LR[:, :3], HR[:, :12], r"^The discriminator takes crops of 16x16 HR pixels"),
    ],
)
def test_they_are_told_in_one_line(x, y, message):
    model = small()
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(2)
    calls = [
        lambda: model.fit(x, y, verbose=0),
        lambda: model.fit(data, verbose=0),
        lambda: model.train_on_batch(x, y),
    ]
    if "discriminator" not in message:
        generator = model.generator
        generator.compile("sgd", "mse")
        calls += [
            lambda: generator.fit(data, verbose=0),
            lambda: model.evaluate(data, verbose=0),
            lambda: model.fit(LR, HR, validation_data=data, verbose=0),
        ]
    if "LR" in message[:4]:
        calls.append(lambda: model.predict(x, verbose=0))
    for call in calls:
        with pytest.raises(UserError, match=message) as error:
            call()
        assert "\n" not in str(error.value)


def test_pictures_too_small_to_measure():
    model = small()
    for call in (
        lambda: model.evaluate(LR, HR, verbose=0),
        lambda: model.fit(LR, HR, validation_data=(LR, HR), verbose=0),
    ):
        with pytest.raises(UserError, match="are measured from 19 pixels each way on"):
            call()


# ---- other channels


@pytest.mark.parametrize("channels", [1, 4])
def test_gray_and_four_channels(tmp_path, channels):
    model = small(channels)
    lr, hr = pairs(channels=channels)
    logs = model.fit(lr, hr, verbose=0, validation_data=pairs(1, 8, channels)).history
    assert logs["val_psnr"][0] > 0
    model.save(tmp_path / "x.keras")
    again = keras.models.load_model(tmp_path / "x.keras").generator
    model.generator.save_weights(tmp_path / "g.weights.h5")
    for generator in (again, load_generator(tmp_path / "g.weights.h5")):
        np.testing.assert_array_equal(generator(lr), model.generator(lr))
    photo = np.random.default_rng(0).integers(0, 256, (20, 30, channels), np.uint8)
    sr = by_network(photo, load_model(again))
    expected = model.generator.predict(photo[None] / np.float32(255), verbose=0)[0]
    np.testing.assert_allclose(sr, (expected + 1) * 127.5, atol=1)
    tiled = srgan_tf.upscale(photo, load_model(again, tile=16, self_ensemble=True))
    assert tiled.shape == (80, 120, channels)


def test_what_needs_rgb_says_so(tmp_path):
    gray = Generator(num_blocks=1, filters=4, channels=1)
    with pytest.raises(UserError, match="the model takes pictures of 1 channels"):
        srgan_tf.upscale(np.zeros((8, 8, 3), np.uint8), gray)
    with pytest.raises(UserError, match="Exports take RGB"):
        srgan_tf.export(gray, tmp_path / "x")
    with pytest.raises(UserError, match="--fast is for generators of RGB"):
        load_model(gray, fast=True)
    with pytest.raises(UserError, match="VGG19 sees RGB"):
        small(1, content_loss=content_loss("vgg22", vgg_weights=None))
    with pytest.raises(UserError, match="channels, the discriminator takes 3"):
        SRGAN(gray, Discriminator(16, 4, 8))


# ---- another Keras

ELSEWHERE = """
import numpy as np
import srgan_tf, keras
from srgan_tf.models.losses import content_loss
from srgan_tf.options import TrainOptions
from srgan_tf.training.train import train

generator = srgan_tf.load_generator("g.keras")
lr = np.load("lr.npy")
sr = np.asarray(generator(lr))
np.save("sr.npy", sr)
vgg = content_loss("vgg22", None)(sr, sr * 0.5)
print(keras.config.backend(), float(vgg) > 0, float(content_loss("mse")(sr, sr)))
model = srgan_tf.load_model(generator, precision="float32")
np.save("upscaled.npy", srgan_tf.upscale(np.load("photo.npy"), model))
model = srgan_tf.SRGAN(generator, srgan_tf.Discriminator(16, 4, 8))
model.compile(content_loss=content_loss("mse"))
for work in (lambda: model.fit(lr), lambda: train(TrainOptions(run_dir="run"))):
    try:
        work()
    except srgan_tf.UserError as error:
        print(error)
"""


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_on_another_backend_all_but_training_works(tmp_path, backend):
    pytest.importorskip("jax", reason="NOT TESTED: Keras takes jax for both")
    generator = trained_like()
    generator.save(tmp_path / "g.keras")
    lr, _ = pairs()
    photo = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    np.save(tmp_path / "lr.npy", lr)
    np.save(tmp_path / "photo.npy", photo)
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "KERAS_BACKEND": backend,
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{backend} True 0.0",
        f"SRGAN trains on TensorFlow only, and Keras runs on {backend} here: set "
        "KERAS_BACKEND=tensorflow.",
        f"train needs Keras on TensorFlow, and it runs on {backend}: set "
        "KERAS_BACKEND=tensorflow.",
    ]
    np.testing.assert_allclose(np.load(tmp_path / "sr.npy"), generator(lr), atol=1e-5)
    ours = srgan_tf.upscale(photo, load_model(generator, precision="float32"))
    np.testing.assert_array_equal(np.load(tmp_path / "upscaled.npy"), ours)
    assert not (tmp_path / "run").exists()
