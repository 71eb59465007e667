import os

import pytest

from srgan_tf.errors import UserError
from srgan_tf.files import append_text, whole_file


def test_the_folder_is_made_and_nothing_else_stays(tmp_path):
    with whole_file(tmp_path / "new" / "a.txt") as partial:
        partial.write_text("whole")
        assert partial.suffix == ".txt"
    assert (tmp_path / "new" / "a.txt").read_text() == "whole"
    assert os.listdir(tmp_path / "new") == ["a.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), whole_file(path) as partial:
        partial.write_text("ne")
        raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_what_the_system_refuses_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"a\.txt cannot be written: \w") as error,
        whole_file(tmp_path / "file" / "a.txt"),
    ):
        pass
    assert "\n" not in str(error.value)


def test_text_is_appended(tmp_path):
    path = tmp_path / "folder" / "file.csv"
    for text in ("one\n", "zwei: \u00e4\n"):
        append_text(path, text)
    assert path.read_text("utf-8") == "one\nzwei: \u00e4\n"


def test_what_cannot_be_appended_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"folder cannot be written: \w[^\n]*$"):
        (tmp_path / "folder").mkdir()
        append_text(tmp_path / "folder", "one\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="NOT TESTED: no /dev/full")
def test_a_full_disk_is_one_line():
    with pytest.raises(UserError, match=r"/dev/full cannot be written: No space left"):
        append_text("/dev/full", "one\n")
