"""From words and flagfiles to a command and its options."""

import dataclasses
from pathlib import Path

import pytest
from samples import REPOSITORY

from srgan_tf.command_line import Command, parse
from srgan_tf.errors import UserError
from srgan_tf.main import OPTIONS
from srgan_tf.models import Discriminator, Generator
from srgan_tf.models.losses import content_loss
from srgan_tf.options import TrainOptions, UpscaleOptions

EXPERIMENTS = sorted((REPOSITORY / "experiments").rglob("*.flags"))


def understood(*words) -> Command:
    return parse([str(word) for word in words], OPTIONS, default="train")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder that the command line is in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


# ---- words


def test_a_command_its_arguments_and_flags_in_any_order():
    found = understood("--tile=32", "upscale", "a.jpg", "--model=x,y", "b", "--fast")
    assert found == Command(
        "upscale", UpscaleOptions(tile=32, model=("x", "y"), fast=True), ("a.jpg", "b")
    )


def test_training_is_the_default():
    assert understood("--seed=3") == Command("train", TrainOptions(seed=3))
    assert understood() == understood("train") == Command("train", TrainOptions())


def test_a_value_may_be_a_word_of_its_own():
    apart = understood("upscale", "--tile", "32", "a.jpg", "--model", "x,y", "--fast")
    joined = understood("upscale", "--tile=32", "a.jpg", "--model=x,y", "--fast")
    assert apart == joined


def test_switches_have_an_opposite():
    assert understood("upscale", "--fast", "--nofast").options.fast is False
    assert understood("upscale", "--fast=false").options.fast is False
    assert understood("upscale", "--nofast", "--fast=true").options.fast is True


def test_the_last_of_equal_flags_counts():
    assert understood("--seed=1", "--seed=2").options.seed == 2


def test_behind_two_dashes_all_are_arguments():
    found = understood("upscale", "--fast", "--", "--tile.png", "-")
    assert found.arguments == ("--tile.png", "-")
    assert found.options == UpscaleOptions(fast=True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fly"], "There is no command fly: choose from train, "),
        (["upscale", "--no_such_flag"], "Unknown command line flag 'no_such_flag'"),
        (["--seed=many"], "flag --seed=many: "),
        (["upscale", "--tile"], "--tile lacks its value."),
        (["upscale", "a.png", "--flagfile"], "--flagfile lacks its value."),
        (["--=5"], "--=5 is no flag; see --help."),
        (["upscale", "---"], "--- is no flag; see --help."),
    ],
)
def test_what_cannot_be_understood_is_one_line(words, message):
    with pytest.raises(UserError) as caught:
        understood(*words)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def owners(flag):
    return [
        command
        for command, options in OPTIONS.items()
        if flag in {field.name for field in dataclasses.fields(options)}
    ]


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("upscale", "--batch_size=2"),
        ("upscale", "--nofreeze_batch_norm"),
        ("evaluate", "--realism=0.5"),
        ("train", "--tile=32"),
        ("export", "--self_ensemble"),
    ],
)
def test_a_flag_of_another_command_is_refused_and_names_its_commands(command, word):
    flag = word.strip("-").removeprefix("no").partition("=")[0]
    with pytest.raises(UserError) as caught:
        understood(command, word)
    names = ", ".join(owners(flag))
    assert str(caught.value) == f"--{flag} is for {names}, not for {command}."


# ---- flagfiles


def test_in_a_flagfile_flags_of_other_commands_are_passed_over(here):
    write(here / "x.flags", "--batch_size=2", "--nofast", "--tile=32", "--seed=5")
    upscaling = understood("upscale", "a.png", "--flagfile=x.flags")
    assert upscaling.options == UpscaleOptions(tile=32)
    training = understood("--flagfile=x.flags")
    assert training.options == TrainOptions(batch_size=2, seed=5)


def test_in_a_flagfile_unknown_flags_are_refused(here):
    write(here / "x.flags", "--tile=32", "--no_such_flag=1")
    for command in ("train", "upscale"):
        with pytest.raises(
            UserError, match=r"^Unknown command line flag 'no_such_flag"
        ):
            understood(command, "--flagfile=x.flags")


def test_values_of_a_flagfile_are_checked(here):
    write(here / "x.flags", "--seed=-1")
    with pytest.raises(UserError, match=r"^--seed=-1: must be 0 to 4294967295"):
        understood("--flagfile=x.flags")


def test_a_flagfile_counts_where_it_stands(here):
    write(here / "x.flags", "--seed=1", "--batch_size=2")
    before = understood("--seed=7", "--flagfile=x.flags").options
    behind = understood("--flagfile=x.flags", "--seed=7").options
    assert (before.seed, behind.seed) == (1, 7)
    assert before.batch_size == behind.batch_size == 2


def test_a_flagfile_may_be_a_word_of_its_own(here):
    write(here / "some" / "x4.flags", "--seed=1")
    apart = understood("--flagfile", "some/x4.flags")
    assert apart == understood("--flagfile=some/x4.flags")
    assert apart == Command(
        "train", TrainOptions(seed=1), flagfile=Path("some/x4.flags")
    )


