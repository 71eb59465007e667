"""The command line as its user meets it: help, errors, and runs that continue."""

import dataclasses
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from samples import REPOSITORY, files_in, save_picture, start, trained_like, values

import srgan_tf
from srgan_tf.main import COMMANDS, OPTIONS

X4 = f"--flagfile={REPOSITORY / 'experiments' / 'x4.flags'}"


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


# ---- help


def test_help_names_every_command_and_what_it_does(command_line):
    done = command_line("--help")
    assert (done.code, done.stderr) == (0, "")
    for name, (_, run) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(run.__doc__)}$", done.stdout, re.M)
    assert command_line("-h") == done


@pytest.mark.parametrize("command", OPTIONS)
def test_help_of_a_command_tells_its_flags_and_no_others(command_line, command):
    done = command_line(command, "--help")
    assert (done.code, done.stderr) == (0, "")
    shown = re.findall(r"^  --(\w+): (.+)$", done.stdout, re.MULTILINE)
    fields = {field.name: field for field in dataclasses.fields(OPTIONS[command])}
    assert sorted(name for name, _ in shown) == sorted(fields)
    for name, text in shown:
        field = fields[name]
        given = "" if field.default in (None, ()) else f" [{field.default}]"
        assert text == field.metadata["help"] + given
    assert command_line(X4, command, "-h") == done


# What needs no TensorFlow must not wait for it.
QUICK = """
import sys
from srgan_tf.main import COMMANDS, main
helps = [[command, "--help"] for command in COMMANDS]
for words in (["--help"], ["--version"], *helps):
    main(["srgan_tf", *words])
for words in (["fly"], ["upscale", "--tile=1"], ["upscale", "--seed=1"], ["evaluate"]):
    try:
        main(["srgan_tf", *words])
    except SystemExit as end:
        assert end.code.startswith("Error: "), end.code
    else:
        raise AssertionError(words)
print(*(name for name in ("tensorflow", "keras", "numpy") if name in sys.modules))
"""


def test_help_and_refusals_need_no_tensorflow():
    done = subprocess.run(
        [sys.executable, "-c", QUICK], capture_output=True, text=True, cwd=REPOSITORY
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "--adversarial_weight:" in done.stdout
    assert done.stdout.endswith("\n\n"), "modules that are not needed are imported"


def test_a_reader_who_has_enough_is_no_error():
    process = start("train", "--help")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 1


def test_version(command_line):
    assert command_line("--version") == (0, f"srgan_tf {srgan_tf.__version__}\n", "")


# ---- errors


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
        (["--realism=0.5"], "--realism is for upscale, not for train"),
        (["train", "runs/x4"], "train takes flags only. Received: runs/x4"),
    ],
)
def test_bad_flags_and_commands_get_one_line(
    arguments, culprit, tmp_path, monkeypatch, command_line
):
    monkeypatch.chdir(tmp_path)
    done = command_line(*arguments)
    assert done.code == 1
    assert culprit in done.stderr
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    assert not done.stdout
    assert not list(tmp_path.iterdir())


def test_bad_data_gets_one_line_and_leaves_nothing(tmp_path):
    """In a process of its own, where TensorFlow has much to say at its start."""
    process = start("--dataset=./none", "--content_loss=mse", cwd=tmp_path)
    _, said = process.communicate()
    assert process.returncode == 1
    assert said == "Error: There is no folder ./none: name a folder of photos.\n"
    assert not list(tmp_path.iterdir())


# ---- runs


def test_trains_continues_and_finishes(tmp_path, photo_folder, command_line):
    flags = tiny(tmp_path / "run", photo_folder)
    first = start(*flags, "--pretrain_steps=2", "--gan_steps=0")
    _, said = first.communicate()
    assert first.returncode == 0, said
    for chatter in ("oneDNN", "cuda", "WARNING", "Traceback"):
        assert chatter not in said
    second = command_line("train", *flags, "--pretrain_steps=2", "--gan_steps=2")
    assert second.code == 0, second.stderr
    metrics = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert [line.rsplit(",", 9)[0] for line in metrics] == [
        "stage,step", "pretrain,1", "pretrain,2", "gan,1", "gan,2",
    ]  # fmt: skip
    replay = f"--flagfile={tmp_path / 'run' / 'run.flags'}"
    third = command_line(replay, f"--run_dir={tmp_path / 'run'}")
    assert third.code == 0
    assert "is finished" in third.stderr


