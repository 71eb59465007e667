"""Pictures and folders of pictures, upscaled through the public doors."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from PIL import Image
from samples import SRGB, broken_files, full_exif, smooth, trained_like, values

import srgan_tf
from srgan_tf.errors import UserError
from srgan_tf.inference.upscale import load_model
from srgan_tf.inference.upscale_files import find_sources, plan, upscale_files
from srgan_tf.models import pretrained
from srgan_tf.pictures.formats import read_photo_file
from srgan_tf.pictures.imresize import imresize, imresize_large


@pytest.fixture(scope="module")
def generator():
    return trained_like()


@pytest.fixture(scope="module")
def model(generator):
    return load_model(generator)


def keras_8bit(generator, rgb):
    sr = keras.ops.convert_to_numpy(generator(rgb[None].astype(np.float32) / 255))[0]
    return np.clip(np.round((sr + 1) * 127.5), 0, 255)


def bicubic(pixels, scale):
    return keras.ops.convert_to_numpy(imresize(pixels, scale))


# ---- one picture


def test_rgb_is_what_keras_says(generator, model):
    pixels = values(13, 9, 3)
    sr = srgan_tf.upscale(pixels, model)
    assert sr.dtype == np.uint8
    assert np.abs(sr - keras_8bit(generator, pixels)).max() <= 1
    assert (sr == keras_8bit(generator, pixels)).mean() > 0.999


def test_16bit_and_float_have_the_precision_of_the_network(generator, model):
    deep = values(13, 9, 3, dtype=np.uint16)
    floats = (deep / 65535).astype(np.float32)
    exact = keras.ops.convert_to_numpy(generator(floats[None]))[0] / 2 + 0.5
    sr = srgan_tf.upscale(deep, model)
    assert sr.dtype == np.uint16
    assert np.abs(sr - exact * 65535).max() < 2
    assert len(np.unique(sr)) > 1000  # not 8-bit steps
    sr = srgan_tf.upscale(floats, model)
    assert sr.dtype == np.float32
    np.testing.assert_allclose(sr, exact, atol=1e-5)


def test_gray_is_the_mean_of_the_channels(generator, model):
    gray = values(8, 11)
    expected = keras.ops.convert_to_numpy(
        generator(np.repeat(gray[None, ..., None] / 255, 3, -1).astype(np.float32))
    )[0].mean(-1)
    sr = srgan_tf.upscale(gray, model)
    assert sr.shape == (32, 44)
    assert np.abs(sr - (expected + 1) * 127.5).max() <= 0.51
    assert srgan_tf.upscale(gray[..., None], model).shape == (32, 44, 1)


def test_kinds_in_and_out(model, tmp_path):
    for mode in ("L", "LA", "RGB", "RGBA"):
        sr = srgan_tf.upscale(Image.new(mode, (5, 4)), model)
        assert (sr.mode, sr.size) == (mode, (20, 16))
    assert srgan_tf.upscale(Image.new("P", (5, 4)), model).mode == "RGB"
    assert srgan_tf.upscale(Image.new("I;16", (5, 4)), model).mode == "I;16"
    Image.new("L", (5, 4)).save(tmp_path / "x.png")
    assert srgan_tf.upscale(tmp_path / "x.png", model).shape == (16, 20, 1)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 3)])
def test_tiny_pictures(model, size):
    sr = srgan_tf.upscale(values(*size, 4), model)
    assert sr.shape == (4 * size[0], 4 * size[1], 4)


@pytest.mark.parametrize("tile", [16, 23])
def test_tiles_do_not_change_the_picture(model, tile):
    pixels = values(41, 67, 3)
    whole = srgan_tf.upscale(pixels, model).astype(int)
    tiled = srgan_tf.upscale(pixels, model, tile=tile)
    assert np.abs(whole - tiled).max() <= 1
    assert (whole == tiled).mean() > 0.999


def test_alpha_is_bicubic_and_opaque_stays_opaque(model):
    pixels = values(12, 10, 4)
    sr = srgan_tf.upscale(pixels, model)
    np.testing.assert_array_equal(sr[..., 3:], bicubic(pixels[..., 3:], 4))
    pixels[..., 3] = 255
    sr = srgan_tf.upscale(pixels, model)
    assert (sr[..., 3] == 255).all()
    np.testing.assert_array_equal(sr[..., :3], srgan_tf.upscale(pixels[..., :3], model))


@pytest.mark.parametrize("hidden", [0, 255])
def test_hidden_colours_make_no_halo(model, hidden):
    """A white disc looks the same whatever lies under its transparent surroundings."""
    y, x = np.mgrid[:40, :40]
    disc = np.hypot(y - 20, x - 20) < 12
    pixels = np.full((40, 40, 4), hidden, np.uint8)
    pixels[disc] = 255
    pixels[..., 3] = 255 * disc
    sr = srgan_tf.upscale(pixels, model)
    flat = srgan_tf.upscale(np.full((40, 40, 3), 255, np.uint8), model)
    np.testing.assert_array_equal(sr[..., :3], flat)


def test_self_ensemble_through_upscale(model):
    pixels = values(10, 8, 3)
    once, eight = (srgan_tf.upscale(pixels, model, self_ensemble=x) for x in (0, 1))
    assert once.shape == eight.shape and (once != eight).any()
    turned = srgan_tf.upscale(pixels[::-1].swapaxes(0, 1), model, self_ensemble=True)
    assert np.abs(turned.swapaxes(0, 1)[::-1].astype(int) - eight).max() <= 1


@pytest.mark.parametrize("scale", [2, 3])
def test_smaller_scales_are_matlab_bicubic_of_the_larger(model, scale):
    pixels = values(13, 10, 3)
    sr = srgan_tf.upscale(pixels, model, scale=scale)
    whole = srgan_tf.upscale(pixels, model)
    assert sr.shape == (13 * scale, 10 * scale, 3)
    assert np.abs(sr - bicubic(whole, scale / 4)).max() <= (scale == 3)


@pytest.mark.parametrize("scale", [1 / 4, 1 / 2, 3 / 4, 2, 4])
def test_imresize_large_is_imresize(scale):
    pixels = values(133, 210, 3)
    small = bicubic(pixels, scale)
    large = imresize_large(pixels, scale)
    assert large.dtype == np.uint8
    difference = np.abs(large - small)
    assert difference.max() <= (scale == 3 / 4)  # whose weights are not exact
    assert (difference > 0).mean() < 1e-3
    floats = imresize_large(pixels.astype(np.float32) / 255, scale)
    assert np.abs(floats * 255 - small).mean() < 1


def test_realism_blends_two_models(tmp_path):
    files = []
    for seed in (1, 2):
        files.append(str(tmp_path / f"{seed}.weights.h5"))
        trained_like(seed=seed).save_weights(files[-1])
    pixels = values(8, 8, 3)
    for realism, file in ((0, files[0]), (1, files[1])):
        mixed = srgan_tf.upscale(pixels, ",".join(files), realism=realism)
        np.testing.assert_array_equal(mixed, srgan_tf.upscale(pixels, file))
    with pytest.raises(UserError, match="FAITHFUL,REALISTIC"):
        srgan_tf.upscale(pixels, files[0], realism=0.5)


def test_released_models_are_chosen_by_scale(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "WEIGHTS", tmp_path)
    with pytest.raises(UserError, match="no model srgan_x4"):
        load_model()
    facts = {}
    for scale in (2, 4):
        for kind in ("srgan", "srresnet"):
            path = tmp_path / f"{kind}_x{scale}.weights.h5"
            trained_like(scale).save_weights(path)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            facts[f"{kind}_x{scale}"] = {"sha256": digest}
    (tmp_path / "facts.json").write_text(json.dumps({"models": facts}))
    assert load_model().scale == 4
    assert [load_model(scale=s).scale for s in (2, 3, 4)] == [2, 4, 4]
    assert load_model("srgan_x2").scale == 2
    assert load_model(realism=0.5).scale == 4
    with pytest.raises(UserError, match="the model's scale is 4"):
        srgan_tf.upscale(values(4, 4, 3), scale=8)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4, 5), np.uint8), "one to four channels"),
        (np.zeros((0, 4, 3), np.uint8), "one to four channels"),
        (np.zeros(4, np.uint8), "one to four channels"),
        (np.zeros((4, 4, 3), np.int32), "int32"),
        (np.full((4, 4, 3), 200.0), "200.0"),
        (np.full((4, 4, 3), np.nan), "nan"),
        ("missing.png", "no such file"),
    ],
)
def test_bad_pictures(model, image, message):
    with pytest.raises(UserError, match=message):
        srgan_tf.upscale(image, model)


# ---- files and folders


def listing(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(folder)) for path in files)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def run(model, *arguments, output=None, file_format=None, scale=4, **options):
    """What the command does once flags are read and the model is loaded."""
    sources = find_sources([str(argument) for argument in arguments], output)
    jobs, file_format = plan(sources, scale, output, file_format)
    upscale_files(jobs, model, scale, file_format, **options)


def test_one_photo_with_everything_kept(tmp_path, model):
    photo = tmp_path / "photo.jpg"
    exif = full_exif(6)
    save(photo, smooth(20, 30), exif=exif, icc_profile=SRGB, dpi=(300, 300))
    run(model, photo, compare=True)
    assert listing(tmp_path) == ["photo.jpg", "photo_x4.png", "photo_x4_compare.png"]
    result = read_photo_file(tmp_path / "photo_x4.png")
    assert result.pixels.shape == (120, 80, 3)  # upright
    assert result.metadata.icc == SRGB
    assert result.metadata.exif[0x0112] == 1
    fields = result.metadata.exif.get_ifd(0x8769)
    assert (fields[0xA002], fields[0xA003]) == (80, 120)
    with Image.open(tmp_path / "photo_x4_compare.png") as both:
        assert both.size == (160, 120)
        after = np.asarray(both)[:, 80:]
    np.testing.assert_array_equal(after, result.pixels)


def test_a_folder(tmp_path, model, capsys):
    """Structure, names, format, errors, skipping and overwriting."""
    folder, out = tmp_path / "in", tmp_path / "in" / "out"
    save(folder / "a.png", values(8, 9, 3))
    save(folder / "a.jpg", values(8, 9, 3))
    save(folder / "deep" / "er" / "b.png", values(5, 6, 4))
    save(folder / "c_x4.png", values(4, 4, 3))  # a name, not a result
    (folder / "bad.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("no picture either")
    options = {"output": str(out), "file_format": "webp"}
    results = ["a.jpg_x4.webp", "a.png_x4.webp", "c_x4_x4.webp", "deep/er/b_x4.webp"]

    def times():
        return np.array([(out / name).stat().st_mtime_ns for name in results])

    with pytest.raises(UserError, match=r"bad\.jpg: is no JPEG"):
        run(model, folder, **options)
    assert "Upscaled 4 of 5 photos." in capsys.readouterr().out
    assert listing(out) == results
    with Image.open(out / "deep/er/b_x4.webp") as image:
        assert (image.mode, image.size) == ("RGBA", (24, 20))
    first = times()

    with pytest.raises(UserError, match="is no JPEG"):
        run(model, folder, **options)
    assert "Upscaled 0 of 5 photos; 4 done before" in capsys.readouterr().out
    np.testing.assert_array_equal(times(), first)

    (folder / "worse.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"2 photos failed:\n.*bad.*\n.*worse"):
        run(model, folder, overwrite=True, **options)
    assert listing(out) == results
    assert (times() > first).all()


def test_results_beside_their_photos_are_not_photos(tmp_path, model, capsys):
    save(tmp_path / "a.png", values(8, 9, 3))
    for expected in ("Upscaled 1 of 1 photos.", "Upscaled 0 of 1 photos; 1 done"):
        run(model, f"{tmp_path}/*.png", compare=True)
        assert expected in capsys.readouterr().out
        assert listing(tmp_path) == ["a.png", "a_x4.png", "a_x4_compare.png"]


def test_structure_under_a_glob(tmp_path):
    for name in ("a/1.png", "b/1.png"):
        save(tmp_path / name, values(2, 2, 3))
    sources = find_sources([f"{tmp_path}/*/*.png", str(tmp_path)], "out")
    jobs, _ = plan(sources, 2, "out")
    assert [str(job.target) for job in jobs] == ["out/a/1_x2.png", "out/b/1_x2.png"]
    with pytest.raises(UserError, match="two runs"):
        plan(find_sources([f"{tmp_path}/{x}/1.png" for x in "ab"]), 2, "out")


def test_a_photo_that_does_not_fit_into_memory(tmp_path, model, monkeypatch):
    save(tmp_path / "a.png", values(4, 4, 3))

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("srgan_tf.inference.upscale_files.upscale_pixels", fail)
    with pytest.raises(UserError, match="does not fit into memory"):
        run(model, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ([], {}, "upscale what"),
        (["missing.png"], {}, "no such file"),
        (["{}/*.gif"], {}, "no photo there"),
        (["{}/a.png", "{}/b.png"], {"output": "{}/c.png"}, "one file for 2 photos"),
        (["{}/a.png"], {"output": "{}/a.png"}, "is the photo itself"),
        (["{}/a.png"], {"output": "c.jpg", "file_format": "png"}, "contradict"),
        (["{}/a.png"], {"output": "{}/note.txt"}, "no picture; name a folder"),
        (["{}/a.png"], {"file_format": "gif"}, "choose from png"),
    ],
)
def test_bad_arguments(tmp_path, model, arguments, options, message):
    for name in "ab":
        save(tmp_path / f"{name}.png", values(4, 4, 3))
    (tmp_path / "note.txt").write_text("")
    options = {name: value.format(tmp_path) for name, value in options.items()}
    with pytest.raises(UserError, match=message) as caught:
        run(model, *(argument.format(tmp_path) for argument in arguments), **options)
    assert "\n" not in str(caught.value)
    assert listing(tmp_path) == ["a.png", "b.png", "note.txt"]


def test_fuzz_200_files(tmp_path, model):
    """Broken files give one line each and no file, whole ones a whole picture."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name, data in broken_files(random.Random(1), 196):
        (folder / name).write_bytes(data)
    for i, size in enumerate([(1, 1), (1, 40), (40, 1), (2, 2)]):
        save(folder / f"small{i}.png", values(*size, 3))
    with pytest.raises(UserError) as caught:
        run(model, folder, output=str(out))
    reports = str(caught.value).splitlines()[1:]
    results = listing(out)
    assert len(reports) + len(results) == 200
    assert len(reports) > 60 and len(results) > 20
    for name in results:
        with Image.open(out / name) as image:
            image.load()


