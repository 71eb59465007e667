import base64
import io
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from samples import smooth_photo

from srgan_tf.errors import UserError
from srgan_tf.training.report import write_report
from srgan_tf.training.run_folder import Change, RunFolder
from srgan_tf.training.train import train


class Page(HTMLParser):
    """Tags with their attributes, and the text, of a `report.html`."""

    def __init__(self, run: str | Path):
        super().__init__()
        self.source = (Path(run) / "report.html").read_text(encoding="utf-8")
        self.tags = []
        self.texts = []
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, name: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag == name]

    def pictures(self) -> dict[str, np.ndarray]:
        return {image["alt"]: self._decode(image["src"]) for image in self.all("img")}

    @staticmethod
    def _decode(uri: str) -> np.ndarray:
        head, data = uri.split(",")
        assert head == "data:image/webp;base64"
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


@pytest.fixture
def folder(tmp_path):
    """A run of stage 1 with one row, and no picture."""
    folder = RunFolder(tmp_path / "run")
    folder.write_flags({"dataset": "photos", "pretrain_steps": 20, "gan_steps": 0})
    folder.metrics.record(
        "pretrain", 10, {"loss": 0.25, "val_psnr": 24.5, "val_ssim": 0.7}
    )
    return folder


def sample(folder: RunFolder, stage: str, step: int, hr: np.ndarray) -> np.ndarray:
    """Writes a sample picture and its row; returns its SR."""
    bicubic, sr = hr // 2, hr // 4 + step
    picture = np.hstack([bicubic, sr, hr])
    folder.sample(f"step_{stage}_{step:08d}", picture, stage, step)
    folder.metrics.record(
        stage, step, {"loss": 0.1, "val_psnr": 20 + step, "val_ssim": 0.7}
    )
    return sr


def test_a_run_leaves_both_stages_curves_and_pictures(config):
    c = config()
    train(c)
    page = Page(c.run_dir)
    titles = [svg["aria-label"] for svg in page.all("svg")]
    both = ("Loss", "PSNR (dB)", "SSIM", "Learning rate")
    assert {f"{n}: {t}" for n in ("SRResNet", "SRGAN") for t in both} <= set(titles)
    gan = ("Content loss", "Adversarial loss", "Discriminator loss", "Discriminator")
    assert {f"SRGAN: {title}" for title in gan} <= set(titles)
    pictures = page.pictures()
    png = np.asarray(Image.open(Path(c.run_dir) / "samples" / "final.png"))
    for name, part in zip(
        ("bicubic", "SRGAN, step 2", "HR"), np.hsplit(png, 3), strict=True
    ):
        np.testing.assert_array_equal(pictures[f"photo 1, {name}"], part)
    assert any(name.startswith("photo 1, SRResNet, step") for name in pictures)
    assert "SRResNet 2 of 2 steps · SRGAN 2 of 2 steps · finished" in page.source
    assert "--crop_size" in page.texts and "--run_dir" not in page.texts


def test_nothing_outside_the_page_is_needed(config):
    c = config(gan_steps=0)
    train(c)
    page = Page(c.run_dir)
    assert "http://" not in page.source and "https://" not in page.source
    assert not page.all("link")
    assert all("src" not in script for script in page.all("script"))
    assert len(page.all("img")) == 3
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert "url(" not in page.source and "@import" not in page.source


def test_it_is_rewritten_at_a_checkpoint(config):
    c = config(gan_steps=4, gan_learning_rate=1e30)
    with pytest.raises(UserError, match="Not finite"):
        train(c)
    page = Page(c.run_dir)
    assert "SRResNet 2 of 2 steps · SRGAN 0 of 4 steps · not finished" in page.source
    assert "photo 1, SRResNet, step" in page.source


def test_flags_are_escaped(folder):
    folder.write_flags({"dataset": "<script>alert('x')</script>&", "a": '"<b>'})
    write_report(folder)
    page = Page(folder.path)
    assert "<script>alert('x')</script>&" in page.texts and '"<b>' in page.texts
    assert len(page.all("script")) == 1
    (body,) = [text for text in page.texts if "querySelector" in text]
    assert "alert" not in body


def test_changes_of_flags_are_told_and_escaped(folder):
    write_report(folder)
    assert "Changes of flags" not in Page(folder.path).texts
    changes = [Change("dataset", "<script>", "new"), Change("seed", "1", "2")]
    folder.record_changes("pretrain", 10, changes)
    write_report(folder)
    page = Page(folder.path)
    assert {"Changes of flags", "<script>", "new", "SRResNet"} <= set(page.texts)
    assert len(page.all("script")) == 1


@pytest.mark.parametrize("name", ["a<b>&c", "<script>alert(1)"])
def test_the_folder_name_is_escaped(tmp_path, name):
    folder = RunFolder(tmp_path / name)
    folder.write_flags({})
    write_report(folder)
    page = Page(folder.path)
    assert page.texts.count(name) == 2  # title and heading
    assert not page.all("b") and len(page.all("script")) == 1


def test_without_pictures_and_rows_it_says_so(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.write_flags({"pretrain_steps": 20, "gan_steps": 0})
    write_report(folder)
    page = Page(folder.path)
    assert "SRResNet 0 of 20 steps · not finished" in page.source
    assert "There is no sample picture yet." in page.texts
    assert not page.all("svg") and not page.all("select")


def test_last_and_best_values_are_in_the_table(folder):
    folder.metrics.record(
        "pretrain", 20, {"loss": 0.125, "val_psnr": 24.25, "val_ssim": 0.6}
    )
    write_report(folder)
    page = Page(folder.path)
    assert {"0.125", "24.25", "0.6000", "24.50 at step 10"} <= set(page.texts)


def test_pictures_are_of_the_best_srresnet_and_the_newest_srgan(folder):
    hr = np.vstack([smooth_photo(i, 40, 40) for i in range(2)])
    sr = {("pretrain", step): sample(folder, "pretrain", step, hr) for step in (12, 14)}
    sample(folder, "pretrain", 13, hr)
    folder.metrics.record(
        "pretrain", 16, {"loss": 0.1, "val_psnr": 20.0, "val_ssim": 0.7}
    )
    sample(folder, "gan", 3, hr)
    sr["gan", 6] = sample(folder, "gan", 6, hr)
    write_report(folder)
    page = Page(folder.path)
    pictures = page.pictures()
    names = ["bicubic", "SRResNet, step 14", "SRGAN, step 6", "HR"]
    assert sorted(pictures) == sorted(f"photo {i}, {n}" for i in (1, 2) for n in names)
    for i, rows in ((1, slice(0, 40)), (2, slice(40, 80))):
        for name, whole in (
            (names[1], sr["pretrain", 14]), (names[2], sr["gan", 6]), ("HR", hr)
        ):  # fmt: skip
            np.testing.assert_array_equal(pictures[f"photo {i}, {name}"], whole[rows])
    sliders = [field for field in page.all("input") if field["type"] == "range"]
    assert len(sliders) == 2
    chosen = [option for option in page.all("option") if "selected" in option]
    assert len(chosen) == 2


def test_a_stage_on_other_photos_is_not_compared(folder):
    sample(folder, "pretrain", 12, smooth_photo(0, 40, 40))
    sample(folder, "gan", 3, smooth_photo(1, 40, 40))
    write_report(folder)
    names = ["bicubic", "SRGAN, step 3", "HR"]
    assert list(Page(folder.path).pictures()) == [f"photo 1, {n}" for n in names]


def test_other_workers_write_none(folder):
    write_report(RunFolder(folder.path, chief=False))
    assert not (folder.path / "report.html").exists()
