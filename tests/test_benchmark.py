"""The benchmark of upscaling."""

from test_inference import trained_like

from srgan_tf import benchmark as module
from srgan_tf.benchmark import benchmark


def test_table(monkeypatch, capsys):
    monkeypatch.setattr(module, "SIDE", 16)
    monkeypatch.setattr(module, "ROUNDS", 1)
    benchmark(trained_like(scale=2, filters=8))
    head, titles, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("16x16 to 32x32") and "matmul peak" in head
    assert "of peak" in titles
    plain, default, fast = rows
    assert plain.startswith("plain Keras call") and " 1.00 " in plain
    assert default.startswith("default") and default.endswith("100.00%")
    assert fast.startswith("--fast")
