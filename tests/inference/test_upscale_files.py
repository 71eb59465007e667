"""The command `upscale`: files and folders of photos, through the public doors."""

import errno
import io
import os
import random
import signal
import sys
import time

import numpy as np
import pytest
from PIL import Image
from samples import (
    SRGB,
    broken_files,
    exif_of,
    files_in,
    full_exif,
    save_picture,
    smooth,
    start,
    values,
)

from srgan_tf.errors import UserError
from srgan_tf.inference import upscale_files as command
from srgan_tf.inference.comparison import comparison
from srgan_tf.inference.upscale_files import upscale_files
from srgan_tf.options import UpscaleOptions
from srgan_tf.pictures.formats import read_photo_file


def run(model_file, *arguments, **options):
    words = [str(argument) for argument in arguments]
    upscale_files(words, UpscaleOptions(model=(model_file,), **options))


def test_one_photo_with_everything_kept(tmp_path, model_file):
    photo = tmp_path / "photo.jpg"
    exif = full_exif(6)
    save_picture(photo, smooth(20, 30), exif=exif, icc_profile=SRGB, dpi=(300, 300))
    run(model_file, photo, compare=True)
    assert files_in(tmp_path) == ["photo.jpg", "photo_x4.png", "photo_x4_compare.png"]
    result = read_photo_file(tmp_path / "photo_x4.png")
    assert result.pixels.shape == (120, 80, 3)  # upright
    assert result.metadata.icc == SRGB
    exif = exif_of(result)
    assert exif[0x0112] == 1
    fields = exif.get_ifd(0x8769)
    assert (fields[0xA002], fields[0xA003]) == (80, 120)
    with Image.open(tmp_path / "photo_x4_compare.png") as both:
        assert both.size == (160, 120)
        assert both.info["icc_profile"] == SRGB
        after = np.asarray(both)[:, 80:]
    np.testing.assert_array_equal(after, result.pixels)


