"""One picture, of every kind, upscaled through the public door."""

import io

import keras
import numpy as np
import pytest
from PIL import Image
from samples import by_network, keras_8bit, levels_apart, trained_like, values

import srgan_tf
from srgan_tf.errors import UserError
from srgan_tf.inference.loading import load_model
from srgan_tf.pictures.imresize import imresize
from srgan_tf.pictures.ranges import to_uint8


@pytest.fixture(scope="module")
def generator():
    return trained_like()


@pytest.fixture(scope="module")
def model(generator):
    return load_model(generator)


def keras_on_mirrored(generator, lr):
    """The plain Keras call on float LR that goes on in mirror images at its edges."""
    wide = np.pad(lr, ((8, 8), (8, 8), (0, 0)), mode="symmetric").astype(np.float32)
    return keras.ops.convert_to_numpy(generator(wide[None]))[0, 32:-32, 32:-32]


def bicubic(pixels, scale):
    return keras.ops.convert_to_numpy(imresize(pixels, scale))


def test_rgb_is_what_keras_says(generator, model):
    pixels = values(13, 9, 3)
    sr = srgan_tf.upscale(pixels, model)
    assert sr.dtype == np.uint8
    expected = to_uint8(keras_on_mirrored(generator, pixels / 255))
    assert levels_apart(sr, expected).max() <= 1
    assert (sr == expected).mean() > 0.999
    sr = by_network(pixels, model)
    assert levels_apart(sr, keras_8bit(generator, pixels)).max() <= 1
    assert (sr == keras_8bit(generator, pixels)).mean() > 0.999


def test_16bit_and_float_have_the_precision_of_the_network(generator, model):
    deep = values(13, 9, 3, dtype=np.uint16)
    floats = (deep / 65535).astype(np.float32)
    exact = keras_on_mirrored(generator, floats) / 2 + 0.5
    sr = srgan_tf.upscale(deep, model)
    assert sr.dtype == np.uint16
    assert np.abs(sr - exact * 65535).max() < 2
    assert len(np.unique(sr)) > 1000  # not 8-bit steps
    sr = srgan_tf.upscale(floats, model)
    assert sr.dtype == np.float32
    np.testing.assert_allclose(sr, exact, atol=1e-5)


