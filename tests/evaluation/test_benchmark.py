"""The command `benchmark`: what it measures, in which precisions."""

import pytest
from samples import trained_like

from srgan_tf.evaluation import benchmark, speed


@pytest.mark.parametrize(
    ("asked", "precisions"),
    [
        ("auto", ["float32", "mixed_bfloat16"]),
        ("mixed_float16", ["mixed_float16"]),
    ],
)
def test_command(tmp_path, monkeypatch, command_line, asked, precisions):
    for name, value in {"SIDES": (8,), "ROUNDS": 1, "EXPORTS": ()}.items():
        monkeypatch.setattr(speed, name, value)
    asked_for = []
    monkeypatch.setattr(  # which has its own tests, of minutes
        benchmark, "benchmark_training", lambda *words: asked_for.append(words)
    )
    trained_like().save(tmp_path / "tiny.keras")
    done = command_line(
        "benchmark",
        f"--model={tmp_path / 'tiny.keras'}",
        "--num_blocks=2",
        "--crop_size=32",
        f"--precision={asked}",
    )
    assert done.code == 0, done.stderr
    assert done.stdout.startswith("8x8 to 32x32")
    ((options, found),) = asked_for
    assert (options.num_blocks, options.crop_size) == (2, 32)
    assert found == precisions
