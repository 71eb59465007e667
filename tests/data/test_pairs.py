import numpy as np
import pytest
from samples import smooth_photo

from srgan_tf.data.pairs import (
    CropSampler,
    make_pair,
    training_pairs,
    validation_pairs,
    whole_pair,
)
from srgan_tf.models import Generator
from srgan_tf.pictures.imresize import imresize
from srgan_tf.pictures.metrics import luma_metrics
from srgan_tf.pictures.ranges import hr_to_255


def photos(count: int, **size) -> list[np.ndarray]:
    return [smooth_photo(i, **size) for i in range(count)]


def batches(count: int, **arguments) -> list[tuple[np.ndarray, np.ndarray]]:
    pairs = training_pairs(photos(5), 32, 4, 4, **arguments)
    return [(lr.numpy(), hr.numpy()) for lr, hr in pairs.take(count)]


def test_shapes_and_ranges():
    lr, hr = batches(1)[0]
    assert lr.shape == (4, 8, 8, 3)
    assert hr.shape == (4, 32, 32, 3)
    assert 0 <= lr.min() < lr.max() <= 1
    assert -1 <= hr.min() < -0.2 < 0.2 < hr.max() <= 1


def test_lr_and_hr_are_aligned():
    for lr, hr in batches(3):
        upscaled = np.asarray(imresize(lr * 255, 4))
        shifted = np.roll(upscaled, 4, axis=2)
        error, error_if_shifted = (
            np.abs(x - hr_to_255(hr)).mean() for x in (upscaled, shifted)
        )
        assert error < 0.5 * error_if_shifted


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_lr_of_a_crop_is_the_same_part_of_the_whole_photos_lr(scale):
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    margin, size = 2 * scale, 32
    whole = np.asarray(imresize(noise, 1 / scale))
    for top, left in ((0, 0), (4 * scale, 2 * scale), (96 - size, 128 - size)):
        padded = np.pad(noise, ((margin, margin), (margin, margin), (0, 0)), "edge")
        crop = padded[top : top + size + 2 * margin, left : left + size + 2 * margin]
        lr, hr = make_pair(crop[None], scale)
        y, x, n = top // scale, left // scale, size // scale
        np.testing.assert_array_equal(
            np.rint(np.asarray(lr[0]) * 255), whole[y : y + n, x : x + n]
        )
        np.testing.assert_allclose(
            hr_to_255(np.asarray(hr[0])),
            noise[top : top + size, left : left + size],
            atol=1e-3,
        )


def test_a_batch_comes_from_distinct_photos_and_an_epoch_from_all():
    flat = [np.full((40, 40, 3), 20 * i, np.uint8) for i in range(10)]
    sampler = CropSampler(flat, 32, 4, batch_size=5)
    seen = [set(sampler(step)[:, 0, 0, 0].tolist()) for step in range(4)]
    assert [len(levels) for levels in seen] == [5] * 4
    assert len(seen[0] | seen[1]) == len(seen[2] | seen[3]) == 10


def test_fewer_photos_than_crops_take_turns():
    flat = [np.full((40, 40, 3), 20 * i, np.uint8) for i in range(3)]
    levels = CropSampler(flat, 32, 4, batch_size=6)(0)[:, 0, 0, 0]
    assert np.unique(levels, return_counts=True)[1].tolist() == [2, 2, 2]


def test_all_eight_orientations_and_many_places_occur():
    ramp = np.arange(48)[:, None, None] * 2 + np.arange(48)[None, :, None]
    photo = np.broadcast_to(ramp, (48, 48, 3)).astype(np.uint8)
    sampler = CropSampler([photo], 32, 4, batch_size=1)
    crops = [sampler(step)[0, 8:-8, 8:-8, 0].astype(int) for step in range(64)]
    slopes = {(c[1, 0] - c[0, 0], c[0, 1] - c[0, 0]) for c in crops}
    assert slopes == {(a * i, b * j) for a, b in ((1, 2), (2, 1)) for i in (1, -1)
                      for j in (1, -1)}  # fmt: skip
    assert len({c.min() for c in crops}) > 10


def test_a_seed_fixes_the_sequence_and_a_start_continues_it():
    first, again, other = batches(4, seed=7), batches(4, seed=7), batches(4, seed=8)
    for (lr, hr), (lr2, hr2) in zip(first, again):
        np.testing.assert_array_equal(lr, lr2)
        np.testing.assert_array_equal(hr, hr2)
    assert not np.array_equal(first[0][1], other[0][1])
    continued = batches(2, seed=7, start=2)
    for (_, hr), (_, hr2) in zip(first[2:], continued):
        np.testing.assert_array_equal(hr, hr2)


def test_a_photo_as_small_as_the_crop_is_enough():
    lr, _ = next(iter(training_pairs([smooth_photo(0, height=32, width=32)], 32, 4, 1)))
    assert lr.shape == (1, 8, 8, 3)


def test_whole_photos_are_cropped_to_a_multiple_of_the_scale():
    photo = smooth_photo(0, height=43, width=50)
    lr, hr = whole_pair(photo, 4)
    assert hr.shape == (1, 40, 48, 3)
    np.testing.assert_allclose(hr_to_255(hr[0]), photo[:40, :48], atol=1e-3)
    np.testing.assert_array_equal(
        np.rint(lr[0] * 255), imresize(photo[:40, :48], 1 / 4)
    )


def test_validation_gives_each_whole_photo_in_order():
    some = [smooth_photo(0), smooth_photo(1, height=40, width=44)]
    shapes = [tuple(hr.shape) for _, hr in validation_pairs(some, 4)]
    assert shapes == [(1, 64, 80, 3), (1, 40, 44, 3)]


def test_keras_validation_is_the_mean_over_photos():
    some = [smooth_photo(i) for i in range(3)]
    generator = Generator(num_blocks=1, filters=4)
    generator.compile(loss="mse", metrics=luma_metrics(4))
    mean = generator.evaluate(validation_pairs(some), verbose=0)
    each = [generator.test_on_batch(*whole_pair(photo, 4)) for photo in some]
    np.testing.assert_allclose(mean, np.mean(each, axis=0), rtol=1e-4)
