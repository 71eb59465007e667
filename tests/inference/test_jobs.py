"""Which photos are meant, and where their results go."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import files_in, save_picture, values

from srgan_tf.errors import UserError
from srgan_tf.inference.jobs import Source, find_sources, plan, result_format
from srgan_tf.inference.upscale_files import upscale_files
from srgan_tf.options import UpscaleOptions
from srgan_tf.pictures.kinds import KINDS, PHOTO_SUFFIXES, WRITTEN


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(folder, *arguments, output=None):
    """The photos, as seen from a folder."""
    sources = find_sources([f"{folder}/{argument}" for argument in arguments], output)
    return [str(source.path.relative_to(folder)) for source in sources]


# ---- which photos


def test_folders_are_searched_in_depth_for_photos_alone(tmp_path):
    touch(tmp_path, "a.png", "b/c.JPG", "b/d/e.tiff", "b/.hidden.png", "notes.txt")
    (tmp_path / "folder.png").mkdir()
    assert found(tmp_path, "") == ["a.png", "b/c.JPG", "b/d/e.tiff"]


def test_a_photo_named_twice_is_one(tmp_path):
    touch(tmp_path, "a.png", "b.png")
    assert found(tmp_path, "b.png", "", "*.png") == ["b.png", "a.png"]


@pytest.mark.parametrize("argument", ["", "*.png"])
def test_earlier_results_are_no_photos(tmp_path, argument):
    touch(tmp_path, "a.png", "a_x4.png", "a_x4_compare.png", "c_x4.png", "out/a.png")
    touch(tmp_path, "b.jpg", "b.png", "b.jpg_x2.png")
    photos = ["a.png", "b.png", "c_x4.png"]  # the last is of no photo: a name
    if not argument:
        photos.insert(1, "b.jpg")
    assert found(tmp_path, argument, output=str(tmp_path / "out")) == photos
    assert found(tmp_path, "a_x4.png") == ["a_x4.png"]  # named, it is meant


def test_a_file_with_a_name_like_a_glob_is_that_file(tmp_path):
    touch(tmp_path, "a[1].png", "a1.png")
    assert found(tmp_path, "a[1].png") == ["a[1].png"]


# ---- to where


def test_structure_under_a_glob(tmp_path):
    for name in ("a/1.png", "b/1.png"):
        save_picture(tmp_path / name, values(2, 2, 3))
    sources = find_sources([f"{tmp_path}/*/*.png", str(tmp_path)], "out")
    jobs = plan(sources, 2, output="out")
    assert [str(job.target) for job in jobs] == ["out/a/1_x2.png", "out/b/1_x2.png"]
    with pytest.raises(UserError, match="two runs"):
        plan(find_sources([f"{tmp_path}/{x}/1.png" for x in "ab"]), 2, output="out")


def test_without_an_output_results_are_beside_their_photos(tmp_path):
    touch(tmp_path, "a.png", "b/c.jpg")
    jobs = plan(find_sources([str(tmp_path)]), 4, file_format="webp")
    assert [job.target for job in jobs] == [
        tmp_path / "a_x4.webp", tmp_path / "b" / "c_x4.webp",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("output", "file_format", "result"),
    [
        (None, None, "png"),
        ("folder", None, "png"),
        ("folder", "webp", "webp"),
        ("b.JPEG", None, "jpg"),
        ("b.tif", "tiff", "tiff"),
    ],
)
def test_the_format_is_that_of_the_output_or_png(tmp_path, output, file_format, result):
    touch(tmp_path, "a.png")
    sources = find_sources([str(tmp_path / "a.png")])
    where = output and str(tmp_path / output)
    assert result_format(sources, output=where, file_format=file_format) == result
    if output and "." in output:
        (job,) = plan(sources, 4, output=where, file_format=result)
        assert job == (tmp_path / "a.png", tmp_path / output)


# Few letters, so that names meet; dots, digits and suffixes within them on purpose.
NAMES = st.sampled_from(["a", "b", "a.jpg", "a_x4", "a.png_x2", ".a"])
FOLDERS = st.sampled_from(["", "c", "c/d", "c.png"])
ROOTS = st.sampled_from(["in", "/in", "../in", "other/in", "."])


@st.composite
def found_sources(draw):
    root = Path(draw(ROOTS))
    names = st.builds("{}/{}{}".format, FOLDERS, NAMES, st.sampled_from(PHOTO_SUFFIXES))
    chosen = draw(st.lists(names, min_size=1, max_size=12, unique=True))
    return [Source(root / name.lstrip("/"), root) for name in chosen]


@given(
    sources=found_sources(),
    scale=st.integers(2, 8),
    output=st.sampled_from([None, "out", "/out", "../out", "out/deeper"]),
    file_format=st.sampled_from(WRITTEN),
)
def test_every_result_has_a_place_of_its_own(sources, scale, output, file_format):
    try:
        jobs = plan(sources, scale, output=output, file_format=file_format)
    except UserError as error:
        assert "two runs" in str(error)
        # Where two photos share a stem, a third may be named as their results are.
        paths = [source.path for source in sources]
        assert {path.with_suffix("") for path in paths} & set(paths)
        return
    assert [job.source for job in jobs] == [source.path for source in sources]
    targets = [job.target for job in jobs]
    assert len(set(targets)) == len(targets)
    for source, target in zip(sources, targets):
        assert target.name.startswith(source.path.stem)
        assert target.name.endswith(f"_x{scale}{KINDS[file_format].suffixes[0]}")
        beside = source.path.parent
        if output:
            beside = Path(output) / beside.relative_to(source.root)
            assert Path(output) in target.parents
        assert target.parent == beside


# ---- what cannot be meant


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ([], {}, "upscale what"),
        (["missing.png"], {}, "no such file"),
        (["{}/*.gif"], {}, "no photo there"),
        (["{}/a.png", "{}/b.png"], {"output": "{}/c.png"}, "one file for 2 photos"),
        (["{}/a.png"], {"output": "{}/a.png"}, "is the photo itself"),
        (["{}/a.png"], {"output": "c.jpg", "format": "png"}, "contradict"),
        (["{}/a.png"], {"output": "{}/note.txt"}, "no picture; name a folder"),
        (["{}/a.png"], {"format": "gif"}, "must be png, jpg, webp, tiff or bmp"),
    ],
)
def test_bad_arguments_are_refused_before_a_model_is_loaded(
    tmp_path, arguments, options, message
):
    for name in "ab":
        save_picture(tmp_path / f"{name}.png", values(4, 4, 3))
    (tmp_path / "note.txt").write_text("")
    options = {name: value.format(tmp_path) for name, value in options.items()}
    words = [argument.format(tmp_path) for argument in arguments]
    with pytest.raises(UserError, match=message) as caught:
        upscale_files(words, UpscaleOptions(model=("none.keras",), **options))
    assert "\n" not in str(caught.value)
    assert files_in(tmp_path) == ["a.png", "b.png", "note.txt"]
