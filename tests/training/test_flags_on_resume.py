"""What each flag does to a run that is there already: no flag is left out."""

import csv
import dataclasses
from pathlib import Path

import h5py
import numpy as np
import pytest
from samples import REPOSITORY

from srgan_tf.errors import UserError
from srgan_tf.models.pretrained import load_generator
from srgan_tf.options import RESUME, TrainOptions
from srgan_tf.training.resume import continuation, table
from srgan_tf.training.run_folder import Change, RunFolder
from srgan_tf.training.train import train

FIELDS = {field.name: field for field in dataclasses.fields(TrainOptions)}
# Another value for every flag; those of the fixture `config` are the first ones.
OTHERS = {
    "run_dir": "elsewhere",
    "init": "srresnet_x4",
    "init_discriminator": "d.weights.h5",
    "freeze_batch_norm": True,
    "freeze_trunk": True,
    "forbid_checkerboard": True,
    "seed": 4,
    "log_every": 3,
    "save_every": 5,
    "dataset": "other",
    "split": "test",
    "data_dir": "data",
    "valid_dataset": "other",
    "crop_size": 32,
    "batch_size": 4,
    "degradation": "photo",
    "cache_gib": 2.0,
    "scale": 2,
    "num_blocks": 2,
    "filters": 8,
    "pretrain_steps": 30,
    "pretrain_loss": "mae",
    "pretrain_learning_rate": 1e-5,
    "patience": 9,
    "total_variation": 0.5,
    "gan_steps": 30,
    "restart_gan": True,
    "content_loss": "mae",
    "discriminator": "pooled",
    "keep": "psnr",
    "colour_weight": 0.5,
    "adversarial_weight": 0.5,
    "gan_learning_rate": 1e-5,
    "gan_decay_step": 7,
    "schedule": "cosine",
    "warmup_steps": 2,
    "vgg_weights": "file.h5",
    "precision": "mixed_bfloat16",
    "strategy": "mirrored",
    "steps_per_execution": 2,
    "clip_norm": 1.0,
    "ema_decay": 0.9,
    "jit_compile": True,
}


@pytest.fixture
def begun(config):
    """Makes a run folder that looks as after so many steps of each stage."""

    def make(pretrain: int, gan: int = 0, **flags) -> tuple[TrainOptions, RunFolder]:
        options = config(
            vgg_weights="imagenet", pretrain_steps=20, gan_steps=20, **flags
        )
        folder = RunFolder(options.run_dir)
        folder.write_flags(options.as_flags())
        folder.checkpoints.path.mkdir()
        for stage, step in (("pretrain", pretrain), ("gan", gan)):
            if step:
                name = f"{stage}-{step:08d}.weights.h5"
                (folder.checkpoints.path / name).touch()
        return options, folder

    return make


def changed(options: TrainOptions, name: str) -> TrainOptions:
    others = {name: OTHERS[name]}
    if name == "steps_per_execution":
        others |= {"log_every": 2, "save_every": 2}
    return dataclasses.replace(options, **others)


def test_every_flag_says_what_it_does():
    assert OTHERS.keys() == FIELDS.keys()
    for field in FIELDS.values():
        assert field.metadata["resume"] in RESUME, field.name


def test_the_table_is_the_one_in_the_documentation():
    text = (REPOSITORY / "docs" / "resume.md").read_text("utf-8")
    assert table() in text, "python -m srgan_tf.training.resume prints it"


@pytest.mark.parametrize("name", FIELDS)
def test_a_changed_flag(begun, name):
    # In the middle of the stage that the flag is for, or else of stage 1.
    in_gan = FIELDS[name].metadata["stage"] == "gan"
    options, folder = begun(20, 10) if in_gan else begun(10)
    new = changed(options, name)
    kind = FIELDS[name].metadata["resume"]
    if kind == "refused":
        with pytest.raises(UserError, match=rf"^--{name}=\S+: the run in "):
            continuation(new, folder)
        return
    decided, changes, restart = continuation(new, folder)
    assert not restart
    assert getattr(decided, name) == OTHERS[name]
    told = Change(name, str(getattr(options, name)), str(OTHERS[name]))
    assert (told in changes) == (kind != "ignored")


