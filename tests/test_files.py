import os

import pytest

from srgan_tf.errors import UserError
from srgan_tf.files import whole_file


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
