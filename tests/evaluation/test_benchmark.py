"""The command `benchmark`: what it has measured, in which precisions.

The measurements take long and have tests of their own.
"""

import pytest
from samples import trained_like

from srgan_tf.evaluation import benchmark


@pytest.mark.parametrize(
    ("asked", "precisions"),
    [
        ("auto", ["float32", "mixed_bfloat16"]),
        ("mixed_float16", ["mixed_float16"]),
    ],
)
def test_command(tmp_path, monkeypatch, command_line, asked, precisions):
    measured = []
    for name in ("benchmark_upscaling", "benchmark_video", "benchmark_training"):
        monkeypatch.setattr(benchmark, name, lambda *what: measured.append(what))
    trained_like(filters=6).save(tmp_path / "tiny.keras")
    flags = ("--num_blocks=2", "--crop_size=32", f"--precision={asked}")
    done = command_line("benchmark", f"--model={tmp_path / 'tiny.keras'}", *flags)
    assert done.code == 0, done.stderr
    (generator,), (model,), (options, found) = measured
    assert model.filters == 6
    assert generator.filters == 6
    assert (options.num_blocks, options.crop_size) == (2, 32)
    assert found == precisions
