"""What can be told: help, bounds and choices, the same from Python and the shell."""

import dataclasses
import math

import numpy as np
import pytest

from srgan_tf.command_line import parse
from srgan_tf.errors import UserError
from srgan_tf.exporting.card import ARITHMETIC
from srgan_tf.exporting.export import ENDINGS
from srgan_tf.main import OPTIONS
from srgan_tf.models.generator import SCALES
from srgan_tf.options import TrainOptions
from srgan_tf.pictures.kinds import KINDS
from srgan_tf.video.kinds import CODECS, CONTAINERS


def field(command, name):
    (found,) = (f for f in dataclasses.fields(OPTIONS[command]) if f.name == name)
    return found


@pytest.mark.parametrize("command", OPTIONS)
def test_every_option_has_a_help_of_a_sentence(command):
    for option in dataclasses.fields(OPTIONS[command]):
        text = option.metadata["help"]
        assert text[0].isalnum() and text.endswith((".", "...")), option.name


@pytest.mark.parametrize(
    ("command", "name", "known"),
    [
        (
            "upscale",
            "format",
            [*(k for k in KINDS if KINDS[k].side), "gif", *CONTAINERS, "same"],
        ),
        ("upscale", "codec", CODECS),
        ("export", "format", ENDINGS),
        ("export", "quantize", [kind for kind in ARITHMETIC if kind]),
        ("train", "scale", SCALES),
    ],
)
def test_choices_are_what_the_code_knows(command, name, known):
    assert field(command, name).metadata["choices"] == tuple(known)


NEEDED = {
    "evaluate": {"model": ("bicubic",), "benchmarks": ("Set5",)},
    "prepare": {"output": "prepared"},
}


@pytest.mark.parametrize("command", OPTIONS)
def test_every_bound_is_kept_and_the_bound_itself_is_good(command):
    for option in dataclasses.fields(OPTIONS[command]):
        least, most = option.metadata["least"], option.metadata["most"]
        for bound, step in ((least, -1), (most, 1)):
            if bound is None:
                continue
            needed = NEEDED.get(command, {})
            OPTIONS[command](**{**needed, option.name: bound})
            with pytest.raises(UserError, match=f"^--{option.name}={bound + step}: "):
                OPTIONS[command](**{**needed, option.name: bound + step})


@pytest.mark.parametrize(
    ("command", "values", "message"),
    [
        ("train", {"scale": 3}, "--scale=3: must be 2, 4 or 8."),
        ("train", {"pretrain_steps": -1}, "--pretrain_steps=-1: must be at least 0."),
        ("train", {"crop_size": 8}, "--crop_size=8: must be at least 16."),
        ("train", {"ema_decay": 1.0}, "--ema_decay=1.0: must be 0 to 0.999999."),
        ("train", {"init": ""}, "--init has an empty value: name one or leave it out."),
        (
            "train",
            {"valid_dataset": ""},
            "--valid_dataset has an empty value: name one or leave it out.",
        ),
        (
            "upscale",
            {"model": ("a", "")},
            "--model has an empty value: name one or leave it out.",
        ),
        (
            "upscale",
            {"output": ""},
            "--output has an empty value: name one or leave it out.",
        ),
        (
            "train",
            {"gan_learning_rate": math.nan},
            "--gan_learning_rate=nan: must be a finite number.",
        ),
        ("train", {"clip_norm": math.inf}, "--clip_norm=inf: must be a finite number."),
        (
            "train",
            {"precision": "float8"},
            "--precision=float8: must be auto, float32, mixed_bfloat16 or "
            "mixed_float16.",
        ),
        (
            "train",
            {"crop_size": 98},
            "--crop_size=98 must be a multiple of --scale=4.",
        ),
        (
            "train",
            {"log_every": 10, "steps_per_execution": 4},
            "--log_every=10 must be a multiple of --steps_per_execution=4.",
        ),
        ("evaluate", {}, "evaluate needs --model; see --help."),
        ("evaluate", {"model": ("x",)}, "evaluate needs --benchmarks; see --help."),
        (
            "evaluate",
            {"model": ("x",), "benchmarks": ("y",), "report": ("r.txt",)},
            "--report=r.txt: the name must end in .json or .md.",
        ),
        ("upscale", {"tile": 15}, "--tile=15: must be at least 16."),
        ("upscale", {"quality": 101}, "--quality=101: must be 1 to 100."),
        ("upscale", {"realism": -0.1}, "--realism=-0.1: must be 0 to 1."),
        ("upscale", {"realism": math.nan}, "--realism=nan: must be a finite number."),
        (
            "upscale",
            {"format": "jp2"},
            "--format=jp2: must be png, jpg, webp, tiff, bmp, avif, heic, jxl, gif, "
            "mp4, mov, mkv, webm or same.",
        ),
        (
            "export",
            {"format": "png"},
            "--format=png: must be saved_model, litert or onnx.",
        ),
        (
            "export",
            {"format": "onnx", "quantize": "int8"},
            "--quantize=int8 is for --format=litert, not for onnx.",
        ),
        ("export", {"model": ("a", "b")}, "export takes one --model."),
        ("benchmark", {"model": ("a", "b")}, "benchmark takes one --model."),
        ("benchmark", {"scale": 3}, "--scale=3: must be 2, 4 or 8."),
    ],
)
def test_python_and_the_command_line_say_the_same(
    command_line, command, values, message
):
    with pytest.raises(UserError) as caught:
        OPTIONS[command](**values)
    assert str(caught.value) == message
    texts = {k: ",".join(v) if isinstance(v, tuple) else v for k, v in values.items()}
    done = command_line(command, *(f"--{name}={text}" for name, text in texts.items()))
    assert done == (1, "", f"Error: {message}\n")


def test_what_is_no_number_is_no_number_of_steps():
    for value in ("many", None, True):
        with pytest.raises(UserError, match=f"^--gan_steps={value}: must be a number"):
            TrainOptions(gan_steps=value)


def test_flags_hold_all_but_the_place(config):
    flags = config().as_flags()
    assert "run_dir" not in flags
    assert "init" not in flags  # not given
    assert flags["batch_size"] == 2


def test_flags_are_a_flagfile_of_the_same_options(config, tmp_path):
    options = config(init="a b.keras", jit_compile=True, ema_decay=0.1 + 0.2)
    path = tmp_path / "run.flags"
    lines = [f"--{name}={value}" for name, value in options.as_flags().items()]
    path.write_text("\n".join(lines))
    words = [f"--flagfile={path}", f"--run_dir={options.run_dir}"]
    assert parse(words, OPTIONS, default="train").options == options


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("tile", 64.5, "must be a whole number."),
        ("tile", "64", "must be a number."),
        ("tile", True, "must be a number."),
        ("realism", "0.5", "must be a number."),
        ("scale", 3.5, "must be a whole number."),
        ("fast", "no", "must be True or False."),
    ],
)
def test_what_only_python_can_give_is_checked_too(name, value, message):
    with pytest.raises(UserError) as caught:
        OPTIONS["upscale"](**{name: value})
    assert str(caught.value) == f"--{name}={value}: {message}"


def test_numbers_of_numpy_are_numbers():
    options = OPTIONS["upscale"](
        tile=np.int64(64), realism=np.float32(0.5), fast=np.bool_(True)
    )
    assert (options.tile, options.realism, options.fast) == (64, 0.5, True)
