"""The compiled generator against the plain one, whole and in tiles."""

import keras
import numpy as np
import pytest
import skimage.data
from samples import in_tiles, levels_apart, lr_noise, trained_like

from srgan_tf.inference.compiled import CompiledGenerator
from srgan_tf.models.pretrained import load_generator
from srgan_tf.pictures.ranges import lr_from_255, to_uint8


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_compiled_equals_keras(scale):
    generator = trained_like(scale)
    lr = lr_noise(13, 9)
    expected = keras.ops.convert_to_numpy(generator(lr[None]))[0]
    assert expected.std() > 0.05
    np.testing.assert_allclose(CompiledGenerator(generator)(lr), expected, atol=1e-5)


def test_slopes_above_one_are_not_a_maximum():
    generator = trained_like()
    generator.head_prelu.alpha.assign(np.full((1, 1, 4), 1.5, np.float32))
    lr = lr_noise(6, 6)
    expected = keras.ops.convert_to_numpy(generator(lr[None]))[0]
    np.testing.assert_allclose(CompiledGenerator(generator)(lr), expected, atol=1e-5)


def test_a_box_is_cut_from_the_whole():
    compiled = CompiledGenerator(trained_like())
    lr = lr_noise(9, 14)
    part = compiled(lr, (2, 5, 3, 11))
    np.testing.assert_allclose(part, compiled(lr)[8:20, 12:44], atol=1e-5)


@pytest.mark.parametrize("tile", [5, 16, 23, 64, 1000])
@pytest.mark.parametrize("size", [(1, 1), (1, 70), (41, 67), (83, 30)])
def test_tiles_equal_the_whole(size, tile, monkeypatch):
    monkeypatch.setattr("srgan_tf.inference.compiled.UPSAMPLING_TILE", 20)
    generator = trained_like(num_blocks=2)
    compiled = CompiledGenerator(generator, tile=tile)
    lr = lr_noise(*size)
    whole = keras.ops.convert_to_numpy(generator(lr[None]))[0]
    np.testing.assert_allclose(in_tiles(compiled, lr), whole, atol=1e-5)


def test_a_smaller_halo_would_show():
    compiled = CompiledGenerator(trained_like(num_blocks=2), tile=20)
    lr = lr_noise(60, 60)
    exact = in_tiles(compiled, lr)
    compiled.radius = 4
    assert np.abs(in_tiles(compiled, lr) - exact).max() > 1e-4


def test_default_tile_shrinks_with_wide_networks():
    narrow = CompiledGenerator(trained_like(filters=4)).tile
    wide = CompiledGenerator(trained_like(filters=32)).tile
    assert 128 <= wide < narrow


@pytest.mark.parametrize("name", ["srresnet_x4", "srgan_x4"])
def test_bfloat16_changes_few_levels(name):
    generator = load_generator(name)
    lr = lr_from_255(skimage.data.chelsea()[60:180:2, 80:240:2]).astype(np.float32)
    exact = CompiledGenerator(generator)(lr)
    half = CompiledGenerator(generator, precision="mixed_bfloat16")(lr)
    assert half.dtype == np.float32
    assert 0 < np.mean((127.5 * (half - exact)) ** 2) < 0.35
    assert np.mean(levels_apart(to_uint8(half), to_uint8(exact)) <= 1) > 0.98


@pytest.mark.parametrize("options", [{"precision": "mixed_bfloat16"}, {"fast": True}])
@pytest.mark.parametrize("tile", [16, 40])
def test_rounding_does_not_show_the_tiles(options, tile):
    """What is in the other half of the picture changes nothing."""
    generator = trained_like(num_blocks=2, filters=16)
    lr = lr_noise(40, 90)
    lr[:, :45] = np.linspace(0.3, 0.5, 45, dtype=np.float32)[:, None]
    model = CompiledGenerator(generator, **options)
    whole = to_uint8(model(lr))
    smooth_alone = to_uint8(model(lr[:, :45]))[:, : 4 * (45 - model.radius)]
    assert levels_apart(smooth_alone, whole[:, : smooth_alone.shape[1]]).max() <= 1
    model.tile = tile
    assert levels_apart(to_uint8(in_tiles(model, lr)), whole).max() <= 1


def test_fast_is_near():
    generator = trained_like(filters=32)
    lr = lr_noise(24, 40)
    exact = CompiledGenerator(generator)(lr)
    fast = CompiledGenerator(generator, fast=True)
    for part in (lr, lr[:9, :11]):
        shape = fast(part).shape
        assert shape == (4 * part.shape[0], 4 * part.shape[1], 3)
    error = fast(lr) - exact
    assert 0 < np.sqrt(np.mean(error**2)) < 0.1 * exact.std()


def test_fast_keeps_colours():
    generator = load_generator("srresnet_x4")
    lr = lr_from_255(skimage.data.chelsea()[60:240:2, 80:300:2]).astype(np.float32)
    exact = CompiledGenerator(generator)(lr)
    error = CompiledGenerator(generator, fast=True)(lr) - exact
    # Without correction green is 1.5 levels off.
    assert np.all(np.abs(error.mean(axis=(0, 1))) < 0.6 / 127.5)