# ---- the command line


def command(*arguments):
    line = [sys.executable, "-m", "srgan_tf.main", "upscale", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # A shell's background job ignores SIGINT and hands that on, as CI may run this.
    return subprocess.Popen(line, **pipes, preexec_fn=heed_interrupts)


def heed_interrupts():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def model_file(generator, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    generator.save(path)
    return str(path)


@pytest.mark.slow
def test_command(tmp_path, model_file):
    save(tmp_path / "a.png", values(4, 5, 3))
    (tmp_path / "bad.png").write_bytes(b"")
    process = command(tmp_path, "--scale=3", f"--model={model_file}", "--quality=90")
    output, errors = process.communicate()
    assert process.returncode == 1
    assert (
        errors
        == f"Error: {tmp_path}/bad.png: is no JPEG, PNG, WebP, TIFF or BMP picture\n"
    )
    assert "downsizing to x3" in output
    with Image.open(tmp_path / "a_x3.png") as image:
        assert image.size == (15, 12)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_interrupted(tmp_path, model_file, number, code):
    folder, out = tmp_path / "in", tmp_path / "out"
    for i in range(300):
        save(folder / f"{i:03}.png", values(64, 64, 3, seed=i))
    process = command(folder, f"--output={out}", f"--model={model_file}")
    deadline = time.monotonic() + 120
    while not (out.exists() and len(os.listdir(out)) > 3):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in errors
    results = listing(out)
    assert 3 <= len(results) < 300
    for name in results:
        assert name.endswith("_x4.png") and not name.startswith(".")
        with Image.open(out / name) as image:
            image.load()
            assert image.size == (256, 256)
