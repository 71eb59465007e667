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
from srgan_tf.inference.frames import FrameUpscaler
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


@needs_ffprobe
def test_matroska_keeps_subtitles_and_attachments(upscale):
    def set_up(out, stream):
        out.add_attachment("font.ttf", "font/ttf", b"letters")

    save_clip("a.mkv", sound=1, subtitles="subrip", set_up=set_up, unit=Fraction(1, 25))
    upscale("a.mkv")
    streams = probe("a_x4.mkv", "-show_streams", "-v", "fatal")["streams"]
    kinds = [stream["codec_type"] for stream in streams]
    assert kinds == ["video", "audio", "subtitle", "attachment"]
    assert streams[3]["tags"]["filename"] == "font.ttf"
    with av.open("a_x4.mkv") as clip:
        texts = [bytes(x) for x in clip.demux(subtitles=0) if x.size]
    assert texts == [b"Hello"]


@needs_ffprobe
@pytest.mark.parametrize(
    "name, unit, codec",
    [
        ("a.mp4", Fraction(1, 90000), "libx264"),
        ("a.mkv", Fraction(1, 1000), "libx264"),
        ("a.webm", Fraction(1, 1000), "libvpx-vp9"),
    ],
)
def test_time_stamps_of_a_variable_rate_are_the_same(upscale, name, unit, codec):
    times = [0, 40, 73, 100, 300, 301, 340, 500, 900, 1000]
    ticks = [int(Fraction(x, 1000) / unit) for x in times]
    save_clip(name, codec=codec, times=ticks, unit=unit)
    assert times_of(name) == [Fraction(x, 1000) for x in times]
    result = name.replace("a", "a_x4", 1)
    upscale(name)
    assert times_of(result) == times_of(name)
    assert frames_of(result)[1] == frames_of(name)[1]


@needs_ffprobe
def test_ten_bits_and_their_colours_stay(upscale):
    def set_up(out, stream):
        context = stream.codec_context
        context.colorspace, context.color_range = 9, 1  # BT.2020 and PQ
        context.color_primaries, context.color_trc = 9, 16

    deep = [frame.astype(np.uint16) * 257 for frame in moving(3)]
    save_clip("a.mkv", deep, codec="libx265", stored="yuv420p10le", set_up=set_up)
    upscale("a.mkv", format="mp4")
    before, after = (probe(x)["streams"][0] for x in ("a.mkv", "a_x4.mp4"))
    for name in ("pix_fmt", "color_range", "color_space", "color_transfer"):
        assert after[name] == before[name]
    assert after["color_primaries"] == "bt2020"
    assert (after["codec_name"], after["codec_tag_string"]) == ("hevc", "hvc1")


def test_more_than_ten_bits_are_said(upscale):
    deep = [frame.astype(np.uint16) * 257 for frame in moving(1)]
    save_clip("a.mkv", deep, codec="ffv1", stored="gbrp12le", unit=Fraction(1, 25))
    assert "mkv is without more than 10 of the 12 bits." in upscale("a.mkv")


@needs_ffprobe
def test_what_becomes_high_definition_follows_its_rules(upscale):
    # 320x180 is BT.601 by custom, 1280x720 is BT.709.
    flat = np.zeros((180, 320, 3), np.uint8) + np.array([200, 60, 90], np.uint8)
    save_clip("a.mp4", [flat] * 2)
    upscale("a.mp4")
    video = probe("a_x4.mp4")["streams"][0]
    assert (video["color_space"], video["color_range"]) == ("bt709", "tv")
    upscale("a.mp4", output="small.mp4", scale=2)
    assert probe("small.mp4")["streams"][0]["color_space"] == "smpte170m"


@needs_ffprobe
def test_odd_sizes_and_scales(upscale):
    odd = [frame[:23, :31] for frame in moving(3)]
    save_clip("a.mkv", odd, stored="yuv444p")
    upscale("a.mkv", scale=3)
    video = probe("a_x3.mkv")["streams"][0]
    assert (video["width"], video["height"]) == (94, 70)  # 4:2:0 has no odd sizes


