"""`--scale`, `--size`, `--long_side` and `--fit`: what size results have, and how."""

import numpy as np
import pytest
from PIL import Image
from samples import smooth_photo, trained_like

from srgan_tf.errors import UserError
from srgan_tf.inference.loading import load_model
from srgan_tf.inference.upscale import upscale_pixels
from srgan_tf.main import main
from srgan_tf.pictures.imresize import imresize_large


@pytest.fixture
def generator(tmp_path):
    path = tmp_path / "g.keras"
    trained_like().save(path)
    return path


def upscale(*words, model):
    main(["srgan_tf", "upscale", *map(str, words), f"--model={model}"])


def save(path, height, width):
    Image.fromarray(smooth_photo(0, height, width)).save(path)
    return path


def size(path):
    with Image.open(path) as picture:
        return picture.size


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ("--long_side=66", (66, 44)),
        ("--long_side=120", (120, 80)),
        ("--size=75x50", (75, 50)),
        ("--size=100x200 --fit", (100, 67)),
        ("--size=1000x61 --fit", (92, 61)),
    ],
)
def test_results_have_the_size_that_is_named(tmp_path, generator, flag, expected):
    photo = save(tmp_path / "p.png", 20, 30)
    upscale(photo, *flag.split(), model=generator)
    made = tmp_path / "p_{}x{}.png".format(*expected)
    assert size(made) == expected
    # One pass of the network, one of MATLAB's bicubic.
    pixels = np.asarray(Image.open(photo))
    model = load_model(generator)
    sr = imresize_large(upscale_pixels(model, pixels), expected[::-1])
    np.testing.assert_array_equal(np.asarray(Image.open(made)), sr)


def test_a_named_size_that_is_the_models_own_is_not_resized(tmp_path, generator):
    photo = save(tmp_path / "p.png", 20, 30)
    upscale(photo, "--size=120x80", model=generator)
    upscale(photo, model=generator)
    both = [Image.open(tmp_path / f"p_{name}.png") for name in ("120x80", "x4")]
    np.testing.assert_array_equal(*map(np.asarray, both))


def test_alpha_and_compare_have_the_named_size(tmp_path, generator):
    alpha = np.tile(np.arange(30, dtype=np.uint8) * 8, (20, 1))
    rgba = np.dstack([smooth_photo(0, 20, 30), alpha])
    Image.fromarray(rgba).save(tmp_path / "p.png")
    upscale(tmp_path / "p.png", "--long_side=70", "--compare", model=generator)
    assert size(tmp_path / "p_70x47.png") == (70, 47)
    assert Image.open(tmp_path / "p_70x47.png").mode == "RGBA"
    assert size(tmp_path / "p_70x47_compare.png") == (140, 47)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--size=100x100", "another shape than --size=100x100; with --fit it becomes"),
        ("--long_side=30", "--long_side=30 does not make it larger"),
        ("--size=29x300 --fit", "does not make it larger"),
        ("--long_side=241", "is 8.03 times as much, and at most 8"),
        ("--long_side=121", "the model's scale is 4"),
    ],
)
def test_what_cannot_be_made_is_told_in_a_line(tmp_path, generator, flags, message):
    photo = save(tmp_path / "p.png", 20, 30)
    with pytest.raises((UserError, SystemExit), match=message):
        upscale(photo, *flags.split(), model=generator)
    assert not list(tmp_path.glob("p_*"))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--scale=4", "--scale=4: the model's scale is 2"),
        ("--long_side=90", "90x60 needs x3: the model's scale is 2"),
        ("--size=90x60", "90x60 needs x3: the model's scale is 2"),
    ],
)
def test_more_than_a_released_model_makes_is_refused_at_once(
    tmp_path, monkeypatch, flags, message
):
    monkeypatch.setattr("srgan_tf.inference.upscale_files.load_model", None)
    photo = save(tmp_path / "p.png", 20, 30)
    with pytest.raises(SystemExit, match=message):
        upscale(photo, flags, model="srgan_x2")
    assert not list(tmp_path.glob("p_*"))


@pytest.mark.parametrize(
    "flags",
    [
        "--size=1920",
        "--size=0x20",
        "--size=20x-3",
        "--long_side=0",
        "--fit",
        "--fit --long_side=99",
        "--scale=2 --size=60x40",
        "--size=60x40 --long_side=60",
    ],
)
def test_flags_that_make_no_sense_are_refused(tmp_path, generator, flags, capsys):
    photo = save(tmp_path / "p.png", 20, 30)
    with pytest.raises((UserError, SystemExit)):
        upscale(photo, *flags.split(), model=generator)
    assert not list(tmp_path.glob("p_*"))


def test_in_a_folder_each_photo_has_its_factor(tmp_path, generator, capsys):
    """Those that cannot be made are named; the others are."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, shape in {"a": (20, 30), "b": (40, 25), "c": (90, 90)}.items():
        save(folder / f"{name}.png", *shape)
    words = folder, "--long_side=80", f"--output={tmp_path / 'out'}"
    with pytest.raises((UserError, SystemExit), match=r"c\.png: is 90x90"):
        upscale(*words, model=generator)
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == ["a_80x53.png", "b_50x80.png"]
    assert "bicubic downsizing" in capsys.readouterr().out
    with pytest.raises((UserError, SystemExit), match=r"c\.png: is 90x90"):
        upscale(*words, model=generator)
    assert "2 done before" in capsys.readouterr().out


def test_results_of_named_sizes_are_not_enlarged_again(tmp_path, generator, capsys):
    save(tmp_path / "p.png", 20, 30)
    for _ in range(2):
        upscale(tmp_path, "--long_side=66", "--format=bmp", model=generator)
    names = sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".bmp")
    assert names == ["p_66x44.bmp"]
