"""The benchmark of upscaling."""

import re
import sys

from samples import trained_like

from srgan_tf.evaluation import speed as module
from srgan_tf.evaluation.speed import benchmark_upscaling

NAMES = [
    *("plain Keras call", "float32", "mixed_bfloat16", "--fast", "saved_model"),
    *("litert", "litert float16", "litert dynamic", "litert int8", "onnx"),
]


def test_a_table_for_each_size(monkeypatch, capsys):
    monkeypatch.setattr(module, "SIDES", (16, 24))
    monkeypatch.setattr(module, "ROUNDS", 1)
    monkeypatch.setattr(module, "fastest_precision", lambda: "mixed_bfloat16")
    benchmark_upscaling(trained_like(scale=2, filters=8))
    lines = capsys.readouterr().out.splitlines()
    for side, table in ((16, lines[:12]), (24, lines[12:])):
        head, titles, *rows = table
        assert head.startswith(f"{side}x{side} to {2 * side}x{2 * side}")
        assert "matmul peak" in head and "of peak" in titles
        assert [re.split(r"  +", row)[0] for row in rows] == NAMES
        near = {re.split(r"  +", row)[0]: row.split()[-1] for row in rows}
        for name in ("float32", "saved_model", "litert", "onnx"):
            assert near[name] == "100.00%"
        assert " 1.00 " in rows[0]


def test_a_missing_package_leaves_its_format_out(monkeypatch, capsys):
    monkeypatch.setattr(module, "SIDES", (8,))
    monkeypatch.setattr(module, "ROUNDS", 1)
    monkeypatch.setattr(module, "EXPORTS", (("onnx", None),))
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    benchmark_upscaling(trained_like(scale=2))
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("onnx is left out: ") and "srgan_tf[onnx]" in first
    assert not any(line.startswith("onnx") for line in rest)
