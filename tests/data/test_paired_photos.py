"""Pairs of one's own: LR and HR crops show the same, turned alike."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from samples import graph_of

from srgan_tf.data.opening import open_photos
from srgan_tf.data.pair_folders import find_pairs
from srgan_tf.data.paired_photos import PairedPhotos
from srgan_tf.data.pairs import training_pairs, validation_pairs, whole_pair
from srgan_tf.errors import UserError
from srgan_tf.pictures.ranges import hr_to_255

SCALE = 2


@pytest.fixture
def folder(tmp_path) -> Path:
    """Five pairs in which each LR pixel is a block of HR; HR may be a bit larger."""
    for part in ("HR", "LR"):
        (tmp_path / part).mkdir()
    for i in range(5):
        lr = np.random.default_rng(i).integers(0, 256, (20 + i, 24, 3), np.uint8)
        hr = lr.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
        hr = np.pad(hr, ((0, i % SCALE), (0, 0), (0, 0)))
        Image.fromarray(lr).save(tmp_path / "LR" / f"{i}.png")
        Image.fromarray(hr).save(tmp_path / "HR" / f"{i}.png")
    return tmp_path


def opened(folder: Path, cache_gib: float = 1.0, min_side: int = 16) -> PairedPhotos:
    pairs = find_pairs(folder)
    return PairedPhotos(pairs, SCALE, min_side=min_side, cache_gib=cache_gib)


def batches(photos: PairedPhotos, count: int, **options) -> list[list[np.ndarray]]:
    """LR and HR of some batches, 0..255."""
    pairs = training_pairs(photos, 16, scale=SCALE, batch_size=4, **options)
    return [[lr.numpy() * 255, hr_to_255(hr.numpy())] for lr, hr in pairs.take(count)]


def test_both_crops_show_the_same(folder):
    turns = set()
    photos = opened(folder)
    for lr, hr in batches(photos, 8):
        assert lr.shape == (4, 8, 8, 3)
        assert hr.shape == (4, 16, 16, 3)
        np.testing.assert_allclose(lr.repeat(2, axis=1).repeat(2, axis=2), hr, atol=0.1)
        for crop in np.rint(lr).astype(np.uint8):
            turns |= {turn for turn in range(8) if _is_in(crop, photos, turn)}
    assert turns == set(range(8))


def _is_in(crop: np.ndarray, photos: PairedPhotos, turn: int) -> bool:
    crop = np.rot90(crop[::-1] if turn & 4 else crop, turn & 3)
    lines = crop[0].tobytes()
    return any(lines in row.tobytes() for pair in photos for row in pair.lr)


def test_memory_and_files_give_the_same_and_a_start_continues(folder):
    whole = batches(opened(folder), 4, seed=3)
    from_files = batches(opened(folder, cache_gib=0), 4, seed=3)
    rest = batches(opened(folder), 2, seed=3, start=2)
    for one, other in zip([*whole, *whole[2:]], [*from_files, *rest]):
        for ours, theirs in zip(one, other):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("cache_gib", [1, 0])
def test_no_python_is_in_the_graph(folder, cache_gib):
    pairs = training_pairs(opened(folder, cache_gib), 16, scale=SCALE, batch_size=2)
    assert b"PyFunc" not in graph_of(pairs)


@pytest.mark.parametrize("part", ["HR", "LR"])
def test_a_pair_with_a_broken_photo_is_left_out_and_named(folder, part, caplog):
    (folder / part / "1.png").write_bytes(b"no picture")
    photos = opened(folder)
    assert f"{part}/1.png" in caplog.text
    assert len(photos) == 4
    heights = [pair.lr.shape[0] for pair in photos]
    assert heights == [20, 22, 23, 24]
    for lr, hr in batches(photos, 4):
        np.testing.assert_allclose(lr.repeat(2, axis=1).repeat(2, axis=2), hr, atol=0.1)


def test_small_pairs_are_left_out(folder, caplog):
    assert len(opened(folder, min_side=44)) == 3
    assert "HR/0.png: 48x40, smaller than 44" in caplog.text


def test_sizes_that_do_not_fit_stop(folder):
    with pytest.raises(UserError, match=r"LR/0\.png .* reduced 4 times; another"):
        PairedPhotos(find_pairs(folder), 4, min_side=16)
    Image.new("RGB", (24, 22)).save(folder / "LR" / "1.png")
    with pytest.raises(UserError, match=r"LR/1\.png \(24x22, .* is not .*HR/1\.png"):
        opened(folder)


def test_pairs_are_not_degraded(folder):
    with pytest.raises(UserError, match="--degradation=photo makes LR, but these"):
        training_pairs(opened(folder), 16, scale=SCALE, degradation="photo")


def test_a_whole_pair_has_the_lr_of_the_file(folder):
    photos = opened(folder)
    shapes = []
    for i, (lr, hr) in enumerate(validation_pairs(photos, SCALE, degradation="web")):
        np.testing.assert_allclose(lr[0] * 255, photos[i].lr, atol=1e-3)
        np.testing.assert_array_equal(hr, whole_pair(photos[i], SCALE)[1])
        shapes.append(tuple(hr.shape[1:3]))
    assert shapes == [(40, 48), (42, 48), (44, 48), (46, 48), (48, 48)]


def test_a_photo_that_changes_is_named(folder):
    photos = opened(folder, cache_gib=0)
    (folder / "LR" / "2.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"LR/2\.png cannot be read as at the start"):
        photos.check_unchanged()


def test_they_are_opened_by_their_folder(folder):
    photos = open_photos(str(folder), min_side=16, scale=SCALE)
    assert isinstance(photos, PairedPhotos)
    assert str(photos).startswith("5 pairs. HR: 5 photos, 0.0 megapixels, all in mem")
