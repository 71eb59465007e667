"""What the README shows, run as written, with small numbers behind long commands."""

import dataclasses
import re
import shlex
import shutil

import numpy as np
import pytest
import skimage.data
from PIL import Image
from samples import REPOSITORY, moving, save_clip

from srgan_tf.main import OPTIONS

TEXT = (REPOSITORY / "README.md").read_text()
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
START = ".venv/bin/python -m srgan_tf.main "
# In the order of the README: `serve/srgan_x4` is there when its turn comes.
COMMANDS = re.findall(rf"^{re.escape(START)}(.*)$", SHELL, re.MULTILINE)
SHORT = [
    "--num_blocks=1",
    "--filters=4",
    "--crop_size=32",
    "--batch_size=2",
    "--pretrain_steps=1",
    "--gan_steps=1",
    "--content_loss=mse",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder like a checkout, with the files that the README's commands name."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(REPOSITORY / "experiments", folder / "experiments")
    photo = skimage.data.astronaut()
    (folder / "photos").mkdir()
    for i in range(16):
        Image.fromarray(np.roll(photo, 9 * i, 0)[:128]).save(
            folder / "photos" / f"{i}.png"
        )
    Image.fromarray(photo[:60, 200:290]).save(folder / "photo.jpg")
    save_clip(folder / "clip.mp4", list(moving(2)))
    for name in ("Set5", "Set14"):
        (folder / name / "HR").mkdir(parents=True)
        Image.fromarray(photo[:64, 200:280]).save(folder / name / "HR" / "a.png")
    return folder


@pytest.mark.slow
def test_commands(place, monkeypatch, command_line):
    monkeypatch.chdir(place)
    assert len(COMMANDS) >= 7
    for command in COMMANDS:
        arguments = shlex.split(command)
        training = arguments[0].startswith("--")
        # The flags behind win, but for the photos, which the README may name.
        if training:
            arguments = ["--dataset=bundled", *arguments, *SHORT]
        done = command_line(*arguments)
        assert done.code == 0, (command, done.stderr)
    for made in (
        "photo_x4.png",
        "clip_x4.mp4",
        "runs/x4/report.html",
        "runs/mine/generator.keras",
        "report.md",
        "serve/srgan_x4/saved_model.pb",
        "serve/srgan_x4.onnx",
        "serve/srgan_x4_int8.tflite",
    ):
        assert (place / made).exists(), made
    # The Python examples take what the commands have left.
    for code in PYTHON:
        small = code.replace('"vgg54"', '"mse"').replace("epoch=1000", "epoch=1")
        photo = np.asarray(Image.open(place / "photo.jpg"))
        names = {"photo": photo, "jpeg": (place / "photo.jpg").read_bytes()}
        exec(compile(small, "README.md", "exec"), names)
        if "sr" in names:
            assert names["sr"].shape == (1, 240, 360, 3)
    assert (place / "generator.keras").exists()


def test_links_and_flags_are_there():
    prose = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)
    for path in re.findall(r"\]\((?!http)([^)#]+)\)", prose):
        assert (REPOSITORY / path).exists(), path
    known = {"check", "dist", "skip", "source"}  # of ruff, pytest and slipcover
    known |= {"flagfile", "help"}
    for options in OPTIONS.values():
        known |= {field.name for field in dataclasses.fields(options)}
    for flag in re.findall(r"--([a-z_]{3,})", TEXT):
        assert flag in known, flag