def test_one_frame_and_none(upscale, tmp_path):
    save_clip("one.mp4", list(moving(1)))
    upscale("one.mp4")
    assert len(frames_of("one_x4.mp4")[0]) == 1
    save_clip("none.mkv", [], sound=1)
    with pytest.raises(UserError, match=r"^none\.mkv: has no frame that can be dec"):
        upscale("none.mkv")
    save_clip("text.mkv", list(moving(1)))
    (tmp_path / "text.mkv").write_bytes(b"no video at all" * 99)
    with pytest.raises(UserError, match=r"^text\.mkv: cannot be read as a video: Inv"):
        upscale("text.mkv")
    assert files_in(tmp_path) == ["none.mkv", "one.mp4", "one_x4.mp4", "text.mkv"]


@pytest.mark.parametrize("name", ["12:30", "http:x", "concat:x", "%03d", "-x"])
def test_names_that_mean_something_to_ffmpeg(upscale, tmp_path, name):
    save_clip("x.mp4", list(moving(1)))
    (tmp_path / "x.mp4").rename(tmp_path / f"{name}.mp4")
    upscale(f"./{name}.mp4")
    assert files_in(tmp_path) == sorted([f"{name}.mp4", f"{name}_x4.mp4"])


def test_a_list_of_files_is_no_video(upscale, tmp_path):
    save_clip("other.mp4", list(moving(1)))
    (tmp_path / "a.mkv").write_text("ffconcat version 1.0\nfile other.mp4\n")
    with pytest.raises(UserError, match=r"^a\.mkv: cannot be read as a video: Inv"):
        upscale("a.mkv")


def test_stopped_and_started_again_it_is_the_same_file(
    upscale, tmp_path, monkeypatch, model_file
):
    save_clip("a.mp4", list(moving(2 * SEGMENT + 5)), sound=1)
    upscale("a.mp4", output="whole.mp4")
    calls = []
    make = FrameUpscaler.__call__

    def stop(self, pixels):
        calls.append(1)
        if len(calls) == 1.5 * SEGMENT:
            raise KeyboardInterrupt
        return make(self, pixels)

    with monkeypatch.context() as patch:
        patch.setattr(FrameUpscaler, "__call__", stop)
        with pytest.raises(KeyboardInterrupt):
            upscale("a.mp4", output="parts.mp4")
        assert not (tmp_path / "parts.mp4").exists()
        calls.clear()
        patch.setattr(
            FrameUpscaler,
            "__call__",
            lambda self, pixels: calls.append(1) or make(self, pixels),
        )
        said = upscale("a.mp4", output="parts.mp4")
    assert f"goes on behind frame {SEGMENT}" in said
    assert len(calls) == SEGMENT + 5
    whole, parts = (tmp_path / f"{x}.mp4" for x in ("whole", "parts"))
    assert whole.read_bytes() == parts.read_bytes()
    assert files_in(tmp_path) == ["a.mp4", "parts.mp4", "whole.mp4"]
    assert not [x for x in tmp_path.iterdir() if x.is_dir()]


def test_a_broken_frame_is_repaired_from_its_neighbour(upscale, tmp_path):
    path = tmp_path / "a.avi"
    save_clip(
        path, codec="ffv1", stored="yuv420p", unit=Fraction(1, 25), times=range(10)
    )
    with av.open(str(path)) as clip:
        packet = [x for x in clip.demux(video=0) if x.size][4]
        at, size = packet.pos, packet.size
    data = bytearray(path.read_bytes())
    data[at + 8 : at + size] = b"\xff" * (size - 8)
    path.write_bytes(data)
    assert "a.avi: 1 broken frames are made of those beside them." in upscale("a.avi")
    frames, times = frames_of("a_x4.mp4")
    assert times == [Fraction(x, 25) for x in range(10)]
    third, fourth, fifth = (x.astype(int) for x in frames[3:6])
    assert np.abs(third - fourth).mean() < np.abs(fourth - fifth).mean() / 2