@pytest.mark.parametrize("name", FIELDS)
def test_a_changed_flag_in_a_folder_that_nobody_named(begun, name):
    in_gan = FIELDS[name].metadata["stage"] == "gan"
    options, folder = begun(20, 10) if in_gan else begun(10)
    new = changed(options, name)
    if FIELDS[name].metadata["resume"] in ("refused", "applied"):
        with pytest.raises(UserError, match=f"^--{name}="):
            continuation(new, folder, named=False)
    else:
        assert getattr(continuation(new, folder, named=False)[0], name) == OTHERS[name]


@pytest.mark.parametrize(
    "name", [n for n, f in FIELDS.items() if f.metadata["stage"] == "pretrain"]
)
def test_what_comes_too_late_says_so_and_stays_as_it_was(begun, caplog, name):
    options, folder = begun(20, 10)
    if name == "pretrain_steps":
        with pytest.raises(UserError, match="--restart_gan"):
            continuation(changed(options, name), folder)
        return
    decided, changes, _ = continuation(changed(options, name), folder)
    assert decided == options and not changes
    assert f"--{name}={OTHERS[name]} comes too late" in caplog.text


def test_what_is_left_out_stays_as_it_was(begun):
    options, folder = begun(10, init="srresnet_x4", data_dir="data")
    without = dataclasses.replace(options, init=None, data_dir=None)
    assert continuation(without, folder) == (options, [], False)


def test_where_there_is_no_checkpoint_there_is_nothing_to_keep(begun):
    options, folder = begun(0)
    new = dataclasses.replace(options, filters=8, seed=9, init="srresnet_x4")
    assert continuation(new, folder) == (new, (), False)


def test_flags_that_earlier_versions_did_not_have_had_their_defaults(begun):
    options, folder = begun(10)
    flags = options.as_flags()
    del flags["schedule"], flags["patience"]
    folder.write_flags(flags)
    assert not continuation(options, folder).changes
    (change,) = continuation(changed(options, "schedule"), folder).changes
    assert change == Change("schedule", "paper", "cosine")


def test_fewer_steps_than_there_are_change_nothing(begun, caplog):
    options, folder = begun(20, 10)
    fewer = dataclasses.replace(options, pretrain_steps=3, gan_steps=10)
    decided, changes, _ = continuation(fewer, folder)
    assert decided.pretrain_steps == 20 and decided.gan_steps == 10
    assert changes == [Change("gan_steps", "20", "10")]
    assert "--pretrain_steps=3: the run has 20 steps of it already" in caplog.text


# ---- what is applied is applied for real


