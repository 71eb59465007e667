"""The compiled generator against the plain one, whole and in tiles."""

import keras
import numpy as np
import pytest
import skimage.data
from samples import trained_like

from srgan_tf.errors import UserError
from srgan_tf.inference.compiled import CompiledGenerator, interpolate, spans
from srgan_tf.models.pretrained import load_generator
from srgan_tf.pictures.ranges import lr_from_255


def picture(height, width, seed=0):
    return np.random.default_rng(seed).random((height, width, 3), np.float32)


def in_tiles(compiled, lr, **options):
    s = compiled.scale
    sr = np.full((s * lr.shape[0], s * lr.shape[1], 3), np.nan, np.float32)
    tiles = compiled.tiles(*lr.shape[:2], lambda y, x: lr[y, x], **options)
    for rows, columns, part in tiles:
        assert np.isnan(sr[rows, columns]).all(), "tiles overlap"
        sr[rows, columns] = part
    return sr


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_compiled_equals_keras(scale):
    generator = trained_like(scale)
    lr = picture(13, 9)
    expected = keras.ops.convert_to_numpy(generator(lr[None]))[0]
    assert expected.std() > 0.05
    np.testing.assert_allclose(CompiledGenerator(generator)(lr), expected, atol=1e-5)


def test_slopes_above_one_are_not_a_maximum():
    generator = trained_like()
    generator.head_prelu.alpha.assign(np.full((1, 1, 4), 1.5, np.float32))
    lr = picture(6, 6)
    expected = keras.ops.convert_to_numpy(generator(lr[None]))[0]
    np.testing.assert_allclose(CompiledGenerator(generator)(lr), expected, atol=1e-5)


@pytest.mark.parametrize("tile", [5, 16, 23, 64, 1000])
@pytest.mark.parametrize("size", [(1, 1), (1, 70), (41, 67), (83, 30)])
def test_tiles_equal_the_whole(size, tile, monkeypatch):
    monkeypatch.setattr("srgan_tf.inference.compiled.UPSAMPLING_TILE", 20)
    generator = trained_like(num_blocks=2)
    compiled = CompiledGenerator(generator)
    lr = picture(*size)
    whole = keras.ops.convert_to_numpy(generator(lr[None]))[0]
    np.testing.assert_allclose(in_tiles(compiled, lr, tile=tile), whole, atol=1e-5)


def test_a_smaller_halo_would_show():
    compiled = CompiledGenerator(trained_like(num_blocks=2))
    lr = picture(60, 60)
    exact = in_tiles(compiled, lr, tile=20)
    compiled.radius = 4
    assert np.abs(in_tiles(compiled, lr, tile=20) - exact).max() > 1e-4


@pytest.mark.parametrize("tile", [17, 1000])
def test_self_ensemble_is_the_mean_of_eight(tile):
    generator = trained_like()
    lr = picture(31, 20)
    total = 0
    for turns in range(4):
        for flip in (False, True):
            turned = np.rot90(lr[::-1] if flip else lr, turns)
            sr = keras.ops.convert_to_numpy(generator(turned[None].copy()))[0]
            sr = np.rot90(sr, -turns)
            total = total + (sr[::-1] if flip else sr)
    compiled = CompiledGenerator(generator)
    result = in_tiles(compiled, lr, tile=tile, self_ensemble=True)
    np.testing.assert_allclose(result, total / 8, atol=1e-5)


@pytest.mark.parametrize("length", [1, 7, 100, 101])
@pytest.mark.parametrize("tile", [1, 16, 33, 500])
def test_spans_cover_with_equal_windows(length, tile):
    halo = 10
    parts = list(spans(0, length, length, tile, halo))
    assert [p[0] for p in parts] == [0, *(p[1] for p in parts[:-1])]
    assert parts[-1][1] == length
    assert len({end - low for _, _, low, end in parts}) == 1
    for first, last, low, end in parts:
        assert last - first <= tile
        assert 0 <= low <= max(first - halo, 0)
        assert min(last + halo, length) <= end <= length


def test_default_tile_shrinks_with_wide_networks():
    narrow = CompiledGenerator(trained_like(filters=4)).default_tile()
    wide = CompiledGenerator(trained_like(filters=32)).default_tile()
    assert 128 <= wide < narrow


def test_fast_is_near():
    generator = trained_like(filters=32)
    lr = picture(24, 40)
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


def test_interpolate():
    a, b = trained_like(seed=1), trained_like(seed=2)
    for realism in (0, 0.25, 1):
        mixed = interpolate(a, b, realism).get_weights()
        for x, y, z in zip(a.get_weights(), b.get_weights(), mixed):
            np.testing.assert_allclose(z, (1 - realism) * x + realism * y, rtol=1e-6)
    with pytest.raises(UserError, match="one size"):
        interpolate(a, trained_like(num_blocks=2), 0.5)
