"""Animated GIF, WebP and PNG through the command `upscale`."""

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image
from samples import moving

from srgan_tf.errors import UserError
from srgan_tf.inference.upscale_files import upscale_files
from srgan_tf.options import UpscaleOptions

DURATIONS = [100, 50, 200, 70]


@pytest.fixture
def upscale(tmp_path, monkeypatch, model_file, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments, **options):
        upscale_files(arguments, UpscaleOptions(model=(model_file,), **options))
        return "".join(capsys.readouterr())

    return run


def save(name, *, alpha=False, **options):
    pictures = [Image.fromarray(frame) for frame in moving(4)]
    if alpha:
        mask = Image.new("L", pictures[0].size, 255)
        mask.paste(0, (0, 12, 32, 24))
        for picture in pictures:
            picture.putalpha(mask)
    pictures[0].save(
        name, save_all=True, append_images=pictures[1:], duration=DURATIONS, **options
    )


def frames_of(name):
    with Image.open(name) as image:
        frames, durations = [], []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGBA")))
            durations.append(image.info["duration"])
        return frames, durations, image.info.get("loop")


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
@pytest.mark.parametrize("alpha", [False, True])
def test_frames_times_and_transparency(upscale, name, alpha):
    save(name, alpha=alpha, loop=3, **({"lossless": True} if "webp" in name else {}))
    result = name.replace("a.", "a_x4.")
    assert "Upscaled 1 of 1 photos." in upscale(name)
    frames, durations, loop = frames_of(result)
    assert (durations, loop) == (DURATIONS, 3)
    assert all(frame.shape == (96, 128, 4) for frame in frames)
    assert (frames[1][56:, :, 3] == (0 if alpha else 255)).all()
    assert (frames[1][:40, :, 3] == 255).all()
    assert "1 done before" in upscale(name)


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="NOT JUDGED: no ffprobe")
def test_nobody_stumbles_over_what_a_gif_says_of_itself(upscale, tmp_path):
    save("a.gif", loop=0)
    upscale("a.gif")
    shown = ["-count_frames", "-show_entries", "stream=nb_read_frames"]
    done = subprocess.run(
        ["ffprobe", "-v", "error", *shown, "-of", "csv=p=0", "a_x4.gif"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert (done.stdout.strip(), done.stderr) == ("4", "")
    assert (tmp_path / "a_x4.gif").read_bytes().endswith(b"\0;")


def test_gif_as_webp_and_as_a_video(upscale):
    save("a.gif", loop=0)
    upscale("a.gif", format="webp", lossless=True)
    assert frames_of("a_x4.webp")[1] == DURATIONS
    pytest.importorskip("av")
    upscale("a.gif", format="mp4")
    from samples import frames_of as video_frames

    frames, times = video_frames("a_x4.mp4")
    assert [float(x) for x in times] == [0, 0.1, 0.15, 0.35]
    assert frames[0].shape == (96, 128, 3)


def test_whatever_moves_as_gif(upscale, caplog):
    save("a.gif")
    save("b.webp", lossless=True)
    Image.fromarray(next(iter(moving(1)))).save("c.png")
    upscale("a.gif", output="r.gif")
    assert not caplog.records
    upscale("b.webp", "c.png", format="gif")
    for name in ("r.gif", "b_x4.gif"):
        assert frames_of(name)[1] == DURATIONS
    assert "b_x4.gif: left out more than 256 colours" in caplog.text
    assert Image.open("c_x4.png").size == (128, 96)  # what does not move is a photo
    with pytest.raises(UserError, match="is no animation: gif is for animations"):
        upscale("c.png", output="c.gif")


def test_as_a_photo_it_is_what_it_was(upscale, caplog):
    save("a.gif")
    upscale("a.gif", format="png")
    assert "a.gif has 4 frames, of which the first is upscaled" in caplog.text
    with Image.open("a_x4.png") as image:
        assert getattr(image, "n_frames", 1) == 1
    with pytest.raises(UserError, match="is a video: --compare is for photos"):
        upscale("a.gif", compare=True)


def test_a_broken_animation_is_one_line(upscale, tmp_path):
    save("a.webp", lossless=True)
    data = (tmp_path / "a.webp").read_bytes()
    (tmp_path / "a.webp").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=r"^a\.webp: .*$"):
        upscale("a.webp")
    assert [x.name for x in tmp_path.iterdir()] == ["a.webp"]
