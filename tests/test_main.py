import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from samples import REPOSITORY

import srgan_tf


def run(*arguments: str, cwd: Path = REPOSITORY, **environment: str):
    return subprocess.run(
        [sys.executable, "-m", "srgan_tf.main", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def tiny(folder: Path, photos: Path) -> list[str]:
    return [
        f"--dataset={photos}",
        f"--valid_dataset={photos}",
        "--num_blocks=1",
        "--filters=4",
        "--crop_size=16",
        "--batch_size=2",
        "--content_loss=mse",
        "--log_every=1",
        "--save_every=1",
        f"--run_dir={folder}",
    ]


def test_help_needs_no_tensorflow_and_names_every_flag():
    result = run("--help", TF_CPP_MIN_LOG_LEVEL="0")
    assert result.returncode == 0
    assert result.stderr == ""
    for name in ("--dataset:", "--run_dir:", "--adversarial_weight:", "  train "):
        assert name in result.stdout
    code = "import sys, srgan_tf.main; print('tensorflow' in sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY
    )
    assert loaded.stdout.strip() == "False"


def test_version():
    assert run("--version").stdout == f"srgan_tf {srgan_tf.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["--scale=3"], "--scale=3: must be 2, 4 or 8"),
        (["--crop_size=98"], "--crop_size=98 must be a multiple of --scale=4"),
        (["--crop_size=many"], "crop_size"),
        (["--no_such_flag=1"], "Unknown command line flag 'no_such_flag'"),
        (["--precision=float8"], "precision"),
        (["--pretrain_steps=-1"], "pretrain_steps"),
        (["--flagfile=none.flags"], "none.flags"),
        (["fly"], "There is no command fly"),
    ],
)
def test_bad_flags_and_commands_get_one_line(arguments, culprit, tmp_path):
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 1
    assert culprit in result.stderr
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_bad_data_gets_one_line_and_leaves_nothing(tmp_path):
    result = run("--dataset=./none", "--content_loss=mse", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr == (
        "Error: There is no folder ./none: name a folder of photos.\n"
    )
    assert not list(tmp_path.iterdir())


def test_trains_continues_and_finishes(tmp_path, photo_folder):
    flags = tiny(tmp_path / "run", photo_folder)
    first = run(*flags, "--pretrain_steps=2", "--gan_steps=0")
    assert first.returncode == 0, first.stderr
    for chatter in ("oneDNN", "cuda", "WARNING", "Traceback"):
        assert chatter not in first.stderr
    second = run("train", *flags, "--pretrain_steps=2", "--gan_steps=2")
    assert second.returncode == 0, second.stderr
    metrics = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert [line.rsplit(",", 9)[0] for line in metrics] == [
        "stage,step", "pretrain,1", "pretrain,2", "gan,1", "gan,2",
    ]  # fmt: skip
    replay = f"--flagfile={tmp_path / 'run' / 'run.flags'}"
    third = run(replay, f"--run_dir={tmp_path / 'run'}")
    assert third.returncode == 0
    assert "is finished" in third.stderr


def test_the_flagfile_names_the_run_folder(tmp_path, photo_folder):
    flags = [f for f in tiny(tmp_path, photo_folder) if not f.startswith("--run_dir")]
    inner = tmp_path / "inner.flags"
    inner.write_text("\n".join(flags))
    outer = tmp_path / "my_run.flags"
    outer.write_text(f"--flagfile={inner}\n--pretrain_steps=1\n--gan_steps=0\n")
    started = time.time()
    result = run(f"--flagfile={outer}", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "runs" / "my_run" / "generator.keras").stat().st_mtime > started
