import os
from pathlib import Path

import pytest
from PIL import Image
from samples import smooth_photo

from srgan_tf.data.listing import find_photos, list_folder, list_glob
from srgan_tf.data.photos import read_photo
from srgan_tf.errors import UserError


def photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(smooth_photo(0)).save(path)
    return path


def names(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in list_folder(folder).photos]


def test_folders_are_searched_in_depth_and_globs_expanded(photo_folder):
    inner = photo_folder / "inner"
    inner.mkdir()
    (photo_folder / "0.png").rename(inner / "0.PNG")
    (photo_folder / "notes.txt").write_text("no picture")
    assert len(find_photos(str(photo_folder))) == 6
    assert find_photos(str(photo_folder / "[12].png")) == [
        str(photo_folder / name) for name in ("1.png", "2.png")
    ]
    assert len(find_photos(str(photo_folder / "**"))) == 6
    assert len(find_photos(str(photo_folder / "*" / "*.PNG"))) == 1


def test_one_file_is_a_data_set(photo_folder):
    path = str(photo_folder / "0.png")
    assert find_photos(path) == [path]


def test_the_home_folder_is_expanded(photo_folder, monkeypatch):
    monkeypatch.setenv("HOME", str(photo_folder.parent))
    assert find_photos("~/photos") == find_photos(str(photo_folder))
    assert len(find_photos("~/photos/*.png")) == 6


def test_a_folder_whose_name_looks_like_a_glob(tmp_path):
    path = photo(tmp_path / "a[1]" / "x.png")
    assert find_photos(str(tmp_path / "a[1]")) == [str(path)]


def test_links_are_followed_and_loops_end(tmp_path):
    folder, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    photo(folder / "own" / "a.png")
    photo(elsewhere / "deep" / "b.png")
    (folder / "0_link").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)
    (folder / "own" / "self").symlink_to(folder / "own")
    (folder / "0_twice").symlink_to(folder / "own")
    assert names(folder) == ["0_link/deep/b.png", "own/a.png"]
    found = find_photos(str(folder / "**" / "*.png"))
    assert sorted(map(os.path.realpath, found)) == sorted(
        map(os.path.realpath, find_photos(str(folder)))
    )


def test_what_only_has_a_photo_s_name_is_left_out(tmp_path):
    """A link in a circle, one to nothing, and a pipe, whose opening takes for ever."""
    photo(tmp_path / "a.png")
    (tmp_path / "circle.png").symlink_to("circle.png")
    (tmp_path / "lost.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    for listing in (list_folder(tmp_path), list_glob(str(tmp_path / "*"))):
        assert listing.photos == [tmp_path / "a.png"]
        left_out = {
            kind: sorted(path.name for path in paths)
            for kind, paths in listing.left_out.items()
        }
        assert left_out == {
            "links to nothing": ["circle.png", "lost.jpg"],
            "pipes": ["pipe.jpg"],
        }


def test_hidden_and_thumbnail_folders_are_left_out_and_named(tmp_path, caplog):
    folder = tmp_path / ".photos"  # itself it may be hidden: it was named
    photo(folder / "a.png")
    for side in (".ipynb_checkpoints", ".thumbnails", "@eaDir", "__MACOSX", "Thumbs"):
        photo(folder / side / "a.png")
    photo(folder / "._a.png")
    assert find_photos(str(folder)) == [str(folder / "a.png")]
    assert (
        "folders @eaDir (1), folders Thumbs (1), folders __MACOSX (1), "
        "hidden files (1), hidden folders (2)." in caplog.text
    )
    assert find_photos(str(folder / "**")) == [str(folder / "a.png")]
    assert "files in side folders (3)" in caplog.text


def test_files_of_other_kinds_are_counted_by_kind(tmp_path, caplog):
    photo(tmp_path / "a.png")
    for name in ("b.NEF", "c.nef", "d.txt", "README"):
        (tmp_path / name).touch()
    find_photos(str(tmp_path))
    assert f"Left out in the folder {tmp_path}: .nef (2), .txt (1), no suffix (1)." in (
        caplog.text
    )
    caplog.clear()
    find_photos(str(tmp_path / "*.png"))
    assert not caplog.text


def test_a_folder_that_a_glob_names_is_left_out_and_said(tmp_path, caplog):
    photo(tmp_path / "a.png")
    photo(tmp_path / "inner" / "b.png")
    assert find_photos(str(tmp_path / "*")) == [str(tmp_path / "a.png")]
    assert "folders (1)" in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_named(tmp_path, caplog):
    photo(tmp_path / "a.png")
    (tmp_path / "closed").mkdir(0)
    find_photos(str(tmp_path))
    assert "closed: Permission denied (1)" in caplog.text


def test_missing_and_empty_places_are_refused(tmp_path):
    with pytest.raises(UserError, match="There is no folder"):
        find_photos(str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"There is no file photos/1\.png"):
        find_photos("photos/1.png")
    with pytest.raises(UserError, match=r"There is no file 1\.png"):
        find_photos("1.png")
    with pytest.raises(UserError, match=r"no picture in the folder .*holds nothing"):
        find_photos(str(tmp_path))
    with pytest.raises(UserError, match="no picture in the glob"):
        find_photos(str(tmp_path / "*.png"))
    (tmp_path / "a.docx").touch()
    with pytest.raises(UserError, match=r"which holds \.docx \(1\) \(looked for \.png"):
        find_photos(str(tmp_path))


def test_unknown_tfds_names_are_refused():
    with pytest.raises(UserError, match="no_such_set is no folder"):
        find_photos("no_such_set")


def test_bundled_photos_are_there_and_validation_is_apart():
    train, valid = find_photos("bundled"), find_photos("bundled", "validation")
    assert len(train) >= 10
    assert not set(train) & set(valid)
    assert all(min(read_photo(path).shape[:2]) >= 128 for path in train + valid)