def test_comments_and_spaces(here):
    write(
        here / "x.flags",
        "# a comment",
        "",
        "  --seed=4  ",
        "// another",
        "--jit_compile",
    )
    options = understood("--flagfile=x.flags").options
    assert options == TrainOptions(seed=4, jit_compile=True)


def test_nested_flagfiles_are_beside_the_one_that_names_them_or_here(here):
    write(here / "runs" / "outer.flags", "--flagfile=deep/inner.flags", "--seed=1")
    write(here / "runs" / "deep" / "inner.flags", "--flagfile=base.flags", "--seed=2")
    write(here / "runs" / "deep" / "base.flags", "--batch_size=3")
    write(here / "base.flags", "--batch_size=4")
    found = understood("--flagfile=runs/outer.flags")
    assert found.options == TrainOptions(seed=1, batch_size=3)
    assert found.flagfile == Path("runs/outer.flags")
    (here / "runs" / "deep" / "base.flags").unlink()
    found = understood("--flagfile=runs/outer.flags")
    assert found.options.batch_size == 4


def test_a_file_may_be_named_twice(here):
    write(here / "a.flags", "--seed=1")
    write(here / "b.flags", "--flagfile=a.flags", "--seed=2", "--flagfile=a.flags")
    assert understood("--flagfile=b.flags", "--flagfile=a.flags").options.seed == 1


def _itself(here):
    write(here / "x.flags", "--flagfile=x.flags")


def _each_other(here):
    write(here / "x.flags", "--flagfile=deep/y.flags")
    write(here / "deep" / "y.flags", "--flagfile=../x.flags")


def _no_flag(here):
    write(here / "x.flags", "--seed=1", "seed=2")


def _two_words(here):
    write(here / "x.flags", "--seed 1")


def _missing(here):
    pass


def _missing_inside(here):
    write(here / "x.flags", "--flagfile=missing.flags")


def _folder(here):
    (here / "x.flags").mkdir()


def _no_text(here):
    (here / "x.flags").write_bytes(b"--seed=\xff\xfe")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_itself, "the flagfile x.flags contains itself."),
        (_each_other, "contains itself."),
        (_no_flag, "x.flags: this line is no flag: seed=2"),
        (_two_words, "Unknown command line flag 'seed 1'"),
        (_missing, "--flagfile=x.flags cannot be read: No such file"),
        (_missing_inside, "--flagfile=missing.flags cannot be read: No such file"),
        (_folder, "--flagfile=x.flags cannot be read: Is a directory"),
        (_no_text, "--flagfile=x.flags cannot be read: "),
    ],
)
def test_a_bad_flagfile_is_one_line(here, make, message):
    make(here)
    with pytest.raises(UserError) as caught:
        understood("--flagfile=x.flags")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


# ---- the flagfiles of the repository


def experiment(path) -> TrainOptions:
    return understood(f"--flagfile={path.relative_to(REPOSITORY)}").options


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_parses(path, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    # Such as x2, srgan_x2 or srresnet_x8_photo.
    named = path.stem.removesuffix("_photo").rpartition("_")[2]
    assert experiment(path).scale == {"x2": 2, "x8": 8}.get(named, 4)


def test_all_that_experiments_name_can_be_built(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    asked = [experiment(path) for path in EXPERIMENTS]
    for size in {(x.scale, x.num_blocks, x.filters) for x in asked}:
        Generator(*size)
    for crop_size in {x.crop_size for x in asked}:
        Discriminator(crop_size)
    for loss in {loss for x in asked for loss in (x.pretrain_loss, x.content_loss)}:
        content_loss(loss, None)


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_opens_with_its_command_and_cost(path):
    text = path.read_text()
    if path.stem != "base":
        name = path.relative_to(REPOSITORY)
        assert f"# python -m srgan_tf.main --flagfile={name}" in text
        assert "Reaches" in text or "shows in" in text


def test_the_package_brings_flagfiles_along(here):
    found = understood("--flagfile=@x2", "--seed=3")
    assert found.options.scale == 2 and found.options.seed == 3
    assert found.options.pretrain_steps == 1_000_000  # from base.flags beside it
    assert found.flagfile.stem == "x2"
    write(here / "mine.flags", "--flagfile=@x8", "--seed=4")
    found = understood("--flagfile=mine.flags")
    assert (found.options.scale, found.flagfile) == (8, Path("mine.flags"))
    with pytest.raises(UserError, match=r"^--flagfile=@x3: the package has @base, @"):
        understood("--flagfile=@x3")


def test_the_packages_flagfiles_are_those_of_a_clone():
    for path in sorted((REPOSITORY / "experiments").glob("*.flags")):
        named = understood(f"--flagfile={path}").options
        assert understood(f"--flagfile=@{path.stem}").options == named
