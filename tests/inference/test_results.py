"""Results: done, made anew, kept; and what is known to fail beforehand."""

import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from samples import (
    REPOSITORY,
    files_in,
    save_picture,
    smooth_photo,
    start,
    trained_like,
    values,
)

from srgan_tf.errors import UserError
from srgan_tf.inference import upscale_files
from srgan_tf.inference.progress import Progress
from srgan_tf.options import UpscaleOptions
from srgan_tf.pictures.formats import read_photo_file


@pytest.fixture
def upscale(model_file, monkeypatch, tmp_path):
    """Runs the command in a folder of its own; gives what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, model=model_file, **options):
        captured = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdout", captured)
            upscale_files.upscale_files(
                [str(argument) for argument in arguments],
                UpscaleOptions(model=(str(model),), **options),
            )
        return captured.getvalue()

    return run


def no_loading(*_, **__):
    raise AssertionError("A model was loaded.")


@pytest.fixture
def no_model(monkeypatch):
    monkeypatch.setattr(upscale_files, "load_model", no_loading)


def content(*names):
    return {name: open(name, "rb").read() for name in names}


# ---- done and not done


def test_what_is_done_needs_no_model(upscale, monkeypatch):
    save_picture(Path("a.png"), values(8, 9, 3))
    upscale("a.png", scale=4)
    monkeypatch.setattr(upscale_files, "load_model", no_loading)
    assert "Upscaled 0 of 1 photos; 1 done before" in upscale("a.png", scale=4)


def change_model(folder):
    trained_like(seed=5).save(folder / "other.keras")
    return {"model": folder / "other.keras"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (change_model, "with another model"),
        (lambda _: {"self_ensemble": True}, "with another self_ensemble"),
        (lambda _: {"quality": 50}, "with another quality"),
        (
            lambda _: {"quality": 50, "self_ensemble": True},
            "with another quality, self_ens",
        ),
    ],
)
def test_other_settings_make_a_result_anew_and_keep_the_other(
    upscale, tmp_path, options, words
):
    save_picture(Path("a.png"), smooth_photo(1))
    upscale("a.png", format="webp")
    first = content("a_x4.webp")["a_x4.webp"]
    output = upscale("a.png", format="webp", **options(tmp_path))
    assert f"a_x4.webp: the earlier result {words}" in output
    assert "is a_x4_2.webp now.\nUpscaled 1 of 1 photos.\n" in output
    assert content("a_x4_2.webp")["a_x4_2.webp"] == first
    assert content("a_x4.webp")["a_x4.webp"] != first
    assert "1 done before" in upscale("a.png", format="webp")  # the first, kept


def test_what_changes_no_pixel_makes_nothing_anew(upscale, model_file, tmp_path):
    save_picture(Path("a.png"), values(8, 9, 3))
    upscale("a.png")
    renamed = tmp_path / "renamed.keras"
    renamed.write_bytes(Path(model_file).read_bytes())
    for options in ({"tile": 16}, {"scale": 4}, {"quality": 50}, {"model": renamed}):
        assert "1 done before" in upscale("a.png", **options)


def test_an_edited_photo_is_made_anew(upscale):
    save_picture(Path("a.png"), smooth_photo(1))
    upscale("a.png", compare=True)
    first = content("a_x4.png", "a_x4_compare.png")
    save_picture(Path("a.png"), smooth_photo(2))
    output = upscale("a.png", compare=True)
    assert "the earlier result of that photo is a_x4_2.png now" in output
    assert files_in_here() == [
        "a.png", "a_x4.png", "a_x4_2.png", "a_x4_2_compare.png", "a_x4_compare.png",
    ]  # fmt: skip
    kept = content("a_x4_2.png", "a_x4_2_compare.png")
    assert list(kept.values()) == list(first.values())
    save_picture(Path("b.png"), smooth_photo(2))
    upscale("b.png", compare=True)
    for name in ("x4.png", "x4_compare.png"):
        made, expected = (read_photo_file(f"{stem}_{name}").pixels for stem in "ab")
        np.testing.assert_array_equal(made, expected)
    save_picture(Path("a.png"), smooth_photo(3))
    assert "earlier" not in upscale("a.png", compare=True, overwrite=True)
    assert len(files_in_here()) == 8


def files_in_here():
    return sorted(name for name in os.listdir() if not name.startswith("other"))


def test_a_comparison_that_is_asked_for_later(upscale):
    save_picture(Path("a.png"), values(8, 9, 3))
    upscale("a.png")
    assert "Upscaled 1 of 1 photos.\n" in upscale("a.png", compare=True)
    assert files_in_here() == ["a.png", "a_x4.png", "a_x4_compare.png"]
    assert "1 done before" in upscale("a.png", compare=True)


def test_results_in_other_formats_leave_a_comparison_where_it_is(upscale):
    save_picture(Path("a.png"), values(8, 9, 3))
    upscale("a.png", compare=True)
    before = content("a_x4_compare.png")
    upscale("a.png", format="webp")
    upscale("a.png", format="webp", lossless=True)
    upscale("a.png", format="jpg", compare=True)
    assert content("a_x4_compare.png") == before
    assert "1 done before" in upscale("a.png", compare=True)


def test_a_comparison_of_another_result_is_kept(upscale):
    save_picture(Path("a.png"), values(8, 9, 3))
    upscale("a.png", compare=True, scale=4)
    before = content("a_x4_compare.png")["a_x4_compare.png"]
    upscale("a.png", compare=True, scale=4, format="jpg", self_ensemble=True)
    assert content("a_x4_compare_2.png")["a_x4_compare_2.png"] == before
    assert "1 done before" in upscale(
        "a.png", compare=True, scale=4, format="jpg", self_ensemble=True
    )


@pytest.mark.parametrize("together", [False, True])
def test_photos_of_one_name_from_two_folders(upscale, together):
    for i in (1, 2):
        save_picture(Path(f"{i}/IMG_0001.jpg"), smooth_photo(i))
    if together:
        output = upscale("1", "2", output="out")
    else:
        upscale("1", output="out")
        output = upscale("2", output="out")
    assert "out/IMG_0001_x4.png is taken; see out/IMG_0001.jpg_x4.png" in output
    for i, name in enumerate(("IMG_0001_x4.png", "IMG_0001.jpg_x4.png"), start=1):
        upscale(f"{i}/IMG_0001.jpg", output=f"expected{i}.png")
        np.testing.assert_array_equal(
            read_photo_file(f"out/{name}").pixels,
            read_photo_file(f"expected{i}.png").pixels,
        )
    assert "2 done before" in upscale("2", "1", output="out")


# ---- where results go


@pytest.mark.parametrize("output", ["pics", ".", "pics/out", "./pics/../pics"])
def test_the_place_of_results_hides_no_photo(upscale, tmp_path, output):
    names = ["a.png", "deep/b.jpg"]
    for name in names:
        save_picture(tmp_path / "pics" / name, smooth_photo(1))
    assert "Upscaled 2 of 2 photos.\n" in upscale("pics", output=output)
    before = files_in(tmp_path)
    for _ in range(2):
        output_lines = upscale("pics", output=output)
        assert "Upscaled 0 of 2 photos; 2 done before" in output_lines
        assert files_in(tmp_path) == before
    upscale("pics", output="elsewhere")
    assert files_in(tmp_path / "elsewhere") == ["a_x4.png", "deep/b_x4.png"]


def test_the_folder_one_is_in(upscale, tmp_path):
    save_picture(tmp_path / "a.png", smooth_photo(1))
    for arguments, output in ((".", "."), ("*.png", "."), ("a.png", ".")):
        upscale(arguments, output=output)
    assert files_in_here() == ["a.png", "a_x4.png"]


@pytest.mark.parametrize("arguments", [["a.png", "a_x4.png"], ["."], ["*.png"]])
def test_overwriting_takes_no_photo(upscale, tmp_path, arguments):
    for i, name in enumerate(("a.png", "a_x4.png", "a_x4_compare.png")):
        save_picture(tmp_path / name, smooth_photo(i))
    before = content("a.png", "a_x4.png", "a_x4_compare.png")
    for _ in range(2):
        upscale(*arguments, overwrite=True, compare=True)
        assert content(*before) == before
    assert "a.png_x4.png" in files_in_here() and "a_x4_x4.png" in files_in_here()


def test_overwriting_takes_nothing_that_looks_like_a_result(upscale, tmp_path):
    save_picture(tmp_path / "a.png", smooth_photo(1, 16, 16))
    save_picture(tmp_path / "a_x4.png", smooth_photo(2, 64, 64))
    before = content("a_x4.png")
    assert "1 earlier results (a_x4.png)" in upscale(".", overwrite=True)
    assert content("a_x4.png") == before
    assert files_in_here() == ["a.png", "a.png_x4.png", "a_x4.png"]


def test_a_hand_made_file_stays(upscale, tmp_path):
    save_picture(tmp_path / "a.png", smooth_photo(1))
    (tmp_path / "a_x4.png").write_text("mine")
    assert "a_x4.png is taken; see a.png_x4.png" in upscale("a.png")
    assert (tmp_path / "a_x4.png").read_text() == "mine"
    assert "1 done before" in upscale("a.png")


@pytest.mark.parametrize(
    "name", ["n" * 245 + ".png", "é" * 122 + ".png", "a b\n'\".png"]
)
def test_names_of_every_kind(upscale, tmp_path, name):
    save_picture(tmp_path / name, smooth_photo(1))
    upscale(name, compare=True)
    results = [path for path in tmp_path.iterdir() if path.name != name]
    assert len(results) == 2 and all(x.name.startswith(name[:-4][:90]) for x in results)
    upscale(name, compare=True, self_ensemble=True)
    assert len(os.listdir()) == 5
    for ensemble in (False, True):
        assert "1 done before" in upscale(name, compare=True, self_ensemble=ensemble)


def test_formats_as_the_photos_have_them(upscale, tmp_path):
    kinds = {"a.JPG": "JPEG", "b.webp": "WEBP", "c.tif": "TIFF", "d.png": "JPEG"}
    for name, kind in kinds.items():
        Image.fromarray(smooth_photo(1)).save(name, kind)
    Image.fromarray(smooth_photo(1)).save("e.gif")
    with pytest.raises(
        UserError, match=r"^e\.gif: is GIF, which is not written: choos"
    ):
        upscale(".", format="same", output="out")
    made = {}
    for name in files_in(tmp_path / "out"):
        with Image.open(f"out/{name}") as image:
            made[name] = image.format
    assert made == {
        "a_x4.JPG": "JPEG", "b_x4.webp": "WEBP", "c_x4.tif": "TIFF", "d_x4.jpg": "JPEG",
    }  # fmt: skip


def test_times_are_kept(upscale):
    save_picture(Path("a.png"), smooth_photo(1))
    os.utime("a.png", (1e9, 1e9))
    upscale("a.png", compare=True, keep_times=True)
    for name in ("a_x4.png", "a_x4_compare.png"):
        assert os.stat(name).st_mtime == 1e9
    assert "1 done before" in upscale("a.png", compare=True)


# ---- refused before a model is loaded


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "jpg"}, "has transparency, which JPEG cannot hold: choose png"),
        ({"output": "r.bmp"}, "has transparency, which BMP cannot hold"),
        (
            {"format": "webp", "scale": 8},
            "as WebP, which holds 16383 a side: the resul",
        ),
        ({"output": "file/out"}, r"file cannot be written to: Not a directory"),
        ({"output": "file/r.webp"}, r"file cannot be written to: Not a directory"),
        ({"output": "r.jpg", "lossless": True}, "--lossless: JPEG always loses somet"),
        ({"max_megapixels": 0.01}, "has 0 megapixels .2100x8., more than --max_mega"),
    ],
)
def test_what_is_known_to_fail(upscale, no_model, tmp_path, options, message):
    pixels = np.zeros((8, 2100, 4), np.uint8)
    save_picture(tmp_path / "a.png", pixels)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=message) as caught:
        upscale("a.png", **({"scale": 4, "compare": True} | options))
    assert str(caught.value).count("a.png") == (0 if "--lossless" in message else 1)
    assert "\n" not in str(caught.value)
    assert files_in_here() == ["a.png", "file"]


def test_opaque_alpha_is_no_transparency(upscale, tmp_path):
    save_picture(tmp_path / "a.png", np.full((4, 4, 4), 255, np.uint8))
    upscale("a.png", format="jpg")
    assert files_in_here() == ["a.png", "a_x4.jpg"]


def test_a_full_disk(upscale, no_model, monkeypatch):
    save_picture(Path("a.png"), np.zeros((1000, 1000, 3), np.uint8))
    usage = shutil.disk_usage(".")._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"need at least 48\.0 MB, and \. has 1\.0 MB"):
        upscale("a.png", scale=4, format="bmp")


def test_a_result_larger_than_the_memory(upscale, no_model, monkeypatch):
    save_picture(Path("a.png"), np.zeros((1000, 1000, 3), np.uint8))
    monkeypatch.setattr(os, "sysconf", lambda name: 1000)
    with pytest.raises(
        UserError, match=r"takes up 48\.0 MB of memory, and there are 1\.0"
    ):
        upscale("a.png", scale=4)


# ---- what is said


def test_what_is_left_out_is_named(upscale, tmp_path):
    save_picture(tmp_path / "a.png", smooth_photo(1))
    for name in ("b.nef", "notes.txt"):
        (tmp_path / name).touch()
    assert upscale(".").startswith(
        "Left out 1 .nef (b.nef; camera raw: convert it to TIFF first, by darktable"
    )


def test_progress_is_a_line_now_and_then_where_there_is_no_terminal(
    capsys, monkeypatch
):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Progress(2, 4.0) as progress:
        for name in ("a.png", "b.png"):
            with progress.photo(name, 2.0):
                for _ in range(4):
                    now[0] += 25
                    progress.advance(0.5)
                progress.say("a word")
    out, err = capsys.readouterr()
    assert out == "a word\na word\n"
    assert err == (
        "a.png (1/2): 38%, about 2 min left\nb.png (2/2): 75%, about 1 min left\n"
    )


# ---- several processes


@pytest.mark.parametrize("same", [True, False])
def test_a_name_that_another_process_takes_meanwhile(upscale, monkeypatch, same):
    save_picture(Path("a.png"), smooth_photo(1))
    compute = upscale_files.upscale_pixels
    options = {"format": "webp", "quality": 90}

    def slow(*arguments, **wishes):
        monkeypatch.setattr(upscale_files, "upscale_pixels", compute)
        upscale("a.png", **(options if same else {"format": "webp"}))
        return compute(*arguments, **wishes)

    monkeypatch.setattr(upscale_files, "upscale_pixels", slow)
    output = upscale("a.png", **options)
    if same:
        assert "Upscaled 0 of 1 photos; 1 done before" in output
        assert files_in_here() == ["a.png", "a_x4.webp"]
    else:
        assert "with another quality is a_x4_2.webp now" in output
        assert files_in_here() == ["a.png", "a_x4.webp", "a_x4_2.webp"]
    assert "1 done before" in upscale("a.png", **options)


def test_two_photos_of_one_name_at_once(upscale, monkeypatch):
    for i in (1, 2):
        save_picture(Path(f"{i}/a.png"), smooth_photo(i))
    compute = upscale_files.upscale_pixels

    def slow(*arguments, **wishes):
        monkeypatch.setattr(upscale_files, "upscale_pixels", compute)
        upscale("2", output="out")
        return compute(*arguments, **wishes)

    monkeypatch.setattr(upscale_files, "upscale_pixels", slow)
    upscale("1", output="out")
    assert sorted(os.listdir("out")) == ["a.png_x4.png", "a_x4.png"]
    assert "2 done before" in upscale("1", "2", output="out")


@pytest.mark.slow
def test_two_processes_in_one_folder(tmp_path, model_file):
    for i in range(30):
        save_picture(tmp_path / "in" / f"{i}.png", smooth_photo(i))
    words = ["upscale", tmp_path / "in", f"--output={tmp_path / 'out'}"]
    processes = [start(*words, f"--model={model_file}") for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert (process.returncode, errors) == (0, "")
    names = files_in(tmp_path / "out")
    assert names == sorted(f"{i}_x4.png" for i in range(30))
    for name in names:
        assert read_photo_file(tmp_path / "out" / name).pixels.shape == (256, 320, 3)


# ---- pipes


@pytest.mark.slow
@pytest.mark.parametrize("names", [("-", None), ("/dev/stdin", "/dev/stdout")])
def test_pipes(tmp_path, model_file, names):
    save_picture(tmp_path / "a.jpg", smooth_photo(1))
    source, output = names
    words = ["upscale", source, f"--model={model_file}", "--format=webp"]
    words += [f"--output={output}"] if output else []
    done = subprocess.run(
        [sys.executable, "-m", "srgan_tf.main", *words],
        input=(tmp_path / "a.jpg").read_bytes(),
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 0 and done.stderr == b"Upscaled 1 of 1 photos.\n"
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert (image.format, image.size) == ("WEBP", (320, 256))
    assert os.listdir(tmp_path) == ["a.jpg"]
