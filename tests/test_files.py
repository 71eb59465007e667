import errno
import os
from pathlib import Path

import pytest

from srgan_tf.errors import UserError
from srgan_tf.files import Taken, append_text, whole_file, whole_folder


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


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_several_writers_of_one_name_do_not_meet(tmp_path, whole):
    path = tmp_path / "a"
    with whole(path) as first, whole(path) as second:
        assert first != second
        for partial, text in ((first, "1"), (second, "2")):
            (partial / "x" if partial.is_dir() else partial).write_text(text)
    assert os.listdir(tmp_path) == ["a"]
    assert (path / "x" if path.is_dir() else path).read_text() == "1"


@pytest.mark.parametrize("letter", ["n", "\N{GRINNING FACE}"])
def test_the_longest_names_are_written(tmp_path, letter):
    name = letter * (251 // len(letter.encode())) + ".png"
    with whole_file(tmp_path / name) as partial:
        partial.write_text("whole")
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("links", [True, False])
def test_a_free_place_is_taken_once(tmp_path, monkeypatch, links):
    path = tmp_path / "a.txt"
    if not links:  # as on memory cards

        def refuse(*_):
            raise PermissionError

        monkeypatch.setattr(Path, "hardlink_to", refuse)
    with whole_file(path, replace=False) as partial:
        partial.write_text("first")
    with pytest.raises(Taken), whole_file(path, replace=False) as partial:
        partial.write_text("second")
    assert path.read_text() == "first"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_what_a_killed_process_left_goes_after_a_day(tmp_path):
    for name, age in (("0" * 16, 90_000), ("1" * 16, 80_000)):
        left = tmp_path / f".partial.{name}.a.txt"
        left.write_text("half")
        os.utime(left, (left.stat().st_mtime - age,) * 2)
    with whole_file(tmp_path / "a.txt") as partial:
        partial.write_text("whole")
    assert sorted(os.listdir(tmp_path)) == [f".partial.{'1' * 16}.a.txt", "a.txt"]


# ---- folders


def folder_of(path, **files):
    path.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (path / name).write_text(text)
    return path


def texts(folder):
    """Every file below, hidden ones as well, and its text."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_takes_the_place_of_the_old_one(tmp_path):
    for old in ("absent", "there"):
        path = tmp_path / old / "new" / "a"
        if old == "there":
            folder_of(path, both="old", gone="old")
        with whole_folder(path) as partial:
            assert partial.parent == path.parent and not list(partial.iterdir())
            folder_of(partial, both="new")
        assert texts(tmp_path / old) == {"new/a/both": "new"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_an_interrupted_folder_leaves_the_old_one(tmp_path, error):
    path = folder_of(tmp_path / "a", file="old")
    with pytest.raises(error), whole_folder(path) as partial:
        folder_of(partial, file="ne")
        raise error
    assert texts(tmp_path) == {"a/file": "old"}
    assert os.listdir(tmp_path) == ["a"]


def test_a_full_disk_leaves_the_old_folder(tmp_path):
    path = folder_of(tmp_path / "a", file="old")
    with (
        pytest.raises(
            UserError, match=r"a cannot be written: No space left on device$"
        ),
        whole_folder(path) as partial,
    ):
        folder_of(partial, file="ne")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert texts(tmp_path) == {"a/file": "old"}
    assert os.listdir(tmp_path) == ["a"]


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(tmp_path, monkeypatch):
    path = folder_of(tmp_path / "a", file="old")
    rename = Path.rename

    def fail_once(source, target):
        if "partial" in source.name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", fail_once)
    with (
        pytest.raises(UserError, match=r"a cannot be written: Permission denied$"),
        whole_folder(path) as partial,
    ):
        folder_of(partial, file="new")
    assert texts(tmp_path) == {"a/file": "old"}
    assert os.listdir(tmp_path) == ["a"]


def test_a_folder_that_a_killed_process_left_goes_after_a_day(tmp_path):
    path = folder_of(tmp_path / "a", file="old")
    left = folder_of(tmp_path / f".partial.{'0' * 16}.a", half="ne")
    os.utime(left, (left.stat().st_mtime - 90_000,) * 2)
    with whole_folder(path) as partial:
        folder_of(partial, file="new")
    assert texts(tmp_path) == {"a/file": "new"}
    assert os.listdir(tmp_path) == ["a"]


def test_a_folder_where_none_can_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"a cannot be written: \w[^\n]*$"),
        whole_folder(tmp_path / "file" / "a"),
    ):
        pass
