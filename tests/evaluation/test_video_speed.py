"""The benchmark of videos."""

import re

from samples import trained_like

from srgan_tf.errors import UserError
from srgan_tf.evaluation import video_speed as module
from srgan_tf.inference.compiled import CompiledGenerator


def test_frames_per_second_and_the_share_outside(monkeypatch, capsys):
    monkeypatch.setattr(module, "WIDTH", 64)
    monkeypatch.setattr(module, "HEIGHT", 48)
    module.benchmark_video(CompiledGenerator(trained_like(scale=2)))
    line = capsys.readouterr().out
    assert line.startswith("video of 64x48 to 128x96: ")
    speed, share = re.findall(r"([0-9.]+) frames per second, ([0-9.]+)% of", line)[0]
    assert float(speed) > 0 and 0 <= float(share) <= 100


def test_without_pyav(monkeypatch, capsys):
    def missing(module, extra):
        raise UserError("This needs the package av")

    monkeypatch.setattr(module, "optional", missing)
    module.benchmark_video(CompiledGenerator(trained_like(scale=2)))
    assert capsys.readouterr().out == "video is left out: This needs the package av\n"
