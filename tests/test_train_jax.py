"""The JAX script trains as the TensorFlow code does; TensorFlow loads its result."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import REPOSITORY, smooth_photo
from PIL import Image

if importlib.util.find_spec("jax") is None:
    pytest.skip("NOT TESTED: jax is not installed", allow_module_level=True)

import keras

from srgan_tf import SRGAN, Discriminator, Generator, load_generator
from srgan_tf.data.imresize import imresize
from srgan_tf.losses import content_loss

RELEASE = REPOSITORY / "experiments" / "release"


def run_jax(*arguments) -> str:
    """Runs Python on the JAX backend; returns what it printed."""
    path = os.pathsep.join(map(str, (REPOSITORY, RELEASE)))
    found = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            "PYTHONPATH": path,
        },
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert found.returncode == 0, found.stderr[-3000:]
    return found.stdout


STEP = """
import sys
import jax
import numpy as np
from jax_steps import Trainer, exact_imresize, lr_is_exact
from srgan_tf.losses import content_loss
from srgan_tf.models import Discriminator
from srgan_tf.pretrained import load_discriminator_weights, load_generator

folder, name, vgg = sys.argv[1:]
data = np.load(folder + "/data.npz")
discriminator = Discriminator(32, 4, 8)
load_discriminator_weights(discriminator, folder + "/d.weights.h5")
trainer = Trainer(
    load_generator(folder + "/g.weights.h5"),
    content_loss(name, vgg),
    discriminator=discriminator,
    adversarial_weight=0.5,
    crop_size=32,
    floor_rate=1e-4,
)
state, logs = trainer.first_state(), []
for _ in range(2):
    state, values = jax.jit(trainer.step)(state, data["lr"], data["hr"], 0.0)
    logs.append({name: float(value) for name, value in values.items()})
assert "tensorflow" not in sys.modules
assert lr_is_exact(data["photo"], 4)
small = {f"x{s}": exact_imresize(data["photo"], 1 / s) for s in (2, 4)}
flat = {f"{i}/{name}": v for i, row in enumerate(logs) for name, v in row.items()}
stats = {f"s{i}": v for i, v in enumerate([*state["g_stats"], *state["d_stats"]])}
np.savez(folder + "/jax.npz", **flat, **small, **stats)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mse", "vgg22"])
def test_two_steps_equal_those_on_tensorflow(tmp_path, name):
    rng = np.random.default_rng(0)
    vgg = tmp_path / "vgg19.h5"
    save_vgg(vgg)
    model = SRGAN(Generator(num_blocks=1, filters=4), Discriminator(32, 4, 8))
    model.generator.save_weights(tmp_path / "g.weights.h5")
    model.discriminator.save_weights(tmp_path / "d.weights.h5")
    model.compile(content_loss=content_loss(name, str(vgg)), adversarial_weight=0.5)
    hr = np.stack([smooth_photo(i, 32, 32) for i in range(3)]) / 127.5 - 1
    lr = rng.random((3, 8, 8, 3), np.float32)
    photo = rng.integers(0, 256, (1, 40, 56, 3), np.uint8)
    np.savez(tmp_path / "data.npz", lr=lr, hr=hr.astype("float32"), photo=photo)
    expected = []
    for _ in range(2):
        model.reset_metrics()
        expected.append(
            model.train_on_batch(lr, hr.astype("float32"), return_dict=True)
        )

    run_jax("-c", STEP, tmp_path, name, vgg)
    found = np.load(tmp_path / "jax.npz")
    for i, logs in enumerate(expected):
        for key, value in logs.items():
            assert found[f"{i}/{key}"] == pytest.approx(value, rel=1e-3), (i, key)
    statistics = [
        *model.generator.non_trainable_variables,
        *model.discriminator.non_trainable_variables,
    ]
    for i, variable in enumerate(statistics):
        np.testing.assert_allclose(found[f"s{i}"], variable, rtol=2e-3, atol=1e-5)
    for scale in (2, 4):
        np.testing.assert_array_equal(found[f"x{scale}"], imresize(photo, 1 / scale))


def save_vgg(path) -> None:
    """Writes random VGG19 weights of two blocks in the layout of Keras' own file."""
    import h5py

    vgg = keras.applications.VGG19(include_top=False, weights=None)
    with h5py.File(path, "w") as file:
        layers = [x for x in vgg.layers if x.weights and x.name < "block3"]
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.0"
        for layer in layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{n}:0" for n in ("kernel", "bias")]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.get_weights()):
                group[name] = weight


