"""The mean of eight: against eight plain calls, in tiles, and through `upscale`."""

import keras
import numpy as np
import pytest
from samples import in_tiles, levels_apart, lr_noise, trained_like, values

import srgan_tf
from srgan_tf.inference.compiled import CompiledGenerator
from srgan_tf.inference.ensemble import SelfEnsemble
from srgan_tf.inference.loading import load_model


def mean_of_eight(generator, lr):
    total = 0
    for turns in range(4):
        for flip in (False, True):
            turned = np.rot90(lr[::-1] if flip else lr, turns)
            sr = keras.ops.convert_to_numpy(generator(turned[None].copy()))[0]
            sr = np.rot90(sr, -turns)
            total = total + (sr[::-1] if flip else sr)
    return total / 8


@pytest.mark.parametrize("tile", [17, 1000])
def test_self_ensemble_is_the_mean_of_eight(tile):
    generator = trained_like()
    lr = lr_noise(31, 20)
    model = SelfEnsemble(CompiledGenerator(generator, tile=tile))
    np.testing.assert_allclose(
        in_tiles(model, lr), mean_of_eight(generator, lr), atol=1e-5
    )


def test_a_box_is_cut_from_the_whole():
    generator = trained_like()
    lr = lr_noise(9, 14)
    part = SelfEnsemble(CompiledGenerator(generator))(lr, (2, 5, 3, 11))
    whole = mean_of_eight(generator, lr)
    np.testing.assert_allclose(part, whole[8:20, 12:44], atol=1e-5)


def test_the_model_keeps_its_tile():
    generator = trained_like()
    once = load_model(generator, tile=40)
    eight = load_model(generator, tile=40, self_ensemble=True)
    for model in (once, eight, SelfEnsemble(once)):
        assert (model.scale, model.radius) == (4, generator.receptive_radius)
        assert (model.tile, model.window) == (40, None)
    assert SelfEnsemble(load_model(generator)).tile == load_model(generator).tile
    lr = lr_noise(100, 9)
    tiles = eight.tiles(100, 9, lambda y, x: lr[y, x])
    assert [rows.stop - rows.start for rows, _, _ in tiles] == [4 * 34, 4 * 34, 4 * 32]


def test_turned_pictures_give_turned_results():
    generator, pixels = trained_like(), values(10, 8, 3)
    once = srgan_tf.upscale(pixels, generator)
    eight = srgan_tf.upscale(pixels, generator, self_ensemble=True)
    assert once.shape == eight.shape and (once != eight).any()
    turned = pixels[::-1].swapaxes(0, 1)
    sr = srgan_tf.upscale(turned, generator, self_ensemble=True)
    assert levels_apart(sr.swapaxes(0, 1)[::-1], eight).max() <= 1
