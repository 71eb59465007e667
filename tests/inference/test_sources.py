"""Which photos are meant, and what is said of all else."""

import io
import os
import socket
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from samples import save_picture, smooth_photo, values

from srgan_tf.errors import UserError
from srgan_tf.inference.results import Origin, Record
from srgan_tf.inference.sources import find_sources, is_stream, words_for
from srgan_tf.pictures import kinds


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(folder, *arguments):
    """The photos, as seen from a folder."""
    sources = find_sources([f"{folder}/{argument}" for argument in arguments]).sources
    return [str(source.path.relative_to(folder)) for source in sources]


def left_out(*arguments):
    return words_for(find_sources(list(map(str, arguments))).left_out)


def result(path, photo):
    """A picture that says that it was made from a photo."""
    save_picture(path, values(16, 20, 3))
    origin = Origin.of_file(photo, path.parent)
    Record(origin, {"scale": 4}).write_into(path, "png")


def enlarged(path, photo, scale):
    """A picture of that size which says nothing."""
    with Image.open(photo) as image:
        image.resize((scale * image.width, scale * image.height)).save(path)


def test_folders_are_searched_in_depth_for_photos_alone(tmp_path):
    touch(tmp_path, "a.png", "b/c.JPG", "b/d/e.tiff", "b/.hidden.png", "notes.txt")
    (tmp_path / "folder.png").mkdir()
    assert found(tmp_path, "") == ["a.png", "b/c.JPG", "b/d/e.tiff"]


def test_a_photo_named_twice_is_one(tmp_path):
    touch(tmp_path, "a.png", "b.png")
    assert found(tmp_path, "b.png", "", "*.png") == ["b.png", "a.png"]


def test_a_file_with_a_name_like_a_glob_is_that_file(tmp_path):
    touch(tmp_path, "a[1].png", "a1.png")
    assert found(tmp_path, "a[1].png") == ["a[1].png"]


def test_the_home_folder_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    touch(tmp_path, "a.png", "b/c.png")
    for argument in ("~/a.png", "~/b", "~/*.png"):
        (source,) = find_sources([argument]).sources
        assert tmp_path in source.path.parents


def test_structure_begins_behind_what_was_named(tmp_path):
    touch(tmp_path, "a/1.png", "a/b/2.png")
    for argument, root in (("a", "a"), ("a/*/*.png", "a"), ("a/b/2.png", "a/b")):
        for source in find_sources([f"{tmp_path}/{argument}"]).sources:
            assert source.root == tmp_path / root


# ---- results


@pytest.mark.parametrize("argument", ["", "**/*.png"])
def test_results_are_known_wherever_they_are(tmp_path, argument):
    save_picture(tmp_path / "a.png", values(4, 5, 3))
    for name in ("a_x4.png", "a_x4_compare.png", "out/a_x4.png", "out/renamed.png"):
        result(tmp_path / name, tmp_path / "a.png")
    assert found(tmp_path, argument) == ["a.png"]
    assert "4 earlier results (a_x4.png, a_x4_compare.png, a_x4.png, ...)" in left_out(
        f"{tmp_path}/{argument}"
    )
    (tmp_path / "a.png").unlink()  # they remain what they are
    with pytest.raises(
        UserError, match=r"no photo there .*; there are 4 earlier result"
    ):
        find_sources([f"{tmp_path}/{argument}"])


def test_a_name_makes_no_result(tmp_path):
    for name in ("a.png", "a_x4.png", "a_x4_compare.png", "b_x2.png"):
        save_picture(tmp_path / name, values(4, 5, 3))
    names = ["a.png", "a_x4.png", "a_x4_compare.png", "b_x2.png"]
    assert found(tmp_path, "") == names


def test_a_name_and_the_size_do(tmp_path):
    """Results of earlier versions say nothing of themselves."""
    for name in ("a.png", "b.jpg", "turned.jpg"):
        save_picture(tmp_path / name, smooth_photo(1))
    for name, photo in (("a_x4", "a.png"), ("b.jpg_x2", "b.jpg"), ("a_x3", "a.png")):
        enlarged(tmp_path / f"{name}.png", tmp_path / photo, int(name[-1]))
    save_picture(tmp_path / "a_x4_compare.png", values(256, 640, 3))
    save_picture(tmp_path / "turned_x2.png", values(160, 128, 3))
    assert found(tmp_path, "") == ["a.png", "b.jpg", "turned.jpg"]


def test_the_place_of_results_hides_nothing(tmp_path):
    save_picture(tmp_path / "out" / "a.png", values(4, 5, 3))
    assert found(tmp_path, "") == ["out/a.png"]