def test_gray_is_the_mean_of_the_channels(generator, model):
    gray = values(8, 11)
    rgb = np.repeat(gray[..., None], 3, -1)
    expected = keras_on_mirrored(generator, rgb / 255).mean(-1)
    sr = srgan_tf.upscale(gray, model)
    assert sr.shape == (32, 44)
    assert np.abs(sr - (expected + 1) * 127.5).max() <= 0.51
    assert srgan_tf.upscale(gray[..., None], model).shape == (32, 44, 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_equal_channels_stay_equal(model, dtype):
    gray = values(8, 11, 1)
    gray = gray.astype(dtype) / (255 if dtype == np.float32 else 1)
    rgb = np.repeat(gray, 3, -1).astype(dtype)
    sr = srgan_tf.upscale(rgb, model)
    assert sr.shape == (32, 44, 3) and np.ptp(sr, axis=-1).max() == 0
    np.testing.assert_array_equal(sr[..., :1], srgan_tf.upscale(rgb[..., :1], model))
    assert np.ptp(by_network(rgb, model), axis=-1).max() > 0
    with_alpha = np.concatenate([rgb, rgb[..., :1]], axis=-1)
    assert np.ptp(srgan_tf.upscale(with_alpha, model)[..., :3], axis=-1).max() == 0


def test_gray_parts_are_gray_and_others_are_the_networks(generator, model):
    pixels = values(40, 70, 3)
    pixels[:, 30:] = pixels[:, 30:, :1]
    sr = srgan_tf.upscale(pixels, model)
    assert np.ptp(sr[:, 4 * (30 + 7) :], axis=-1).max() == 0
    network = to_uint8(keras_on_mirrored(generator, pixels / 255))
    assert levels_apart(sr, network)[:, : 4 * (30 - 3)].max() <= 1


COLOURS = [(255, 255, 255), (0, 0, 255), (0, 255, 0), (120, 160, 230), (0, 0, 0)]


@pytest.mark.parametrize("colour", COLOURS)
def test_one_colour_stays_that_colour_up_to_the_edges(model, colour):
    pixels = np.full((9, 30, 3), colour, np.uint8)
    sr = srgan_tf.upscale(pixels, model)
    np.testing.assert_array_equal(sr, np.full((36, 120, 3), colour))
    assert levels_apart(by_network(pixels, model), colour).max() > 3


def test_flat_areas_are_flat_and_others_are_the_networks(generator, model):
    pixels = values(40, 70, 3)
    pixels[:, 30:] = 200, 90, 30
    sr = srgan_tf.upscale(pixels, model)
    assert (sr[:, 4 * (30 + 7) :] == (200, 90, 30)).all()
    network = to_uint8(keras_on_mirrored(generator, pixels / 255))
    assert levels_apart(sr, network)[:, : 4 * (30 - 3)].max() <= 1
    between = sr[:, 4 * 30 : 4 * 37].astype(float)
    weights = (between - network[:, 4 * 30 : 4 * 37]).std(axis=(0, 2))
    assert weights[0] < weights[-1]  # it fades in


@pytest.mark.parametrize("step", [1, 4])
def test_a_soft_ramp_has_no_grid(model, step):
    """As a sky has it: what differs less from its neighbours is less the network's."""
    ramp = np.repeat(step * np.arange(48, dtype=np.uint8)[None, :, None], 24, 0) + 60
    pixels = np.concatenate([ramp, ramp // 2, ramp], axis=-1)
    grid = [
        np.abs(np.diff(sr[48:56, 80:120].astype(int), axis=0)).mean()
        for sr in (srgan_tf.upscale(pixels, model), by_network(pixels, model))
    ]
    assert grid[0] < 0.55 * grid[1] if step == 1 else grid[0] == grid[1]


def test_kinds_in_and_out(model, tmp_path):
    for mode in ("L", "LA", "RGB", "RGBA"):
        sr = srgan_tf.upscale(Image.new(mode, (5, 4)), model)
        assert (sr.mode, sr.size) == (mode, (20, 16))
    assert srgan_tf.upscale(Image.new("P", (5, 4)), model).mode == "RGB"
    assert srgan_tf.upscale(Image.new("I;16", (5, 4)), model).mode == "I;16"
    Image.new("L", (5, 4)).save(tmp_path / "x.png")
    assert srgan_tf.upscale(tmp_path / "x.png", model).shape == (16, 20, 1)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 3)])
def test_tiny_pictures(model, size):
    sr = srgan_tf.upscale(values(*size, 4), model)
    assert sr.shape == (4 * size[0], 4 * size[1], 4)


@pytest.mark.parametrize("tile", [16, 23])
def test_tiles_do_not_change_the_picture(generator, model, tile):
    pixels = values(41, 67, 3)
    whole = srgan_tf.upscale(pixels, model)
    tiled = srgan_tf.upscale(pixels, generator, tile=tile)
    assert levels_apart(whole, tiled).max() <= 1
    assert (whole == tiled).mean() > 0.999


@pytest.mark.parametrize("tile", [16, 23])
def test_tiles_do_not_show_where_flat_meets_busy(generator, model, tile):
    pixels = values(41, 67, 3)
    pixels[:, 30:] = 128
    pixels[5:20, 50:] = 131
    whole = srgan_tf.upscale(pixels, model)
    tiled = srgan_tf.upscale(pixels, generator, tile=tile)
    assert levels_apart(whole, tiled).max() <= 1
    assert (whole == tiled).mean() > 0.999


def test_alpha_is_bicubic_and_opaque_stays_opaque(model):
    pixels = values(12, 10, 4)
    sr = srgan_tf.upscale(pixels, model)
    np.testing.assert_array_equal(sr[..., 3:], bicubic(pixels[..., 3:], 4))
    pixels[..., 3] = 255
    sr = srgan_tf.upscale(pixels, model)
    assert (sr[..., 3] == 255).all()
    np.testing.assert_array_equal(sr[..., :3], srgan_tf.upscale(pixels[..., :3], model))


@pytest.mark.parametrize("hidden", [0, 255])
def test_hidden_colours_make_no_halo(model, hidden):
    """A white disc looks the same whatever lies under its transparent surroundings."""
    y, x = np.mgrid[:40, :40]
    disc = np.hypot(y - 20, x - 20) < 12
    pixels = np.full((40, 40, 4), hidden, np.uint8)
    pixels[disc] = 255
    pixels[..., 3] = 255 * disc
    sr = srgan_tf.upscale(pixels, model)
    flat = srgan_tf.upscale(np.full((40, 40, 3), 255, np.uint8), model)
    np.testing.assert_array_equal(sr[..., :3], flat)