def rows(run: str) -> list[dict[str, str]]:
    with (Path(run) / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def state(run: str, stage: str, step: int) -> dict[str, np.ndarray]:
    """Adam's variables in a checkpoint, of the generator's optimizer, by name."""
    group = "optimizer" if stage == "pretrain" else "g_optimizer"
    path = Path(run, "checkpoints", f"{stage}-{step:08d}.weights.h5")
    with h5py.File(path) as file:
        store = file[group]["vars"]
        return {n: store[str(i)][()] for i, n in enumerate(store.attrs["names"])}


def moments(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {n: v for n, v in found.items() if n.startswith(("momentum", "velocity"))}


@pytest.mark.parametrize("stage", ["pretrain", "gan"])
@pytest.mark.parametrize(
    "changes",
    [
        {
            "ema_decay": 0.9,
            "schedule": "cosine",
            "warmup_steps": 1,
            "clip_norm": 1.0,
            "pretrain_loss": "mae",
            "content_loss": "mae",
        },
        {"precision": "mixed_float16", "freeze_batch_norm": True},
    ],
)
def test_adams_state_outlives_a_change(config, caplog, stage, changes):
    """A rate of 0 afterwards: only what is continued wrongly could change."""
    steps = {"pretrain_steps": 2, "gan_steps": 0}
    more = {"pretrain_steps": 3, "pretrain_learning_rate": 0.0}
    if stage == "gan":
        steps = {"pretrain_steps": 0, "gan_steps": 2}
        more = {"pretrain_steps": 0, "gan_steps": 3, "gan_learning_rate": 0.0}
    first = config(**steps)
    train(first)
    train(config(**{**steps, **more, **changes}))
    before, after = state(first.run_dir, stage, 2), state(first.run_dir, stage, 3)
    assert int(before["iteration"]) == 2 and int(after["iteration"]) == 3
    # A step keeps 0.9 of momentum and 0.999 of velocity and adds the gradient's part;
    # lost, they would be 0.1 and 0.001 of one gradient.
    kept = 0
    for name, value in moments(after).items():
        old = before[name]
        share = 0.9 if name.startswith("momentum") else 0.999
        gradient = (value - share * old) / (1 - share)
        limit = 30 * np.abs(before[name]).max() + 1e-6
        if name.startswith("velocity"):
            assert (value >= 0.998 * old).all(), name
            kept += (old > 0).any()
        else:
            assert np.abs(gradient).max() < 1e3 * limit, name
    assert kept
    if changes.get("freeze_batch_norm"):
        assert moments(after).keys() < moments(before).keys()
    else:
        assert moments(after).keys() == moments(before).keys()
    for name, value in changes.items():
        assert f"--{name} changed at step 2 of the stage {stage}: " in caplog.text
        assert RunFolder(first.run_dir).recorded_flags()[name] == str(value)
    noted = {row["flag"]: row for row in RunFolder(first.run_dir).history()}
    assert changes.keys() <= noted.keys()
    assert all(row["stage"] == stage and row["step"] == "2" for row in noted.values())
    assert "Skipping" not in caplog.text


def test_adams_state_outlives_the_way_back(config):
    first = config(gan_steps=0, ema_decay=0.9, precision="mixed_float16")
    train(first)
    train(config(gan_steps=0, pretrain_steps=3))
    before, after = (state(first.run_dir, "pretrain", step) for step in (2, 3))
    assert int(after["iteration"]) == 3
    for name, value in moments(after).items():
        if name.startswith("velocity"):
            assert (value >= 0.998 * before[name]).all()
    assert not any(name.startswith(("average", "scaling")) for name in after)


def test_layers_that_learn_again_begin_with_fresh_moments(config):
    train(config(gan_steps=0, freeze_batch_norm=True))
    c = config(gan_steps=0, pretrain_steps=3)
    train(c)
    before, after = (state(c.run_dir, "pretrain", step) for step in (2, 3))
    fresh = moments(after).keys() - moments(before).keys()
    assert len(fresh) == 12  # gamma and beta of three BatchNorms, both moments
    assert any(np.any(after[name]) for name in fresh)


def test_an_average_begins_at_the_weights(config):
    train(config(gan_steps=0))
    c = config(gan_steps=0, pretrain_steps=3, ema_decay=0.5, pretrain_learning_rate=0.0)
    train(c)
    found = state(c.run_dir, "pretrain", 3)
    result = load_generator(c.run_dir)
    for name, value in found.items():
        if name.startswith("average"):
            place = int(name.partition("/")[2])
            np.testing.assert_allclose(value, result.weights[place], atol=1e-6)


def test_a_new_learning_rate_is_in_force(config):
    train(config(pretrain_steps=2, gan_steps=0))
    train(config(pretrain_steps=4, gan_steps=2, pretrain_learning_rate=1e-5))
    c = config(
        pretrain_steps=4,
        gan_steps=4,
        gan_learning_rate=1e-6,
        pretrain_learning_rate=1e-5,
    )
    train(c)
    rates = [float(row["learning_rate"]) for row in rows(c.run_dir)]
    expected = [1e-3, 1e-3, 1e-5, 1e-5, 1e-3, 1e-3, 1e-6, 1e-6]
    np.testing.assert_allclose(rates, expected, rtol=1e-5)


def test_a_rate_of_zero_moves_nothing(config):
    train(config(gan_steps=0))
    before = load_generator(config().run_dir)
    c = config(gan_steps=0, pretrain_steps=4, pretrain_learning_rate=0.0)
    train(c)
    after = load_generator(c.run_dir)
    for one, other in zip(before.trainable_variables, after.trainable_variables):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("warmup_steps", [0, 3])
def test_a_cosine_goes_on_where_it_was(config, tmp_path, warmup_steps):
    base = {"gan_steps": 0, "schedule": "cosine", "warmup_steps": warmup_steps}
    whole = config(run_dir=str(tmp_path / "whole"), pretrain_steps=4, **base)
    train(whole)
    parts = config(run_dir=str(tmp_path / "parts"), pretrain_steps=4, **base)
    train(dataclasses.replace(parts, pretrain_steps=2))
    train(parts)
    one, other = (
        [float(row["learning_rate"]) for row in rows(c.run_dir)] for c in (whole, parts)
    )
    assert one[2:] == other[2:]  # before, the other's cosine was that of two steps
    assert rows(parts.run_dir)[-1]["step"] == "4"


def test_other_validation_photos_are_measured_anew(config, photo_folder):
    c = config(gan_steps=0)
    train(c)
    folder = RunFolder(c.run_dir)
    assert [step for step, _ in folder.validations("pretrain")] == [2]
    train(
        config(
            gan_steps=0, pretrain_steps=4, valid_dataset=str(photo_folder / "1.png*")
        )
    )
    assert [step for step, _ in folder.validations("pretrain")] == [4]


def test_a_checkpoint_of_an_earlier_version(config):
    """Without names of Adam's variables it fits the flags it was made by."""
    train(config(gan_steps=0))
    c = config(gan_steps=0, pretrain_steps=3)
    path = Path(c.run_dir, "checkpoints", "pretrain-00000002.weights.h5")
    with h5py.File(path, "a") as file:
        del file["optimizer"]["vars"].attrs["names"]
    with pytest.raises(UserError, match=r"of an earlier version.*--ema_decay"):
        train(dataclasses.replace(c, ema_decay=0.9))
    train(c)
    assert int(state(c.run_dir, "pretrain", 3)["iteration"]) == 3


def test_a_checkpoint_without_adams_state_is_an_error(config):
    train(config(gan_steps=0))
    c = config(gan_steps=0, pretrain_steps=3)
    path = Path(c.run_dir, "checkpoints", "pretrain-00000002.weights.h5")
    with h5py.File(path, "a") as file:
        del file["optimizer"]
    with pytest.raises(UserError, match="No checkpoint of the stage pretrain in"):
        train(c)


# ---- the order of the stages


def test_lengthening_stage_1_under_stage_2_must_be_asked_for(config, caplog):
    c = config()
    train(c)
    ours = Path(c.run_dir, "checkpoints", "gan-00000002.weights.h5")
    made = ours.stat().st_mtime_ns
    before = rows(c.run_dir)
    with pytest.raises(UserError, match=r"^--pretrain_steps=4: .*--restart_gan") as e:
        train(config(pretrain_steps=4))
    assert "\n" not in str(e.value)
    assert rows(c.run_dir) == before
    again = config(pretrain_steps=4, restart_gan=True)
    train(again)
    steps = [(row["stage"], row["step"]) for row in rows(c.run_dir)]
    assert steps == [("pretrain", s) for s in "1234"] + [("gan", "1"), ("gan", "2")]
    assert rows(c.run_dir)[:2] == before[:2]
    assert ours.stat().st_mtime_ns > made
    assert "Stage 2 begins anew" in caplog.text
    # Asked for once more, there is nothing to begin anew.
    made = Path(c.run_dir, "generator.keras").stat().st_mtime_ns
    train(again)
    assert Path(c.run_dir, "generator.keras").stat().st_mtime_ns == made


def test_more_steps_of_stage_2_leave_the_rows_of_stage_1(config):
    c = config()
    train(c)
    before = rows(c.run_dir)
    train(config(gan_steps=3))
    assert rows(c.run_dir)[:4] == before


# ---- early stopping


def test_patience_ends_stage_1_and_stage_2_follows(config, caplog):
    """At a rate of 0 only BatchNorm's statistics move: soon nothing gets better."""
    c = config(
        pretrain_steps=40,
        gan_steps=1,
        pretrain_learning_rate=0.0,
        save_every=1,
        log_every=1,
        patience=2,
    )
    train(c)
    folder = RunFolder(c.run_dir)
    psnr = [value for _, value in folder.validations("pretrain")]
    assert len(psnr) < 40 and len(psnr) - 1 - np.argmax(psnr) == 2
    assert f"Stage 1 ends after step {len(psnr)} of 40" in caplog.text
    assert "SRResNet" in (folder.path / "report.html").read_text()
    made = (folder.path / "generator.keras").stat().st_mtime_ns
    caplog.clear()
    train(c)
    assert f"is finished: {len(psnr)} + 1 steps" in caplog.text
    assert (folder.path / "generator.keras").stat().st_mtime_ns == made
    train(dataclasses.replace(c, gan_steps=2))
    assert len(folder.metrics.rows("pretrain")) == len(psnr)
