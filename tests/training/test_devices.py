"""Training on several devices equals training on one (2 logical CPUs, 2 processes)."""

import csv
import dataclasses
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from samples import REPOSITORY

from srgan_tf.errors import UserError
from srgan_tf.models.pretrained import load_generator
from srgan_tf.training.devices import choose_strategy
from srgan_tf.training.train import train

# Trains by options given as JSON where TensorFlow sees that many CPU devices.
SCRIPT = """
import json, logging, sys
import tensorflow as tf
logging.basicConfig(format="%(message)s")
cpu = tf.config.list_physical_devices("CPU")[0]
devices = [tf.config.LogicalDeviceConfiguration()] * int(sys.argv[1])
tf.config.set_logical_device_configuration(cpu, devices)
from srgan_tf.options import TrainOptions
from srgan_tf.errors import UserError
from srgan_tf.training.train import train
try:
    train(TrainOptions(**json.loads(sys.argv[2])))
except UserError as error:
    sys.exit(f"Error: {error}")
"""
RUN = {
    "batch_size": 16,
    "pretrain_steps": 4,
    "gan_steps": 4,
    "gan_learning_rate": 1e-4,  # at more, rounding differences grow fast
    "forbid_checkerboard": True,
    "save_every": 2,
}


def start(config, devices: int, **environment: str) -> subprocess.Popen:
    options = json.dumps(dataclasses.asdict(config))
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(devices), options],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def rows(run: str) -> list[dict[str, str]]:
    with Path(run, "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def assert_near(one: str, other: str) -> None:
    """Losses and results of two runs agree as well as float32 lets them.

    Adam makes whole steps of rounding differences where gradients are tiny, as many of
    the discriminator's are; its values therefore drift apart sooner.
    """
    exact = "learning_rate", "loss", "content_loss", "val_psnr", "val_ssim"
    for ours, theirs in zip(rows(one), rows(other), strict=True):
        for name in ours.keys() - {"stage", "step"}:
            if ours[name]:
                near = pytest.approx(
                    float(theirs[name]), rel=1e-4 if name in exact else 2e-2
                )
                assert float(ours[name]) == near, (ours["stage"], ours["step"], name)
    weights = (load_generator(run).get_weights() for run in (one, other))
    for ours, theirs in zip(*weights):
        assert np.abs(ours - theirs).mean() < 1e-4


@pytest.mark.slow
def test_two_devices_equal_one(config, tmp_path):
    one = config(run_dir=str(tmp_path / "one"), ema_decay=0.5, **RUN)
    two = config(
        run_dir=str(tmp_path / "two"), strategy="mirrored", ema_decay=0.5, **RUN
    )
    train(one)
    process = start(two, devices=2)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert_near(one.run_dir, two.run_dir)


@pytest.mark.slow
def test_two_workers_equal_one_and_continue(config, tmp_path):
    one = config(run_dir=str(tmp_path / "one"), **RUN)
    train(one)
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            ports.append(free.getsockname()[1])
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    for steps in ({"pretrain_steps": 2, "gan_steps": 0}, {}):
        two = config(**{**RUN, **steps}, run_dir=str(tmp_path / "two"), strategy="auto")
        workers = []
        for index in range(2):
            task = {"cluster": cluster, "task": {"type": "worker", "index": index}}
            workers.append(start(two, devices=1, TF_CONFIG=json.dumps(task)))
        said = [worker.communicate(timeout=300)[1] for worker in workers]
        assert [worker.returncode for worker in workers] == [0, 0], said
    names = sorted(os.listdir(Path(two.run_dir, "checkpoints")))
    assert names == [
        f"{stage}-{step:08d}.weights.h5"
        for stage in ("gan", "pretrain")
        for step in (2, 4)
    ]
    assert [row["step"] for row in rows(two.run_dir)] == list("12341234")
    assert_near(one.run_dir, two.run_dir)


def test_what_is_not_there_is_one_line(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(UserError, match="TF_CONFIG names no workers"):
        choose_strategy("multi_worker")
    monkeypatch.setenv("TPU_NAME", "local")
    with pytest.raises(UserError, match=r"^--strategy=tpu: no TPU answers[^\n]*$"):
        choose_strategy("tpu")
    assert choose_strategy("auto").num_replicas_in_sync == 1


def test_a_batch_must_divide_among_the_devices(config):
    process = start(config(batch_size=3, strategy="mirrored"), devices=2)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "--batch_size=3 must be a multiple of the 2 devices" in said
