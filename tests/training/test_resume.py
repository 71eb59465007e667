"""Interrupted runs, through the command line: nothing is lost, nothing differs."""

import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from samples import start

from srgan_tf.training.train import train

STEPS = {"pretrain_steps": 20, "gan_steps": 20, "save_every": 7, "log_every": 5}


def words(config) -> list[str]:
    values = {**config.as_flags(), "run_dir": config.run_dir}
    return ["train", *(f"--{name}={value}" for name, value in values.items())]


def wait_for_row(config, stage: str, step: int) -> None:
    """Until `metrics.csv` has that row."""
    metrics = Path(config.run_dir, "metrics.csv")
    limit = time.monotonic() + 300
    while time.monotonic() < limit:
        if metrics.exists() and f"\n{stage},{step}," in metrics.read_text():
            return
        time.sleep(0.01)
    raise AssertionError("The run has not come so far in five minutes.")


def contents(path: Path) -> dict[str, np.ndarray]:
    """Every array of a checkpoint."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]})
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
        found["metrics"] = file.attrs["metrics"]
    return found


def assert_same_run(one: str, other: str) -> None:
    """Logged metrics and last checkpoints of both stages are equal bit for bit."""
    one, other = Path(one), Path(other)
    assert (one / "metrics.csv").read_text() == (other / "metrics.csv").read_text()
    for stage in ("pretrain", "gan"):
        name = f"{stage}-{20:08d}.weights.h5"
        ours, theirs = (contents(run / "checkpoints" / name) for run in (one, other))
        assert ours.keys() == theirs.keys()
        assert any("optimizer" in name for name in ours)
        for key in ours:
            np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)


@pytest.mark.slow
def test_a_killed_run_continues_as_if_it_had_not_been(config, tmp_path):
    whole = config(run_dir=str(tmp_path / "whole"), ema_decay=0.9, **STEPS)
    train(whole)
    parts = config(run_dir=str(tmp_path / "parts"), ema_decay=0.9, **STEPS)
    for stage, number in (("pretrain", signal.SIGTERM), ("gan", signal.SIGKILL)):
        process = start(*words(parts))
        wait_for_row(parts, stage, 10)
        process.send_signal(number)
        _, said = process.communicate()
        if number == signal.SIGTERM:
            assert process.returncode == 128 + number
            assert f"of the stage {stage}, with a checkpoint: the same" in said
        else:
            assert process.returncode == -number
        assert not Path(parts.run_dir, "generator.keras").exists()
    train(parts)
    assert_same_run(whole.run_dir, parts.run_dir)
