import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from samples import smooth_photo

from srgan_tf.data.degradation_ops import FILTERS
from srgan_tf.data.degradations import (
    KINDS,
    MARGIN,
    Degradation,
    degrade,
    degrade_crop,
    degrade_photo,
)
from srgan_tf.errors import UserError
from srgan_tf.pictures.imresize import imresize

GRAY = np.full((128, 128, 3), 128, np.uint8)
NOISE = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
PHOTO = smooth_photo(0, 96, 128)


def lr(hr: np.ndarray, seed: int = 0, scale: int = 4, **parts) -> np.ndarray:
    return degrade(hr, (0, seed), kind=Degradation(**parts), scale=scale).numpy()


def bicubic(hr: np.ndarray) -> np.ndarray:
    return np.asarray(imresize(hr, 1 / 4))


def sharpness(picture: np.ndarray) -> float:
    return float(np.abs(np.diff(picture, axis=1)).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_whole_numbers_and_follows_its_seed(kind):
    picture = np.clip(PHOTO + (NOISE[:96] / 8), 0, 255).astype(np.uint8)[:93, :126]
    first, again = (degrade_photo(picture, kind, seed=3) for _ in range(2))
    assert first.dtype == np.uint8
    assert first.shape == (23, 31, 3)
    np.testing.assert_array_equal(first, again)
    drawn = KINDS[kind].noise or KINDS[kind].clean
    for other in ({"seed": 4}, {"seed": 3, "index": 1}):
        same = np.array_equal(first, degrade_photo(picture, kind, **other))
        assert same != bool(drawn)
    equals = np.array_equal(first, bicubic(picture[:92, :124]))
    assert equals == (kind == "bicubic")


def test_an_unknown_kind_is_named():
    with pytest.raises(UserError, match="--degradation=fog: choose from bicubic, ph"):
        degrade_photo(PHOTO, "fog")


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_nothing_is_matlabs_bicubic(scale):
    np.testing.assert_array_equal(lr(NOISE, scale=scale), imresize(NOISE, 1 / scale))


def test_a_graph_gives_what_eager_execution_gives():
    crop = tf.constant(NOISE)
    compiled = tf.function(lambda seed: degrade(crop, seed, kind=KINDS["photo"]))
    for seed in range(8):
        at_once = degrade(crop, (3, seed), kind=KINDS["photo"])
        np.testing.assert_array_equal(compiled(tf.constant([3, seed])), at_once)


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    # 0.4 x 0.45, and few others have no part but bicubic; likewise 0.4 x 0.2.
    [("bicubic", 0.14, 0.3), ("aliased", 0.03, 0.13)],
)
def test_a_share_of_photos_is_only_reduced(kind, least, most):
    crop = tf.constant(NOISE)
    draw = tf.function(lambda seed: degrade(crop, seed, kind=KINDS["photo"]))
    made = np.stack([draw(tf.constant([0, seed])) for seed in range(200)])
    only = (made == degrade_photo(NOISE, kind)).all(axis=(1, 2, 3)).mean()
    assert least < only < most


def test_area_is_the_mean_of_a_block():
    means = NOISE.reshape(32, 4, 32, 4, 3).mean(axis=(1, 3))
    np.testing.assert_array_equal(degrade_photo(NOISE, "area"), np.floor(means + 0.5))


def test_filters_differ_in_sharpness_and_keep_the_mean():
    smooth = NOISE // 2 + 64
    sharp = {name: sharpness(degrade_photo(smooth, name) * 1.0) for name in FILTERS}
    order = ["bilinear", "bicubic", "lanczos", "area", "aliased"]
    assert sorted(sharp, key=sharp.get) == order
    for name in order[:-1]:
        assert abs(degrade_photo(smooth, name).mean() - smooth.mean()) < 0.5


def test_lanczos_of_a_ramp_is_the_ramp():
    ramp = np.broadcast_to(np.arange(128)[:, None, None] + 60, (128, 128, 3))
    made = degrade_photo(ramp.astype(np.uint8), "lanczos")[4:-4, 16, 0]
    np.testing.assert_allclose(made, np.arange(61.5, 188, 4)[4:-4], atol=1)


@pytest.mark.parametrize("name", ["noise3", "noise8"])
def test_noise_has_its_sigma_and_colours(name):
    noise = degrade_photo(GRAY, name) - 128.0
    assert noise.std() == pytest.approx(float(name[-1]), rel=0.05)
    red, green, _ = noise.reshape(-1, 3).T
    assert abs(np.corrcoef(red, green)[0, 1]) < 0.1


def test_gray_noise_is_equal_in_all_channels():
    noise = lr(GRAY, noise=1, noise_sigma=(5, 5), gray=1)
    assert (np.ptp(noise, axis=-1) == 0).all()
    assert noise.std() == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize(("level", "sigma"), [(32, 4), (128, 8), (200, 10)])