def test_a_result_that_is_named_is_a_photo_unless_its_photo_is_named(tmp_path):
    for name in "ab":
        save_picture(tmp_path / f"{name}.png", values(4, 5, 3, seed=ord(name)))
    result(tmp_path / "a_x4.png", tmp_path / "a.png")
    assert found(tmp_path, "a_x4.png") == ["a_x4.png"]
    assert found(tmp_path, "a_x4.png", "b.png") == ["a_x4.png", "b.png"]
    assert found(tmp_path, "a.png", "a_x4.png", "b.png") == ["a.png", "b.png"]
    words = left_out(*(tmp_path / name for name in ("a_x4.png", "a.png")))
    assert words == "1 earlier results (a_x4.png)"


# ---- all else


@pytest.mark.parametrize("argument", ["", "a.png"])
def test_a_result_that_has_taken_its_photos_place_is_a_photo(tmp_path, argument):
    save_picture(tmp_path / "a.png", values(4, 5, 3))
    result(tmp_path / "a_x4.png", tmp_path / "a.png")
    (tmp_path / "a_x4.png").replace(tmp_path / "a.png")
    assert found(tmp_path, argument) == ["a.png"]


def test_what_is_no_photo_is_counted_and_named(tmp_path):
    touch(tmp_path, "a.png", "x.txt", *(f"{i}.CR2" for i in range(5)), "deep/y.txt")
    touch(tmp_path, ".DS_Store", "._a.png", ".partial.0123.a_x4.png", "noname")
    assert left_out(tmp_path) == (
        f"5 .cr2 (0.CR2, 1.CR2, 2.CR2, ...; camera raw: {kinds.DEVELOP}), 2 .txt "
        "(x.txt, y.txt), 1 hidden files (._a.png), 1 no suffix (noname)"
    )


def test_what_to_install_is_said(tmp_path, monkeypatch):
    touch(tmp_path, "a.png", "b.heic")
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    monkeypatch.setattr(
        "srgan_tf.data.listing.PHOTO_SUFFIXES",
        tuple(x for kind in kinds.readable().values() for x in kind.suffixes),
    )
    assert left_out(tmp_path) == (
        "1 .heic (b.heic; HEIC needs pip install 'srgan_tf[heif]')"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "upscale what"),
        (["missing.png"], "no such file"),
        (["{}/*.gif"], r"no photo there \(looked for \.png"),
        (["{}"], r"no photo there .*; there are 1 \.txt \(note\.txt\)"),
    ],
)
def test_nothing_to_do_is_one_line(tmp_path, arguments, message):
    (tmp_path / "note.txt").write_text("")
    with pytest.raises(UserError, match=message) as caught:
        find_sources([argument.format(tmp_path) for argument in arguments])
    assert "\n" not in str(caught.value)


# ---- pipes


def test_the_standard_input(monkeypatch):
    class Input:
        buffer = io.BytesIO(b"a photo")

        def isatty(self):
            return False

    monkeypatch.setattr(sys, "stdin", Input())
    (source,) = find_sources(["-", "-"]).sources
    assert source.content == b"a photo"
    monkeypatch.setattr(Input, "isatty", lambda self: True)
    with pytest.raises(UserError, match="is a terminal"):
        find_sources(["-"])


def test_what_cannot_be_read_is_one_line(tmp_path):
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "a.jpg"))
        with pytest.raises(UserError, match=r"a\.jpg cannot be read: "):
            find_sources([str(tmp_path / "a.jpg")])


@pytest.mark.parametrize(
    ("path", "stream"),
    [
        ("/dev/stdin", True),
        ("/dev/fd/3", True),
        ("/proc/self/fd/0", True),
        ("/dev/null", True),
        ("/dev/shm/photo.png", False),  # memory that holds files as a disk does
        ("dev/stdin", False),
    ],
)
def test_streams(path, stream):
    assert is_stream(Path(path)) == stream


def test_a_named_pipe_is_read_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(
        target=(tmp_path / "pipe").write_bytes, args=(b"a photo",)
    )
    writer.start()
    (source,) = find_sources([str(tmp_path / "pipe")]).sources
    writer.join()
    assert source.file.read() == source.file.read() == b"a photo"


def test_a_photo_from_a_pipe_is_known_again(tmp_path):
    file = io.BytesIO()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(file, "PNG")
    save_picture(tmp_path / "r.png", values(16, 16, 3))
    origin = Origin.of_content(file.getvalue())
    Record(origin, {}).write_into(tmp_path / "r.png", "png")
    (tmp_path / "a.png").write_bytes(file.getvalue())
    assert found(tmp_path, "") == ["a.png"]
    record = Record.of(tmp_path / "r.png")
    assert find_sources([f"{tmp_path}/a.png"]).sources[0].is_content_of(record)