def test_a_folder(tmp_path, model_file, capsys):
    """Structure, names, format, errors, skipping and overwriting."""
    folder, out = tmp_path / "in", tmp_path / "in" / "out"
    save_picture(folder / "a.png", values(8, 9, 3))
    save_picture(folder / "a.jpg", values(8, 9, 3))
    save_picture(folder / "deep" / "er" / "b.png", values(5, 6, 4))
    save_picture(folder / "c_x4.png", values(4, 4, 3))  # a name, not a result
    (folder / "bad.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("no picture either")
    options = {"output": str(out), "format": "webp"}
    results = ["a.jpg_x4.webp", "a.png_x4.webp", "c_x4_x4.webp", "deep/er/b_x4.webp"]

    def times():
        return np.array([(out / name).stat().st_mtime_ns for name in results])

    with pytest.raises(UserError, match=r"bad\.jpg: is no PNG, JPEG"):
        run(model_file, folder, **options)
    assert "Upscaled 4 of 5 photos." in capsys.readouterr().out
    assert files_in(out) == results
    with Image.open(out / "deep/er/b_x4.webp") as image:
        assert (image.mode, image.size) == ("RGBA", (24, 20))
    first = times()

    with pytest.raises(UserError, match="is no PNG"):
        run(model_file, folder, **options)
    assert "Upscaled 0 of 5 photos; 4 done before" in capsys.readouterr().out
    np.testing.assert_array_equal(times(), first)

    (folder / "worse.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"2 photos failed:\n.*bad.*\n.*worse"):
        run(model_file, folder, overwrite=True, **options)
    assert files_in(out) == results
    assert (times() > first).all()


def test_results_beside_their_photos_are_not_photos(tmp_path, model_file, capsys):
    save_picture(tmp_path / "a.png", values(8, 9, 3))
    for expected in ("Upscaled 1 of 1 photos.", "Upscaled 0 of 1 photos; 1 done"):
        run(model_file, f"{tmp_path}/*.png", compare=True)
        assert expected in capsys.readouterr().out
        assert files_in(tmp_path) == ["a.png", "a_x4.png", "a_x4_compare.png"]


def test_a_photo_that_does_not_fit_into_memory(tmp_path, model_file, monkeypatch):
    save_picture(tmp_path / "a.png", values(4, 4, 3))

    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr("srgan_tf.inference.upscale_files.upscale_pixels", fail)
    with pytest.raises(UserError, match="does not fit into memory"):
        run(model_file, tmp_path)


def test_fuzz_200_files(tmp_path, model_file):
    """Broken files give one line each and no file, whole ones a whole picture."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name, data in broken_files(random.Random(1), 196):
        (folder / name).write_bytes(data)
    for i, size in enumerate([(1, 1), (1, 40), (40, 1), (2, 2)]):
        save_picture(folder / f"small{i}.png", values(*size, 3))
    with pytest.raises(UserError) as caught:
        run(model_file, folder, output=str(out))
    reports = str(caught.value).splitlines()[1:]
    results = files_in(out)
    assert len(reports) + len(results) == 200
    assert len(reports) > 60 and len(results) > 20
    for name in results:
        with Image.open(out / name) as image:
            image.load()


# ---- the command line


def test_command(tmp_path, model_file, command_line):
    save_picture(tmp_path / "a.png", values(4, 5, 3))
    (tmp_path / "bad.png").write_bytes(b"")
    done = command_line(
        "upscale", tmp_path, "--scale=3", f"--model={model_file}", "--quality=90"
    )
    assert done.code == 1
    assert done.stderr == f"Error: {tmp_path}/bad.png: is empty\n"
    assert "downsizing to x3" in done.stdout
    with Image.open(tmp_path / "a_x3.png") as image:
        assert image.size == (15, 12)


def heed_interrupts():
    # A shell's background job ignores SIGINT and hands that on, as CI may run this.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_interrupted(tmp_path, model_file, number, code):
    folder, out = tmp_path / "in", tmp_path / "out"
    for i in range(300):
        save_picture(folder / f"{i:03}.png", values(64, 64, 3, seed=i))
    process = start(
        *("upscale", folder, f"--output={out}", f"--model={model_file}"),
        preexec_fn=heed_interrupts,
    )
    deadline = time.monotonic() + 120
    while not (out.exists() and len(os.listdir(out)) > 3):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in errors
    results = files_in(out)
    assert 3 <= len(results) < 300
    for name in results:
        assert name.endswith("_x4.png") and not name.startswith(".")
        with Image.open(out / name) as image:
            image.load()
            assert image.size == (256, 256)


def test_times_of_results_that_were_there(tmp_path, model_file, capsys):
    photo, result = tmp_path / "a.png", tmp_path / "a_x4.png"
    save_picture(photo, smooth(8, 9))
    os.utime(photo, (1e9, 1e9))
    run(model_file, photo)
    assert result.stat().st_mtime > 1.5e9
    run(model_file, photo, keep_times=True)
    assert "1 done before" in capsys.readouterr().out
    assert result.stat().st_mtime == 1e9


def test_times_that_cannot_be_set_are_one_failure(
    tmp_path, model_file, monkeypatch, capsys
):
    for name in ("a.png", "b.png"):
        save_picture(tmp_path / name, smooth(8, 9))
        os.utime(tmp_path / name, (1e9, 1e9))
    run(model_file, tmp_path)

    def refuse(path, **_):
        if "a_x4" in str(path):
            raise PermissionError(errno.EPERM, "no")
        return utime(path, **_)

    utime = os.utime
    monkeypatch.setattr(os, "utime", refuse)
    with pytest.raises(UserError, match=r"^.*a_x4\.png: Operation not permitted$"):
        run(model_file, tmp_path, keep_times=True)
    assert "0 of 2 photos; 1 done before (--overwrite redoes them). 1 failed.\n" in (
        capsys.readouterr().out
    )


def test_all_are_counted_once_whatever_becomes_of_them(
    tmp_path, model_file, monkeypatch, capsys
):
    for name in ("a.png", "b.png", "c.png", "d.png"):
        save_picture(tmp_path / name, smooth(8, 9))
    run(model_file, tmp_path / "a.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")

    def read_and_lose_another(file, **options):
        (tmp_path / "d.png").unlink(missing_ok=True)
        return read_photo_file(file, **options)

    def compare(photo, *rest):
        if made.append(photo) or len(made) == 3:
            raise UserError("the disk is full")
        return comparison(photo, *rest)

    made = []
    monkeypatch.setattr(command, "read_photo_file", read_and_lose_another)
    monkeypatch.setattr(command, "comparison", compare)
    with pytest.raises(UserError) as raised:
        run(model_file, tmp_path, compare=True)
    lines = str(raised.value).splitlines()
    assert lines[0] == "3 photos failed:"
    assert [line.partition(": ")[0].rpartition("/")[2] for line in lines[1:]] == [
        *("bad.png", "c.png", "d.png"),
    ]
    assert "Upscaled 2 of 5 photos. 3 failed.\n" in capsys.readouterr().out


def test_names_that_are_no_text_are_printed(tmp_path, model_file, command_line):
    """A strict standard output, as in most terminals."""
    photo = tmp_path / os.fsdecode(b"gr\xfcn.png")
    taken = tmp_path / os.fsdecode(b"gr\xfcn_x4.png")
    save_picture(photo, smooth(8, 9))
    save_picture(taken, smooth(8, 9))
    printed = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(printed, "utf-8", "strict"))
        outcome = command_line("upscale", photo, "--model", model_file)
        sys.stdout.flush()
        lines = printed.getvalue()  # closed with its wrapper
    assert outcome.code == 0, outcome.stderr
    assert rb"gr\udcfcn_x4.png is taken" in lines
