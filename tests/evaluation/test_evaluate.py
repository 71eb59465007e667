"""Evaluation end to end, on small pictures and, where they are, on the benchmarks."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from samples import save_picture

from srgan_tf.errors import UserError
from srgan_tf.evaluation.evaluate import evaluate
from srgan_tf.models import Generator
from srgan_tf.options import EvaluateOptions
from srgan_tf.pictures.imresize import imresize
from srgan_tf.pictures.metrics import psnr, rgb_to_y, shave, ssim, ssim_daala


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(np.float64)


def picture(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    channels = [np.sin(x / 3), np.cos(y / 4 + x / 9), np.sin((x + y) / 7)]
    return np.rint(127.5 + 120 * np.stack(channels, axis=-1))


@pytest.fixture
def tiny(tmp_path):
    """A benchmark `Tiny` of two pictures with LR, and one `TinyHR` without."""
    for name, size in (("a", (48, 40)), ("b", (44, 64))):
        hr = picture(*size)
        save_picture(tmp_path / "Tiny" / "HR" / f"{name}.png", hr)
        save_picture(tmp_path / "Tiny" / "LR" / f"{name}.png", imresize(hr, 1 / 4))
        # Of no multiple of the scale: two columns are to be cropped.
        save_picture(
            tmp_path / "TinyHR" / f"{name}.png", np.pad(hr, ((0, 0), (0, 2), (0, 0)))
        )
    return tmp_path


@pytest.fixture
def run_folder(tmp_path):
    folder = tmp_path / "runs" / "x4"
    folder.mkdir(parents=True)
    Generator(4, 1, 4).save(folder / "generator.keras")
    return folder


def evaluated(*folders, **options):
    """The result; of bicubic and without the distances phi, if not told otherwise."""
    asked = {"model": ("bicubic",), "vgg_weights": "", **options}
    return evaluate(EvaluateOptions(benchmarks=tuple(map(str, folders)), **asked))


def test_command(tiny, run_folder, command_line):
    done = command_line(
        "evaluate",
        f"--model=bicubic,{run_folder}",
        f"--benchmarks={tiny / 'Tiny'},{tiny / 'TinyHR'}",
        f"--report={tiny / 'out' / 'r.json'},{tiny / 'out' / 'r.md'}",
        f"--save_images={tiny / 'sr'}",
        "--vgg_weights=",
    )
    assert done.code == 0, done.stderr
    result = json.loads((tiny / "out" / "r.json").read_text())
    given, made = (result["benchmarks"][name] for name in ("Tiny", "TinyHR"))
    assert (given["lr"], made["lr"]) == ("given", "made from HR: bicubic")
    assert given["models"] == made["models"]
    for model in ("bicubic", "x4"):
        measured = given["models"][model]
        for name in ("a", "b"):
            hr = read(tiny / "Tiny" / "HR" / f"{name}.png")
            sr = read(tiny / "sr" / "Tiny" / model / f"{name}.png")
            luma = [shave(rgb_to_y(image), 4) for image in (hr, sr)]
            expected = [float(metric(*luma)) for metric in (psnr, ssim, ssim_daala)]
            found = measured["pictures"][name]
            assert list(found) == ["psnr", "ssim", "ssim_paper"]
            assert list(found.values()) == pytest.approx(expected)
        mean = np.mean([row["psnr"] for row in measured["pictures"].values()])
        assert measured["mean"]["psnr"] == pytest.approx(mean)
        assert f" {mean:.2f} |" in done.stdout
    markdown = (tiny / "out" / "r.md").read_text()
    assert "Tiny x4, mean of 2" in markdown and "Tiny x4, bicubic" in markdown
    assert sorted(path.name for path in (tiny / "out").iterdir()) == ["r.json", "r.md"]


def test_bad_input_is_one_line_and_exit_code_1(tiny, command_line):
    done = command_line(
        "evaluate", "--model=nothing.h5", f"--benchmarks={tiny / 'Tiny'}"
    )
    assert done.code == 1
    assert done.stderr.startswith("Error: There is no model nothing.h5: name a file")
    assert done.stderr.count("\n") == 1


def means(result, benchmark, model="bicubic"):
    return result["benchmarks"][benchmark]["models"][model]["mean"]


def test_the_papers_numbers_stand_beside_ours(tiny, capsys):
    (tiny / "Tiny").rename(tiny / "Set5")
    evaluated(tiny / "Set5")
    table = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in table[-5:-1]] == [
        "bicubic",
        "paper: bicubic",
        "paper: SRResNet",
        "paper: SRGAN",
    ]
    assert "29.40" in table[-2] and "0.8472" in table[-2]


@pytest.mark.parametrize(("scale", "edsr"), [(2, "32.32"), (8, "24.81")])
def test_published_numbers_of_other_scales_stand_beside_ours(
    tmp_path, capsys, scale, edsr
):
    save_picture(tmp_path / "BSD100" / "HR" / "a.png", picture(48, 48))
    evaluated(tmp_path / "BSD100", scale=scale)
    (line,) = (x for x in capsys.readouterr().out.splitlines() if "et al.: EDSR" in x)
    assert edsr in line


def test_one_channel_is_luma_itself(tiny, run_folder):
    gray = picture(48, 40)[..., 0]
    save_picture(tiny / "Gray" / "g.png", gray)
    models = ("bicubic", str(run_folder))
    result = evaluated(tiny / "Gray", model=models, save_images=str(tiny))
    for model in ("bicubic", "x4"):
        sr = read(tiny / "Gray" / model / "g.png")
        expected = psnr(shave(gray[..., None], 4), shave(sr[..., None], 4))
        assert means(result, "Gray", model)["psnr"] == pytest.approx(float(expected))


def test_names_of_equal_files_tell_them_apart(tiny, run_folder, monkeypatch):
    monkeypatch.chdir(run_folder.parent)
    os.link("x4/generator.keras", "generator.keras")
    models = ("x4/generator.keras", "generator.keras", "x4/generator.keras")
    result = evaluated(tiny / "Tiny", model=models)
    found = result["benchmarks"]["Tiny"]["models"]
    assert list(found) == ["x4_generator.keras", "generator.keras"]


def test_self_ensemble_changes_networks_only(tiny, run_folder):
    models = ("bicubic", str(run_folder))
    once, eight = (
        evaluated(tiny / "Tiny", model=models, self_ensemble=e) for e in (False, True)
    )
    assert means(once, "Tiny") == means(eight, "Tiny")
    assert means(once, "Tiny", "x4") != means(eight, "Tiny", "x4")


def test_fast_changes_networks_a_little(tiny, run_folder):
    models, report = ("bicubic", str(run_folder)), str(tiny / "report.md")
    exact = evaluated(tiny / "Tiny", model=models)
    fast = evaluated(tiny / "Tiny", model=models, report=(report,), fast=True)
    assert means(exact, "Tiny") == means(fast, "Tiny")
    both = [means(result, "Tiny", "x4")["psnr"] for result in (exact, fast)]
    assert both[0] != both[1] and both[0] == pytest.approx(both[1], abs=0.5)
    assert "Networks compute in 8 bits." in Path(report).read_text()


def test_perceptual_distances(tiny, shared_data):
    weights = str(shared_data / "vgg19" / "vgg19_blocks1-3.h5")
    result = evaluated(tiny / "Tiny", vgg_weights=weights)
    assert means(result, "Tiny")["phi22"] == pytest.approx(10.361, rel=1e-3)
    assert means(result, "Tiny")["phi34"] == pytest.approx(97.58, rel=1e-3)


def test_auto_does_without_vgg(tiny, monkeypatch, caplog):
    def offline(**kwargs):
        raise Exception("URL fetch failure")

    monkeypatch.setattr("keras.applications.VGG19", offline)
    result = evaluated(tiny / "Tiny", vgg_weights="auto")
    assert "phi22" not in means(result, "Tiny")
    assert "No perceptual distances" in caplog.text
    message = r"--vgg_weights=imagenet: Keras cannot download .* \(URL fetch failure\)"
    with pytest.raises(UserError, match=message):
        evaluated(tiny / "Tiny", vgg_weights="imagenet")


def _missing_lr(folder):
    (folder / "LR" / "b.png").unlink()


def _other_name(folder):
    (folder / "LR" / "b.png").rename(folder / "LR" / "c.png")


def _other_size(folder):
    save_picture(folder / "LR" / "b.png", picture(11, 15))


def _other_channels(folder):
    save_picture(folder / "LR" / "b.png", picture(11, 16)[..., 0])


def _cut_picture(folder):
    path = folder / "HR" / "b.png"
    path.write_bytes(path.read_bytes()[:300])


def _no_picture(folder):
    (folder / "LR" / "b.png").write_text("not a picture")


def _small(folder):
    save_picture(folder / "HR" / "b.png", picture(16, 64))
    save_picture(folder / "LR" / "b.png", picture(4, 16))


def _twice(folder):
    save_picture(folder / "HR" / "b.bmp", picture(44, 64))


def _empty(folder):
    for path in (folder / "HR").iterdir():
        path.unlink()


def _gone(folder):
    folder.rename(folder.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_missing_lr, "2 HR and 1 LR pictures that do not pair up: HR/ has b, LR/"),
        (_other_name, "HR/ has b, LR/ does not"),
        (_other_size, r"b.png \(15x11, 3 channels\) is not .*\(64x44, 3 channels\)"),
        (_other_channels, r"b.png \(16x11, 1 channel\) is not "),
        (_cut_picture, "HR/b.png cannot be read"),
        (_no_picture, "LR/b.png cannot be read"),
        (_small, "64x16 is too small"),
        (_twice, "differ in their suffix only"),
        (_empty, "no picture in the folder"),
        (_gone, "there is no folder"),
    ],
)
def test_bad_benchmarks_are_refused_in_one_line(tiny, spoil, message):
    spoil(tiny / "Tiny")
    with pytest.raises(UserError, match=message) as info:
        evaluated(tiny / "Tiny")
    assert "\n" not in str(info.value)


def test_models_of_another_scale_are_refused(tiny, run_folder):
    Generator(2, 1, 4).save(run_folder / "x2.keras")
    model = (str(run_folder / "x2.keras"),)
    with pytest.raises(UserError, match=r"upscales 2 times, .* or --scale=2"):
        evaluated(tiny / "Tiny", model=model)
    with pytest.raises(UserError, match=r"reduced 2 times; another .* by --scale"):
        evaluated(tiny / "Tiny", model=model, scale=2)


@pytest.mark.parametrize("scale", [2, 8])
def test_other_scales(tiny, tmp_path, scale):
    model = tmp_path / "model.weights.h5"
    Generator(scale, 1, 4).save_weights(model)
    models = ("bicubic", str(model))
    result = evaluated(
        tiny / "TinyHR", model=models, save_images=str(tmp_path), scale=scale
    )
    assert list(result["benchmarks"]["TinyHR"]["models"]) == ["bicubic", model.name]
    sizes = {"a": (48, 42), "b": (44, 66)}
    for name, size in sizes.items():
        sr = read(tmp_path / "TinyHR" / model.name / f"{name}.png")
        assert sr.shape == (*(length - length % scale for length in size), 3)


def test_equal_pictures_are_null_in_json(tiny):
    save_picture(tiny / "Flat" / "f.png", np.full((32, 32, 3), 99))
    report = tiny / "flat.json"
    evaluated(tiny / "Flat", report=(str(report),))

    def refuse(constant):
        raise ValueError(constant)

    result = json.loads(report.read_text(), parse_constant=refuse)
    assert means(result, "Flat") == {"psnr": None, "ssim": 1.0, "ssim_paper": 1.0}


def test_results_that_cannot_be_written_are_refused(tiny):
    (tiny / "file").touch()
    with pytest.raises(UserError, match=r"must end in \.json or \.md"):
        evaluated(tiny / "Tiny", report=("report.txt",))
    with pytest.raises(UserError, match="cannot be made"):
        evaluated(tiny / "Tiny", report=(str(tiny / "file" / "r.json"),))
    with pytest.raises(UserError, match="cannot be made"):
        evaluated(tiny / "Tiny", save_images=str(tiny / "file"))


BICUBIC = {
    "Set5": (28.43, 0.8111, 0.8201),
    "Set14": (25.99, 0.7029, 0.7480),
    "BSD100": (25.96, 0.6681, 0.6933),
}


@pytest.mark.parametrize(
    "name", ["Set5", "Set14", pytest.param("BSD100", marks=pytest.mark.slow)]
)
def test_bicubic_on_the_benchmarks(name, tmp_path, shared_data):
    folder = shared_data / "benchmarks" / name
    (tmp_path / name).symlink_to((folder / "HR").resolve())
    given = means(evaluated(folder), name)
    made = means(evaluated(tmp_path / name), name)
    for result in (given, made):
        db, *similarities = BICUBIC[name]
        assert result["psnr"] == pytest.approx(db, abs=0.02)
        found = [result["ssim"], result["ssim_paper"]]
        assert found == pytest.approx(similarities, abs=1e-3)
    assert given["psnr"] == pytest.approx(made["psnr"], abs=0.005)