def test_crops_are_parts_of_the_photos_with_a_replicated_border():
    check = """
import jax, numpy as np
from jax_steps import Photos, draw_crops
sizes = [(20, 30), (16, 17), (25, 16)]
photos = [np.zeros((h, w, 3), np.uint8) for h, w in sizes]
for i, photo in enumerate(photos):
    photo[..., 0] = i
    photo[..., 1] = np.arange(photo.shape[0])[:, None]
    photo[..., 2] = np.arange(photo.shape[1])
crops = np.asarray(draw_crops(Photos.put(photos), jax.random.key(0), 6, 16, 8))
assert crops.shape == (6, 32, 32, 3)
assert sorted(crops[:, 0, 0, 0]) == [0, 0, 1, 1, 2, 2]
for crop in crops.astype(int):
    height, width = sizes[crop[0, 0, 0]]
    if np.any(np.diff(crop[..., 1], axis=1)):
        crop = crop.swapaxes(0, 1)
    for k, length in ((1, height), (2, width)):
        line = crop[:, 0, 1] if k == 1 else crop[0, :, 2]
        line = line if line[-1] > line[0] else line[::-1]
        start = line[8]
        expected = np.clip(np.arange(start - 8, start + 24), 0, length - 1)
        np.testing.assert_array_equal(line, expected)
"""
    run_jax("-c", check)


@pytest.mark.slow
def test_both_stages_in_pieces_give_a_generator_for_tensorflow(tmp_path, photo_folder):
    valid = tmp_path / "valid"
    valid.mkdir()
    Image.fromarray(smooth_photo(9, 49, 42)).save(valid / "a.png")
    script = RELEASE / "train_jax.py"
    common = (
        f"--photos={photo_folder}", f"--valid={valid}", "--crop_size=32",
        "--batch_size=2", "--steps_per_call=2", "--valid_every=2", "--filters=4",
        "--num_blocks=1", "--dense_units=8", "--learning_rate=1e-3",
    )  # fmt: skip

    def stage(name, out, *flags):
        out = tmp_path / out
        printed = run_jax(script, f"--stage={name}", f"--out={out}", *common, *flags)
        return out, printed

    whole, _ = stage("pretrain", "whole", "--steps=4", "--mae_from=0.5")
    stage("pretrain", "parts", "--steps=2", "--mae_from=1")
    first = f"--resume={tmp_path / 'parts'}"
    parts, printed = stage("pretrain", "more", "--steps=4", "--mae_from=0.5", first)
    assert "Continuing at step 2 of 4" in printed
    rows = (parts / "metrics_pretrain.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", "2", "4"]
    assert sum(1 for _ in whole.iterdir()) <= 8

    init = f"--init={parts / 'srresnet.weights.h5'}"
    flags = ("--content_loss=mse", init)
    stage("gan", "gan", "--steps=2", *flags)
    gan, printed = stage("gan", "gan", "--steps=4", *flags)
    assert "Continuing at step 2 of 4" in printed
    lr = np.random.default_rng(0).random((1, 6, 7, 3), np.float32)
    results = []
    for path in (parts / "srresnet.weights.h5", gan / "srgan.weights.h5"):
        results.append(np.asarray(load_generator(path)(lr)))
        assert np.isfinite(results[-1]).all()
    assert not np.array_equal(*results)


def test_packing_keeps_to_its_budget_and_takes_from_every_source(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for source, count in (("a", 5), ("b", 1)):
        for i in range(count):
            picture = Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8))
            picture.save(photos / f"{source}_{i}.png")
    run_jax(
        RELEASE / "pack_photos.py",
        f"--photos={photos}",
        f"--valid={photos}",
        f"--out={tmp_path / 'out'}",
        "--max_mib=0.02",
        "--valid_side=40",
    )
    packed = list((tmp_path / "out" / "photos").iterdir())
    assert {path.name.split("_")[0] for path in packed} == {"a", "b"}
    assert sum(path.stat().st_size for path in packed) <= 0.02 * 2**20
    assert {Image.open(p).size for p in (tmp_path / "out/valid").iterdir()} == {
        (40, 40)
    }
