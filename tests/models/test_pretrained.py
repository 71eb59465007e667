"""Generators and discriminators load from every kind of file, or say why not."""

import itertools

import h5py
import keras
import numpy as np
import pytest

from srgan_tf.data.listing import find_photos
from srgan_tf.data.pairs import whole_pair
from srgan_tf.data.photos import read_photo
from srgan_tf.errors import UserError
from srgan_tf.models import Discriminator, Generator, pretrained
from srgan_tf.models.pretrained import (
    load_discriminator_weights,
    load_generator,
    released_models,
)
from srgan_tf.pictures.metrics import psnr, rgb_to_y, shave
from srgan_tf.pictures.ranges import hr_to_255, to_uint8

LR = np.random.default_rng(0).uniform(size=(1, 6, 7, 3)).astype(np.float32)


def generator(scale: int = 4, num_blocks: int = 2, filters: int = 4) -> Generator:
    """A generator none of whose weights has its start value."""
    model = Generator(scale, num_blocks, filters)
    rng = np.random.default_rng(scale)
    model.set_weights([rng.uniform(0.1, 0.5, w.shape) for w in model.get_weights()])
    return model


def save_legacy(model: keras.Model, path) -> None:
    """Writes a model in Keras 2's layout, with a bias in front of each BatchNorm.

    The bias is added to the moving mean, so that the network computes the same.
    """
    layers = itertools.groupby(model.weights, lambda w: w.path.rpartition("/")[0])
    arrays = [[np.array(weight) for weight in weights] for _, weights in layers]
    for conv, norm in itertools.pairwise(arrays):
        if len(conv) == 1 and conv[0].ndim == 4 and len(norm) == 4:
            conv.append(np.linspace(-1, 1, conv[0].shape[-1]))
            norm[2] = norm[2] + conv[1]
    with h5py.File(path, "w") as file:
        names = [f"layer_{i}" for i in range(len(arrays))]
        file.attrs["layer_names"] = [b"input_1", *(name.encode() for name in names)]
        file.create_group("input_1").attrs["weight_names"] = []
        for name, weights in zip(names, arrays):
            group = file.create_group(name)
            keys = [f"{name}/{i}:0" for i in range(len(weights))]
            group.attrs["weight_names"] = [key.encode() for key in keys]
            for key, array in zip(keys, weights):
                group[key] = array


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_our_files_tell_their_size(tmp_path, scale, name):
    model = generator(scale, num_blocks=scale // 2)
    path = tmp_path / name
    (model.save if name.endswith(".keras") else model.save_weights)(path)
    loaded = load_generator(path)
    assert (loaded.scale, loaded.num_blocks, loaded.filters) == (scale, scale // 2, 4)
    np.testing.assert_array_equal(loaded(LR), model(LR))


def test_weights_beside_those_of_an_optimizer(tmp_path):
    model = generator()
    model.compile("adam", "mse")
    model.fit(LR, np.zeros((1, 24, 28, 3)), verbose=0)
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = load_generator(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(loaded(LR), model(LR))


def test_run_folder(tmp_path):
    model = generator()
    model.save(tmp_path / "generator.keras")
    np.testing.assert_array_equal(load_generator(tmp_path)(LR), model(LR))


@pytest.mark.parametrize("scale", [2, 4])
def test_files_of_keras_2(tmp_path, scale):
    model = generator(scale)
    save_legacy(model, tmp_path / "pre_generator.h5")
    loaded = load_generator(tmp_path / "pre_generator.h5")
    assert (loaded.scale, loaded.num_blocks, loaded.filters) == (scale, 2, 4)
    np.testing.assert_allclose(loaded(LR), model(LR), atol=1e-5)


def _text(path):
    path.write_text("not a model")


def _no_layers(path):
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = []


def _cut(path):
    generator().save(path)
    path.write_bytes(path.read_bytes()[:2000])


def _other_network(path):
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(3, 5)])
    (model.save if path.suffix == ".keras" else model.save_weights)(path)


def _other_legacy_network(path):
    save_legacy(Discriminator(32, 4, 8), path)


def _discriminator(path):
    Discriminator(32, 4, 8).save_weights(path)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("text.h5", _text),
        ("text.keras", _text),
        ("cut.keras", _cut),
        ("no_layers.h5", _no_layers),
        ("other.weights.h5", _other_network),
        ("other.keras", _other_network),
        ("other.h5", _other_legacy_network),
        ("discriminator.weights.h5", _discriminator),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, name, make):
    make(tmp_path / name)
    with pytest.raises(UserError, match=name) as info:
        load_generator(tmp_path / name)
    assert "\n" not in str(info.value)


def test_missing_files(tmp_path):
    with pytest.raises(UserError, match="no generator"):
        load_generator(tmp_path)
    with pytest.raises(UserError, match="There is no model"):
        load_generator(tmp_path / "nothing.keras")


def test_discriminators(tmp_path):
    path = tmp_path / "discriminator.weights.h5"
    saved = Discriminator(32, 4, 8)
    saved.save_weights(path)
    loaded = Discriminator(32, 4, 8)
    load_discriminator_weights(loaded, path)
    for ours, theirs in zip(loaded.get_weights(), saved.get_weights()):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(UserError, match="crops of 48 px"):
        load_discriminator_weights(Discriminator(48, 4, 8), path)


def test_discriminators_of_keras_2(tmp_path):
    path = tmp_path / "gan_discriminator.h5"
    saved = Discriminator(32, 4, 8)
    save_legacy(saved, path)
    loaded = Discriminator(32, 4, 8)
    load_discriminator_weights(loaded, path)
    crops = np.linspace(-1, 1, 32 * 32 * 3, dtype=np.float32).reshape(1, 32, 32, 3)
    np.testing.assert_allclose(loaded(crops), saved(crops), atol=1e-5)


def test_a_changed_released_file_is_refused(tmp_path, monkeypatch):
    for name in ("srresnet_x4.weights.h5", "facts.json"):
        whole = (pretrained.WEIGHTS / name).read_bytes()
        (tmp_path / name).write_bytes(whole)
    monkeypatch.setattr(pretrained, "WEIGHTS", tmp_path)
    load_generator("srresnet_x4")
    path = tmp_path / "srresnet_x4.weights.h5"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(UserError, match="is damaged or not ours"):
        load_generator("srresnet_x4")


@pytest.mark.parametrize(("name", "floor"), [("srresnet_x4", 27.5), ("srgan_x4", 25.0)])
def test_released_generators_reach_their_floor_on_bundled_photos(name, floor):
    kinds = {"srresnet_x4", "srgan_x4"}
    photos = {f"{kind}_photo" for kind in kinds}
    others = {"srresnet_x2", "srgan_x2", "srresnet_x8", "srgan_x8", "srresnet_x8_photo"}
    assert set(released_models()) == kinds | photos | others
    generator = load_generator(name)
    assert generator.count_params() == 1_552_771
    scores = []
    for path in find_photos("bundled", "validation"):
        lr, hr = whole_pair(read_photo(path)[128:384, 128:384], 4)
        sr = to_uint8(generator(lr)).astype(float)
        luma = (shave(rgb_to_y(x), 4) for x in (hr_to_255(hr), sr))
        scores.append(float(psnr(*luma)[0]))
    assert np.mean(scores) > floor