@pytest.mark.parametrize("scale", [2, 3])
def test_smaller_scales_are_matlab_bicubic_of_the_larger(model, scale):
    pixels = values(13, 10, 3)
    sr = srgan_tf.upscale(pixels, model, scale=scale)
    whole = srgan_tf.upscale(pixels, model)
    assert sr.shape == (13 * scale, 10 * scale, 3)
    assert np.abs(sr - bicubic(whole, scale / 4)).max() <= (scale == 3)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4, 5), np.uint8), "one to four channels"),
        (np.zeros((0, 4, 3), np.uint8), "one to four channels"),
        (np.zeros(4, np.uint8), "one to four channels"),
        (np.zeros((4, 4, 3), np.int32), "int32"),
        (np.full((4, 4, 3), 200.0), "200.0"),
        (np.full((4, 4, 3), np.nan), "nan"),
        (Image.new("RGB", (0, 5)), "at least one pixel. Received: 0x5"),
        ("missing.png", "no such file"),
    ],
)
def test_bad_pictures(model, image, message):
    with pytest.raises(UserError, match=message):
        srgan_tf.upscale(image, model)


@pytest.mark.parametrize(
    "wish",
    [
        {"realism": 0.0},
        {"realism": 0.5},
        {"precision": "float32"},
        {"fast": True},
        {"self_ensemble": True},
        {"tile": 64},
    ],
)
def test_a_loaded_model_takes_no_more_wishes(model, wish):
    (name,) = wish
    with pytest.raises(UserError, match=f"^{name} is for load_model") as caught:
        srgan_tf.upscale(values(4, 4, 3), model, **wish)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scale", [0, 1, 5])
def test_scales_that_the_model_does_not_reach(model, scale):
    with pytest.raises(UserError, match=f"^--scale={scale}: the model's scale is 4"):
        srgan_tf.upscale(values(4, 4, 3), model, scale=scale)


def test_scales_are_whole(model):
    with pytest.raises(UserError, match=r"^--scale=3.5: must be a whole number"):
        srgan_tf.upscale(values(4, 4, 3), model, scale=3.5)


@pytest.mark.parametrize("model", [3, b"srgan_x4", ["a", "b"], True])
def test_what_is_no_model_is_told(model):
    with pytest.raises(UserError, match=r"^a model is a name, a path or a generator"):
        srgan_tf.upscale(values(4, 4, 3), model)


def test_wishes_are_checked_before_models_are_looked_for():
    with pytest.raises(UserError, match=r"^--tile=.*must be a number"):
        srgan_tf.upscale(values(4, 4, 3), tile=[64])


def test_numbers_in_other_forms(model):
    pixels = values(6, 7, 3, dtype=np.uint16)
    expected = srgan_tf.upscale(pixels, model)
    found = srgan_tf.upscale(pixels.astype(">u2"), model)
    np.testing.assert_array_equal(found, expected)
    # Their sum is more than float16 holds.
    white = np.ones((160, 160, 3), np.float16)
    assert srgan_tf.upscale(white, model).min() == 1


def test_bytes_and_open_files_are_photos(model, tmp_path):
    path = tmp_path / "x.png"
    Image.fromarray(values(6, 7, 3)).save(path)
    expected: np.ndarray = srgan_tf.upscale(path, model)
    for content in (path.read_bytes(), bytearray(path.read_bytes())):
        np.testing.assert_array_equal(srgan_tf.upscale(content, model), expected)
    with path.open("rb") as file:
        np.testing.assert_array_equal(srgan_tf.upscale(file, model), expected)
    with pytest.raises(UserError, match=r"is no .* picture"):
        srgan_tf.upscale(b"no photo", model)
    with pytest.raises(UserError, match="open it with 'rb'"):
        srgan_tf.upscale(io.StringIO("no photo"), model)
    closed = io.BytesIO(b"photo")
    closed.close()
    with pytest.raises(UserError, match=r"^the file cannot be read: .*closed"):
        srgan_tf.upscale(closed, model)
    gaps = np.ma.masked_less(np.zeros((4, 4, 3), np.uint8), 1)
    with pytest.raises(UserError, match="has gaps"):
        srgan_tf.upscale(gaps, model)
