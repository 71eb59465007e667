"""The command `upscale` on videos, with ffprobe, a program of its own, as the judge."""

import json
import shutil
import subprocess
from fractions import Fraction

import av
import numpy as np
import pytest
from samples import files_in, frames_of, moving, save_clip

from srgan_tf.errors import UserError
from srgan_tf.inference.upscale_files import upscale_files
from srgan_tf.options import UpscaleOptions
from srgan_tf.video.encoding import SEGMENT

needs_ffprobe = pytest.mark.skipif(
    shutil.which("ffprobe") is None, reason="NOT JUDGED: there is no ffprobe here"
)


def probe(path, *shown):
    """What ffprobe says of a file; it must have nothing to complain about."""
    shown = shown or ("-show_streams", "-show_format", "-show_chapters")
    done = subprocess.run(
        ["ffprobe", "-v", "error", *shown, "-of", "json", str(path)],
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    return json.loads(done.stdout)


def times_of(path):
    """When frames are shown, exactly, by ffprobe."""
    data = probe(path, "-show_streams", "-show_packets", "-select_streams", "v:0")
    unit = Fraction(data["streams"][0]["time_base"])
    return sorted(packet["pts"] * unit for packet in data["packets"])


@pytest.fixture
def upscale(tmp_path, monkeypatch, model_file, capsys):
    """Upscales in a folder of its own; gives what was said."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, **options):
        try:
            upscale_files(arguments, UpscaleOptions(model=(model_file,), **options))
        finally:
            said = "".join(capsys.readouterr())
        return said

    return run


@needs_ffprobe
def test_all_beside_the_pictures_is_kept(upscale, tmp_path):
    def set_up(out, stream):
        stream.set_display_rotation(90)
        out.metadata["title"] = "A clip"
        unit = Fraction(1, 1000)
        one = {"id": 1, "start": 0, "end": 200, "time_base": unit}
        two = {"id": 2, "start": 200, "end": 400, "time_base": unit}
        out.set_chapters(
            [{**one, "metadata": {"title": "1"}}, {**two, "metadata": {"title": "2"}}]
        )

    save_clip("a.mp4", sound=2, subtitles="mov_text", set_up=set_up)
    assert "Upscaled 1 of 1 videos." in upscale("a.mp4")
    before, after = probe("a.mp4"), probe("a_x4.mp4")
    video = after["streams"][0]
    assert (video["width"], video["height"]) == (128, 96)
    assert (video["codec_name"], video["pix_fmt"]) == ("h264", "yuv420p")
    assert video["side_data_list"] == before["streams"][0]["side_data_list"]
    assert times_of("a.mp4") == times_of("a_x4.mp4")
    assert after["chapters"] == before["chapters"]
    assert after["format"]["tags"]["title"] == "A clip"
    for number in (1, 2, 3):
        shown = ("-show_packets", "-show_data_hash", "md5", "-select_streams")
        old, new = (probe(x, *shown, str(number)) for x in ("a.mp4", "a_x4.mp4"))
        for packet in (*old["packets"], *new["packets"]):
            packet.pop("pos")
        sizes = [[p for p in x["packets"] if int(p["size"]) > 2] for x in (old, new)]
        assert sizes[0] == sizes[1]
        languages = [x["streams"][number]["tags"]["language"] for x in (before, after)]
        assert languages[0] == languages[1]
    # Players begin before they have all of it.
    content = (tmp_path / "a_x4.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert "1 done before" in upscale("a.mp4")
    assert files_in(tmp_path) == ["a.mp4", "a_x4.mp4"]