def test_the_flagfile_names_the_run_folder(
    tmp_path, photo_folder, monkeypatch, command_line
):
    monkeypatch.chdir(tmp_path)
    flags = [f for f in tiny(tmp_path, photo_folder) if not f.startswith("--run_dir")]
    inner = tmp_path / "inner.flags"
    inner.write_text("\n".join(flags))
    outer = tmp_path / "my_run.flags"
    outer.write_text(f"--flagfile={inner}\n--pretrain_steps=1\n--gan_steps=0\n")
    started = time.time()
    done = command_line(f"--flagfile={outer}")
    assert done.code == 0, done.stderr
    run = tmp_path / "runs" / "my_run"
    assert (run / "generator.keras").stat().st_mtime > started
    again = command_line("--flagfile", outer)
    assert again.code == 0
    assert "is finished" in again.stderr
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["my_run"]


def test_flags_of_one_run_do_not_stay_for_the_next(tmp_path, command_line):
    photo, model = tmp_path / "photo.png", tmp_path / "tiny.keras"
    save_picture(photo, values(4, 5, 3))
    trained_like().save(model)
    flags = f"--model={model}", "--scale=2", "--format=bmp", "--compare"
    assert command_line("upscale", photo, *flags).code == 0
    assert command_line("upscale", photo, "--scale=9").code == 1
    assert command_line("upscale", photo, f"--model={model}").code == 0
    assert files_in(tmp_path) == [
        "photo.png", "photo_x2.bmp", "photo_x2_compare.png", "photo_x4.png",
        "tiny.keras",
    ]  # fmt: skip


def test_a_runs_own_flagfile_goes_on_in_its_folder(
    tmp_path, photo_folder, monkeypatch, command_line
):
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "somewhere" / "mine"
    first = command_line(
        *tiny(run, photo_folder), "--pretrain_steps=1", "--gan_steps=0"
    )
    assert first.code == 0, first.stderr
    again = command_line(f"--flagfile={run / 'run.flags'}")
    assert again.code == 0 and "is finished: 1 + 0 steps" in again.stderr
    more = command_line(f"--flagfile={run / 'run.flags'}", "--pretrain_steps=2")
    assert "--pretrain_steps changed at step 1" in more.stderr
    assert not (tmp_path / "runs").exists()
    # As after an end before the first checkpoint.
    shutil.rmtree(run / "checkpoints")
    (run / "generator.keras").unlink()
    begun = command_line(f"--flagfile={run / 'run.flags'}", "--pretrain_steps=1")
    assert begun.code == 0 and (run / "generator.keras").exists()
    assert not (tmp_path / "runs").exists()
    # A copy elsewhere is no run's own.
    copy = tmp_path / "run.flags"
    copy.write_text((run / "run.flags").read_text())
    assert command_line(f"--flagfile={copy}").code == 0
    assert (tmp_path / "runs" / "run" / "generator.keras").exists()


def test_a_run_without_a_name_is_continued_by_its_own_flags_only(
    tmp_path, photo_folder, monkeypatch, command_line
):
    monkeypatch.chdir(tmp_path)
    flags = [*tiny(tmp_path, photo_folder)[:-1], "--gan_steps=0"]
    assert command_line(*flags, "--pretrain_steps=1").code == 0
    metrics = tmp_path / "runs" / "default" / "metrics.csv"
    before = metrics.read_text()
    other = command_line(*flags, "--pretrain_steps=2", "--dataset=bundled")
    assert other.code == 1 and metrics.read_text() == before
    assert other.stderr.count("\n") == 1
    assert (
        f"--dataset=bundled: {Path('runs/default')}, the folder of runs" in other.stderr
    )
    assert command_line(*flags, "--pretrain_steps=2").code == 0
    meant = command_line(
        *flags, "--pretrain_steps=3", "--dataset=bundled", "--run_dir=runs/default"
    )
    assert meant.code == 0 and "--dataset changed at step 2" in meant.stderr


SWALLOWS = """
import signal
try:
    signal.raise_signal(signal.SIGINT)
except BaseException:
    pass
"""


def hear_interrupts():
    # The suite may be run where SIGINT is ignored, as in a shell's background job.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupt_while_something_is_imported_is_heard(tmp_path):
    (tmp_path / "tensorflow.py").write_text(SWALLOWS)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
    code += "from srgan_tf.main import main; main(['', 'train', '--dataset=bundled'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, preexec_fn=hear_interrupts
    )
    assert done.returncode in (-signal.SIGINT, 128 + signal.SIGINT)


def test_an_interrupt_at_the_start_is_heard(tmp_path, photo_folder):
    flags = tiny(tmp_path / "run", photo_folder)
    process = start(*flags, preexec_fn=hear_interrupts)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode in (-signal.SIGINT, 128 + signal.SIGINT), said
    assert not (tmp_path / "run" / "checkpoints").exists()