def test_a_cut_file_is_told(upscale, tmp_path):
    save_clip("a.avi", codec="ffv1", unit=Fraction(1, 25), times=range(10))
    data = (tmp_path / "a.avi").read_bytes()
    (tmp_path / "a.avi").write_bytes(data[: data.rindex(b"00dc", 0, -700)])
    said = upscale("a.avi")
    assert "a.avi: the file ends early: " in said
    frames, _ = frames_of("a_x4.mp4")
    assert f"{10 - len(frames)} frames are missing" in said
    save_clip("b.mp4")
    data = (tmp_path / "b.mp4").read_bytes()
    (tmp_path / "b.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=r"^b\.mp4: cannot be read as a video: Inv.*$"):
        upscale("b.mp4")


@needs_ffprobe
def test_interlaced_becomes_progressive_and_says_so(upscale):
    def set_up(out, stream):
        stream.codec_context.options = {"x264-params": "tff=1"}
        stream.codec_context.flags |= 1 << 18  # interlaced_dct

    save_clip("a.mp4", list(moving(6)), set_up=set_up)
    with av.open("a.mp4") as clip:
        assert next(clip.decode(video=0)).interlaced_frame
    assert "a.mp4: 6 interlaced frames were deinterlaced." in upscale("a.mp4")
    assert probe("a_x4.mp4")["streams"][0]["field_order"] == "progressive"
    assert times_of("a_x4.mp4") == times_of("a.mp4")


@needs_ffprobe
def test_a_part_with_its_sound(upscale):
    save_clip("a.mp4", sound=1)
    upscale("a.mp4", frames="3:8")
    assert times_of("a_x4.mp4") == [Fraction(x, 25) for x in range(5)]
    assert 0.06 < float(probe("a_x4.mp4")["streams"][1]["duration"]) < 0.1
    with pytest.raises(UserError, match=r"has 10 frames, none of --frames=20:30"):
        upscale("a.mp4", frames="20:30", output="b.mp4")


@needs_ffprobe
def test_a_cover_stays(upscale):
    save_clip("a.mp4", list(moving(3)))
    picture = ["-f", "lavfi", "-i", "color=red:s=16x16:d=0.1"]
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", "a.mp4", *picture, "-map", "0", "-map", "1",
         "-c", "copy", "-c:v:1", "png", "-frames:v:1", "1",
         "-disposition:v:1", "attached_pic", "b.mp4"],
        check=True,
    )  # fmt: skip
    upscale("b.mp4")
    video, cover = probe("b_x4.mp4")["streams"]
    assert (video["width"], cover["width"]) == (128, 16)
    assert cover["disposition"]["attached_pic"] == 1


def test_folders_with_photos_and_videos(upscale, photo_folder, tmp_path):
    save_clip(photo_folder / "a.mp4", list(moving(2)))
    save_clip(photo_folder / "b.MOV", list(moving(2)))
    assert "Upscaled 8 of 8 files." in upscale("photos", output="out/", frames=":1")
    assert {"a_x4.mp4", "b_x4.mov", "0_x4.png"} <= set(files_in(tmp_path / "out"))
    assert "8 done before" in upscale("photos", output="out/", frames=":1")


@pytest.mark.parametrize(
    "options, said",
    [
        ({"output": "a.png"}, r"a\.mp4: is a video: --output=a.png must end in .mp4"),
        ({"output": "-"}, "a.mp4: is a video, which no pipe takes"),
        ({"compare": True}, "a.mp4: is a video: --compare is for photos"),
        ({"format": "webm", "codec": "h264"}, "--codec=h264: webm takes vp9, av1$"),
        ({"codec": "h264", "crf": 60}, "--crf=60: h264 takes 0 to 51"),
        ({"preset": "x"}, "h264 does not take 128x96 pixels .* and --preset=x among"),
    ],
)
def test_what_does_not_go_together(upscale, options, said):
    save_clip("a.mp4", list(moving(1)))
    with pytest.raises(UserError, match=said):
        upscale("a.mp4", **options)


def test_flags_for_videos_without_any(upscale, photo_folder):
    with pytest.raises(UserError, match=r"^--crf is for videos, and there is none"):
        upscale("photos", crf=20)
    with pytest.raises(UserError, match=r"^--frames=5:5: must be START:END"):
        UpscaleOptions(frames="5:5")


def test_without_pyav_videos_are_left_out_and_named(upscale, photo_folder, monkeypatch):
    monkeypatch.setattr("srgan_tf.inference.sources.is_there", lambda: False)
    (photo_folder / "a.mp4").write_bytes(b"")
    said = upscale("photos", output="out/")
    assert "1 .mp4 (a.mp4; videos need pip install 'srgan_tf[video]')" in said


