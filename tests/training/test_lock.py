import os
import signal
import subprocess
import sys

import pytest
from samples import REPOSITORY

from srgan_tf.errors import UserError
from srgan_tf.training.lock import LOCK_NAME, locked
from srgan_tf.training.train import train

HOLD = """
import sys
from pathlib import Path
from srgan_tf.training.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_process_is_told_who_the_first_is(config, other):
    with pytest.raises(UserError) as error:
        train(config())
    said = str(error.value)
    assert f"is at work already, in process {other.pid} on " in said
    assert "\n" not in said


def test_who_died_holds_nothing(config, other, tmp_path):
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert (tmp_path / "run" / LOCK_NAME).exists()
    with locked(tmp_path / "run"):
        pass
    assert not (tmp_path / "run" / LOCK_NAME).exists()


def test_in_one_process_the_second_waits_its_turn(tmp_path):
    with locked(tmp_path / "run"):
        with (
            pytest.raises(UserError, match=f"in process {os.getpid()} on "),
            locked(tmp_path / "run"),
        ):
            pass
        assert (tmp_path / "run" / LOCK_NAME).exists()
    with locked(tmp_path / "run"):
        pass


def test_a_folder_with_nothing_in_it_goes(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(KeyError), locked(tmp_path / "mine" / "runs" / "x"):
        raise KeyError
    assert os.listdir(tmp_path) == ["mine"] and os.listdir(tmp_path / "mine") == []
    with locked(tmp_path / "mine" / "runs" / "x"):
        (tmp_path / "mine" / "runs" / "x" / "a").touch()
    assert os.listdir(tmp_path / "mine" / "runs" / "x") == ["a"]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(UserError, match=r"cannot be written: \w[^\n]*$"),
        locked(tmp_path / "file" / "run"),
    ):
        pass