def test_poisson_noise_grows_with_the_light(level, sigma):
    flat = np.full_like(GRAY, level)
    noise = lr(flat, noise=1, noise_sigma=(8, 8), poisson=1)
    assert noise.mean() == pytest.approx(level, abs=1)
    assert noise.std() == pytest.approx(sigma, rel=0.07)


def spread(picture: np.ndarray) -> np.ndarray:
    """Covariance of the light of a picture of one point."""
    light = picture[..., 0] / picture[..., 0].sum()
    at = np.stack(np.mgrid[: picture.shape[0], : picture.shape[1]], -1).reshape(-1, 2)
    return np.cov(at.T, aweights=light.ravel(), bias=True)


def test_blur_has_its_sigma_and_may_lie_at_an_angle():
    # At scale 1 nothing but the blur happens.
    point = np.zeros((65, 65, 3), np.uint8)
    point[31:34, 31:34] = 255  # of variance 2 / 3
    for sigma in (1.5, 2.5):
        blur = {"blur": 1, "blur_sigma": (4 * sigma, 4 * sigma)}
        found = spread(lr(point, scale=1, **blur))
        np.testing.assert_allclose(found, np.eye(2) * (sigma**2 + 2 / 3), rtol=0.1)
    stretched = {"blur": 1, "blur_sigma": (4, 12), "anisotropic": 1}
    found = [spread(lr(point, seed, scale=1, **stretched)) for seed in range(20)]
    axes = np.sqrt(np.linalg.eigvalsh(found))
    assert axes.min() > 0.9
    assert axes.max() < 3.2
    assert (axes[:, 1] / axes[:, 0]).max() > 1.5
    assert np.ptp([f[0, 1] for f in found]) > 1


def test_a_wider_blur_leaves_less_detail():
    order = [sharpness(degrade_photo(NOISE, k) * 1.0) for k in ("blur2", "blur1")]
    assert order == sorted(order)
    assert order[-1] < sharpness(bicubic(NOISE))


def test_sharpening_raises_contrast_at_edges_and_spares_flat_parts():
    edge = np.full((64, 64, 3), 60, np.uint8)
    edge[:, 32:] = 180
    sharp, clean = degrade_photo(edge, "sharpened") * 1.0, bicubic(edge)
    assert sharp.max() > clean.max() + 5
    assert sharp.min() < clean.min() - 5
    np.testing.assert_array_equal(sharp[:, :3], 60)
    soft = NOISE // 2 + 64
    assert sharpness(lr(soft, sharpen_hr=1)) > 1.02 * sharpness(bicubic(soft))


def test_jpeg_is_worse_at_lower_quality_and_spares_colours_at_444():
    errors = [
        np.abs(degrade_photo(PHOTO, f"jpeg{q}") - bicubic(PHOTO)).mean()
        for q in (90, 70, 50, 30)
    ]
    assert errors == sorted(errors)
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::8] = stripes[:, 1::8] = stripes[:, 2::8] = stripes[:, 3::8] = 255, 0, 0
    half, full = (
        lr(stripes, jpeg=1, jpeg_quality=(95, 95), subsampled=share) for share in (1, 0)
    )
    error = [np.abs(made - bicubic(stripes)).mean() for made in (half, full)]
    assert error[1] < 0.3 * error[0]


def test_twice_saved_is_worse_than_once():
    once = Degradation(jpeg=1, jpeg_quality=(60, 60))
    twice = dataclasses.replace(once, again=1)
    made = [[degrade(NOISE, (0, i), kind=k) for i in range(8)] for k in (once, twice)]
    error = [np.abs(np.array(some) - bicubic(NOISE)).mean() for some in made]
    assert error[1] > error[0]


def test_a_crops_lr_is_the_same_part_of_the_whole_photos():
    for scale in (2, 4):
        margin = MARGIN * scale
        crop = NOISE[: 32 + 2 * margin, : 24 + 2 * margin]
        whole = np.asarray(imresize(crop, 1 / scale))[MARGIN:-MARGIN, MARGIN:-MARGIN]
        for seed in range(4):
            made = degrade_crop(crop, (0, seed), kind=Degradation(), scale=scale)
            np.testing.assert_array_equal(made, whole)


def test_jpegs_blocks_begin_at_every_phase():
    side = 4 * (16 + 2 * MARGIN)
    ramp = np.broadcast_to(np.arange(side)[None, :, None], (side, side, 3)) + 20
    crop = tf.constant(ramp.astype(np.uint8))
    kind = Degradation(jpeg=1, jpeg_quality=(10, 10))
    draw = tf.function(lambda seed: degrade_crop(crop, seed, kind=kind))
    phases = set()
    for seed in range(64):
        steps = np.diff(draw(tf.constant([0, seed])).numpy()[8, :, 0])
        phases.add(int(np.argmax(steps) % 8))
    assert phases == set(range(8))