@needs_ffprobe
def test_how_bright_hdr_was_made_to_be_stays(upscale):
    screen = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"

    def set_up(out, stream):
        light = f"log-level=error:master-display={screen}:max-cll=1000,400"
        stream.codec_context.options = {"x265-params": light}

    deep = [frame.astype(np.uint16) * 257 for frame in moving(6)]
    save_clip("a.mkv", deep, codec="libx265", stored="yuv420p10le", set_up=set_up)
    upscale("a.mkv")
    shown = ("-show_frames", "-read_intervals", "%+#1")
    before, after = (
        [
            part
            for part in probe(name, *shown)["frames"][0]["side_data_list"]
            if "SEI" not in part["side_data_type"]
        ]
        for name in ("a.mkv", "a_x4.mkv")
    )
    assert len(before) == 2 and after == before


def clear_on_the_right(path):
    """The least opaque value on the left and on the right, by FFmpeg's libvpx."""
    decoder = av.CodecContext.create("libvpx-vp9", "r")
    with av.open(str(path)) as clip:
        frames = [x for packet in clip.demux(video=0) for x in decoder.decode(packet)]
    alpha = frames[0].to_ndarray(format="rgba")[..., 3]
    middle = alpha.shape[1] // 2
    return alpha[:, : middle - 16].min(), alpha[:, middle + 16 :].max()


def test_transparency_is_kept_or_said(upscale):
    with av.open("a.mov", "w") as out:
        stream = out.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "rgba"
        for frame in moving(3):
            alpha = np.full((24, 32, 1), 255, np.uint8)
            alpha[:, 16:] = 60
            pixels = np.concatenate([frame, alpha], axis=-1)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgba")))
        out.mux(stream.encode(None))
    assert "mov is without transparency; --format=webm keeps it." in upscale("a.mov")
    assert "without" not in upscale("a.mov", format="webm")
    left, right = clear_on_the_right("a_x4.webm")
    assert left > 250 and abs(int(right) - 60) < 4
    assert "without" not in upscale("a_x4.webm", output="b.webm", scale=2)
    left, right = clear_on_the_right("b.webm")
    assert left > 250 and abs(int(right) - 60) < 6


@needs_ffprobe
def test_ten_bits_in_webm(upscale):
    deep = [frame.astype(np.uint16) * 257 for frame in moving(3)]
    save_clip("a.mkv", deep, codec="libx265", stored="yuv420p10le")
    upscale("a.mkv", format="webm")
    video = probe("a_x4.webm")["streams"][0]
    assert (video["codec_name"], video["pix_fmt"]) == ("av1", "yuv420p10le")


def test_what_a_container_cannot_hold_is_said_before_the_work(upscale):
    def set_up(out, stream):
        out.add_attachment("font.ttf", "font/ttf", b"letters")

    save_clip("a.mkv", sound=1, subtitles="subrip", set_up=set_up, unit=Fraction(1, 25))
    said = upscale("a.mkv", format="mp4")
    assert "mp4 is without subtitle 2 (" in said
    assert "mp4 is without attachment 3 (" in said
    assert len(frames_of("a_x4.mp4")[0]) == 10


def test_two_at_once(upscale, monkeypatch):
    save_clip("a.mp4", list(moving(3)))
    make = FrameUpscaler.__call__

    def second(self, pixels):
        monkeypatch.setattr(FrameUpscaler, "__call__", make)
        with pytest.raises(
            UserError, match=r"^a\.mp4: another process is upscaling it"
        ):
            upscale("a.mp4")
        return make(self, pixels)

    monkeypatch.setattr(FrameUpscaler, "__call__", second)
    upscale("a.mp4")
    assert len(frames_of("a_x4.mp4")[0]) == 3


def test_a_cut_matroska_file_is_told(upscale, tmp_path):
    save_clip("a.mkv", unit=Fraction(1, 25), codec="ffv1", times=range(10))
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "a.mkv").write_bytes(data[: len(data) // 2])
    assert "a.mkv: the file ends early: " in upscale("a.mkv")
