from pathlib import Path

import pytest
from PIL import Image

from srgan_tf.data.pair_folders import check_sizes, find_pairs, is_paired
from srgan_tf.errors import UserError


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two pairs at x4, one of them in a subfolder."""
    for part, scale in (("HR", 4), ("LR", 1)):
        (tmp_path / part / "inner").mkdir(parents=True)
        for name, width in (("a", 10), ("inner/a", 12)):
            size = (scale * width, scale * 8)
            Image.new("RGB", size).save(tmp_path / part / f"{name}.png")
    return tmp_path


def test_pairs_have_the_same_path_but_for_the_suffix(folder):
    (folder / "LR" / "a.png").rename(folder / "LR" / "a.TIF")
    assert is_paired(folder)
    pairs = find_pairs(folder)
    assert [pair.name for pair in pairs] == ["a", "inner/a"]
    assert pairs[0].lr == folder / "LR" / "a.TIF"
    assert pairs[1].hr == folder / "HR" / "inner" / "a.png"


def test_without_lr_there_is_hr_alone(folder):
    assert not is_paired(folder / "HR")
    assert [pair.lr for pair in find_pairs(folder / "HR")] == [None, None]


def test_names_that_do_not_pair_up_are_refused(folder):
    (folder / "LR" / "inner" / "a.png").unlink()
    with pytest.raises(UserError, match=r"2 HR and 1 LR .*HR/ has inner/a, LR/ does"):
        find_pairs(folder)
    (folder / "LR" / "a.jpg").touch()
    with pytest.raises(UserError, match="differ in their suffix only"):
        find_pairs(folder)


def test_sizes_that_do_not_fit_are_refused(folder):
    pair = find_pairs(folder)[0]
    lr = (8, 10, 3)
    for height, width in ((32, 40), (35, 43)):
        check_sizes(pair, (height, width, 3), lr, 4)
    for shape in ((36, 40, 3), (32, 39, 3), (32, 40, 1)):
        with pytest.raises(UserError, match=r"a\.png \(10x8, 3 channels\) is not .* 4"):
            check_sizes(pair, shape, lr, 4)
