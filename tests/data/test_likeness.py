import numpy as np
import pytest
from PIL import Image
from samples import smooth_photo

from srgan_tf.data.likeness import (
    distances,
    near_duplicates,
    nearest,
    perceptual_hash,
)


def photo(seed: int) -> Image.Image:
    return Image.fromarray(smooth_photo(seed, 160, 200))


def hashed(path) -> np.uint64:
    return np.uint64(perceptual_hash(path))


def test_a_photo_stays_itself_in_another_size_or_quality(tmp_path):
    photo(0).save(tmp_path / "0.png")
    original = hashed(tmp_path / "0.png")
    changed = [
        photo(0).resize((80, 64), Image.Resampling.BICUBIC),
        photo(0).resize((400, 320), Image.Resampling.BICUBIC),
        photo(0).point(lambda level: level * 0.8 + 10),
        photo(0).convert("L"),
    ]
    for number, other in enumerate(changed):
        path = tmp_path / f"changed{number}.jpg"
        other.save(path, quality=40)
        assert distances(original, hashed(path)) <= 6
    for seed in range(1, 6):
        photo(seed).save(tmp_path / f"{seed}.png")
        assert distances(original, hashed(tmp_path / f"{seed}.png")) > 16


@pytest.mark.parametrize("most", [0, 3, 6, 16])
def test_near_duplicates_are_those_of_comparing_all(most):
    draw = np.random.default_rng(most)
    centres = draw.integers(0, 2**64, 12, np.uint64)
    hashes = draw.choice(centres, 90)
    for _ in range(5):  # up to five bits differ
        hashes ^= np.uint64(1) << draw.integers(0, 64, 90).astype(np.uint64)
    kept: list[int] = []
    for place, value in enumerate(hashes):
        if not any(distances(value, hashes[other]) <= most for other in kept):
            kept.append(place)
    found = near_duplicates(hashes, most)
    assert [place for place in range(90) if place not in found] == kept
    for place, first in found.items():
        assert first < place
        assert first in kept
        assert distances(hashes[place], hashes[first]) <= most


def test_the_nearest_of_others():
    hashes = np.array([0b1011, 0b1111_0000], np.uint64)
    which, bits = nearest(hashes, [0, 0b1111, 0b1111_1000])
    assert which.tolist() == [1, 2]
    assert bits.tolist() == [1, 1]
