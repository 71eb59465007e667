"""Crops drawn from photos, in memory and in files."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import ExifTags, Image
from samples import smooth_photo

from srgan_tf.data.crops import random_crops
from srgan_tf.data.photo_table import table_of_arrays
from srgan_tf.data.photos import Photos
from srgan_tf.errors import UserError


def draw(photos, crop_size: int, steps: int, **options) -> list[np.ndarray]:
    """Crops of so many steps; a list of arrays, one for each step."""
    table = photos.table() if isinstance(photos, Photos) else table_of_arrays(photos)
    crops = tf.function(random_crops(table, crop_size, **options))
    return [crops(step)[0].numpy() for step in tf.range(steps, dtype=tf.int64)]


def flat(count: int) -> list[np.ndarray]:
    return [np.full((40, 40, 3), 20 * i, np.uint8) for i in range(count)]


def test_a_step_takes_distinct_photos_and_an_epoch_all():
    steps = draw(flat(10), 32, 4, batch_size=5)
    seen = [set(step[:, 0, 0, 0].tolist()) for step in steps]
    assert [len(levels) for levels in seen] == [5] * 4
    assert len(seen[0] | seen[1]) == len(seen[2] | seen[3]) == 10
    assert seen[0] != seen[2]


def test_shares_of_a_step_make_the_step():
    whole = draw(flat(10), 32, 3, batch_size=8, margin=4)
    parts = [
        draw(flat(10), 32, 3, batch_size=8, margin=4, share=(i, 4)) for i in range(4)
    ]
    for step, together in zip(whole, zip(*parts)):
        np.testing.assert_array_equal(step, np.concatenate(together))


def test_fewer_photos_than_crops_take_turns():
    (step,) = draw(flat(3), 32, 1, batch_size=6)
    assert np.unique(step[:, 0, 0, 0], return_counts=True)[1].tolist() == [2, 2, 2]


def test_all_eight_orientations_and_many_places_occur():
    ramp = np.arange(48)[:, None, None] * 2 + np.arange(48)[None, :, None]
    photo = np.broadcast_to(ramp, (48, 48, 3)).astype(np.uint8)
    steps = draw([photo], 32, 64, batch_size=1)
    crops = [step[0, ..., 0].astype(int) for step in steps]
    slopes = {(c[1, 0] - c[0, 0], c[0, 1] - c[0, 0]) for c in crops}
    assert slopes == {(a * i, b * j) for a, b in ((1, 2), (2, 1)) for i in (1, -1)
                      for j in (1, -1)}  # fmt: skip
    assert len({c.min() for c in crops}) > 10


def test_beyond_the_border_the_margin_repeats_it():
    photo = np.random.default_rng(0).integers(0, 256, (36, 44, 3), np.uint8)
    padded = np.pad(photo, ((24, 24), (24, 24), (0, 0)), "edge")
    turns = [np.rot90(padded, k) for k in range(4)]
    turns = [turn[:, ::step] for turn in turns for step in (1, -1)]
    windows = {
        turn[y : y + 80, x : x + 80].tobytes()
        for turn in turns
        for y in range(turn.shape[0] - 79)
        for x in range(turn.shape[1] - 79)
    }
    for step in draw([photo], 32, 30, batch_size=1, margin=24):
        assert step[0].tobytes() in windows


def test_seeds_differ_by_crop_step_and_seed():
    table = table_of_arrays(flat(4))
    seeds = []
    for seed in (0, 1):
        crops = random_crops(table, 32, batch_size=2, seed=seed)
        for step in tf.range(3, dtype=tf.int64):
            seeds += map(tuple, crops(step)[1].numpy().tolist())
    assert len(set(seeds)) == 12


def test_a_photo_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="side of 40 < 41"):
        random_crops(table_of_arrays(flat(2)), 41)


def test_only_whole_8_bit_values_are_taken():
    with pytest.raises(TypeError):
        table_of_arrays([np.zeros((40, 40, 3))])


@pytest.fixture
def all_kinds(tmp_path) -> list[str]:
    """Files of every kind that is read on use, in every orientation."""
    rng = np.random.default_rng(0)

    def save(name: str, number: int, mode: str = "RGB", **options) -> None:
        photo = smooth_photo(number, 90 + number, 130) // 2
        photo = photo + rng.integers(0, 128, photo.shape, np.uint8)
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = number % 8 + 1
        Image.fromarray(photo).convert(mode).save(tmp_path / name, exif=exif, **options)

    for i in range(8):
        save(f"420_{i}.jpg", i, quality=80)
        save(f"422_{i}.jpg", i + 1, quality=60, subsampling=1, progressive=True)
    save("444.jpg", 5, quality=95, subsampling=0)
    save("gray.jpg", 6, "L")
    for i, mode in enumerate(("RGB", "RGBA", "L", "LA", "P")):
        save(f"{mode}.png", i, mode)
    save("lossy.webp", 2)
    save("lossless.webp", 7, lossless=True)
    return sorted(map(str, tmp_path.iterdir()))


def test_photos_read_on_use_give_the_same_crops(all_kinds):
    arguments = {"crop_size": 48, "steps": 40, "batch_size": 8, "margin": 8}
    some = sum(3 * 90 * 130 for _ in range(9)) / 2**30
    cached = draw(Photos(all_kinds, 48), **arguments)
    for budget in (0, some):
        on_use = draw(Photos(all_kinds, 48, budget), **arguments)
        np.testing.assert_array_equal(cached, on_use)


@pytest.mark.parametrize("name", ["deep.png", "photo.tif", "photo.bmp"])
def test_what_tensorflow_cannot_read_must_fit_the_memory(tmp_path, name):
    path = tmp_path / name
    rng = np.random.default_rng(0)
    photo = Image.fromarray(smooth_photo(0))
    if name == "deep.png":
        photo = Image.fromarray(rng.integers(0, 2**16, (64, 80), np.uint16))
    photo.save(path)
    assert Photos([str(path)], 32).table().photo(0).shape == (64, 80, 3)
    message = f"{name} is beyond --cache_gib=0, and .* raise it, to 0.1 for all photos"
    with pytest.raises(UserError, match=message):
        Photos([str(path)], 32, 0.0).table()


def test_photos_in_memory_are_there_once(photo_folder):
    photos = Photos(sorted(map(str, photo_folder.iterdir())), 32)
    table = photos.table()
    assert table.pixels.shape == (6 * 64 * 80 * 3,)
    assert np.shares_memory(photos[3], np.asarray(memoryview(table.pixels)))
    assert not photos[3].flags.writeable
