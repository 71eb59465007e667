import io
import sys

from srgan_tf import progress as module
from srgan_tf.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def drawn(file, monkeypatch, seconds: float) -> str:
    monkeypatch.setattr(sys, "stderr", file)
    monkeypatch.setattr(module, "SECONDS", seconds)
    bar = progress("gan", done=4, total=2000)
    for _ in range(998):
        bar.set_postfix({"loss": "0.1"}, refresh=False)
        bar.update(2)
    bar.close()
    return file.getvalue()


def test_a_log_file_gets_lines(monkeypatch):
    text = drawn(io.StringIO(), monkeypatch, 60)
    first, last = text.splitlines()
    assert first.startswith("gan: 4 of 2000 images, ")
    assert last.startswith("gan: 2000 of 2000 images, ") and "loss=0.1" in last
    assert "\r" not in text


def test_lines_come_as_often_as_they_should(monkeypatch):
    assert len(drawn(io.StringIO(), monkeypatch, 0).splitlines()) > 900


def test_a_terminal_gets_a_bar(monkeypatch):
    text = drawn(Terminal(), monkeypatch, 60)
    assert text.count("\r") >= 2 and "100%" in text
