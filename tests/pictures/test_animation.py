"""Animations: all frames where they are asked for, as they are seen, with times."""

import io

import numpy as np
import pytest
from PIL import Image
from samples import full_exif, smooth

from srgan_tf.errors import UserError
from srgan_tf.pictures.formats import (
    Photo,
    count_frames,
    read_header,
    read_photo_file,
)
from srgan_tf.pictures.metadata import Metadata
from srgan_tf.pictures.writing import write_photo_file

TIMES = [40, 100, 250]


def pictures(channels=3):
    """Three that need few colours, of which the third has a hole."""
    out = []
    for shift in range(3):
        pixels = smooth(12, 16, channels) // 64 * 64
        pixels[2:6, 2 + 3 * shift : 6 + 3 * shift, :3] = (255, 0, 64)
        if channels == 4:
            pixels[..., 3] = 255
            pixels[8:, 4 * shift : 4 * shift + 4, 3] = 0
        out.append(pixels)
    return out


def save(path, frames, **options):
    first, *others = map(Image.fromarray, frames)
    first.save(
        path,
        save_all=True,
        append_images=others,
        duration=TIMES,
        loop=2,
        **options,
    )


def shown(photo):
    return [photo.pixels, *photo.animation.frames]


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_all_frames_are_read_as_they_are_seen(tmp_path, suffix, channels):
    path = tmp_path / f"x.{suffix}"
    frames = pictures(channels)
    options = {"lossless": True, "exact": True} if suffix == "webp" else {}
    save(path, frames, **options, **({"disposal": 2} if suffix == "gif" else {}))
    photo = read_photo_file(path, animated=True)
    assert photo.animation.milliseconds == TIMES
    assert photo.animation.loops == 2
    for ours, theirs in zip(shown(photo), frames, strict=True):
        if channels == 4:
            np.testing.assert_array_equal(ours[..., 3], theirs[..., 3])
        seen = theirs[..., -1] > 0 if channels == 4 else np.full((12, 16), True)
        np.testing.assert_array_equal(ours[seen], theirs[seen])
    header = read_header(path, animated=True)
    assert header[1:3] == (16, 12) and count_frames(path) == 3
    assert header.alpha or channels == 3


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_all_frames_are_written(tmp_path, kind, channels):
    save(tmp_path / "x.png", pictures(channels))
    photo = read_photo_file(tmp_path / "x.png", animated=True)
    path = tmp_path / f"y.{kind}"
    write_photo_file(photo, path, kind, lossless=kind == "webp")
    again = read_photo_file(path, animated=True)
    assert again.animation.milliseconds == TIMES and again.animation.loops == 2
    for ours, theirs in zip(shown(again), shown(photo), strict=True):
        if channels == 4:
            np.testing.assert_array_equal(ours[..., 3], theirs[..., 3])
        seen = theirs[..., -1] > 0 if channels == 4 else np.full((12, 16), True)
        np.testing.assert_array_equal(ours[seen], theirs[seen])


def test_frames_are_turned_upright_and_keep_their_metadata(tmp_path):
    frames = pictures()
    save(tmp_path / "x.webp", frames, lossless=True, exif=full_exif(orientation=6))
    photo = read_photo_file(tmp_path / "x.webp", animated=True)
    for ours, theirs in zip(shown(photo), frames, strict=True):
        np.testing.assert_array_equal(ours, np.rot90(theirs, -1))
    write_photo_file(photo, tmp_path / "y.webp", "webp", lossless=True)
    with Image.open(tmp_path / "y.webp") as image:
        assert image.size == (12, 16) and image.n_frames == 3
        assert image.getexif()[271] == "Maker" and image.getexif()[274] == 1


def test_frames_count_among_megapixels(tmp_path):
    save(tmp_path / "x.gif", pictures())
    most = 2.5 * 12 * 16 / 1e6
    assert read_header(tmp_path / "x.gif", max_megapixels=most).width == 16
    with pytest.raises(UserError, match="max_megapixels"):
        read_header(tmp_path / "x.gif", max_megapixels=most, animated=True)


def test_single_pictures_are_no_animations(tmp_path):
    Image.fromarray(smooth(8, 9)).save(tmp_path / "x.webp")
    photo = read_photo_file(tmp_path / "x.webp", animated=True)
    assert count_frames(tmp_path / "x.webp") == 1
    assert photo.animation is None and photo.pixels.shape == (8, 9, 3)


def test_gif_holds_what_is_seen_and_comments_and_names_the_rest(tmp_path, caplog):
    """Alpha is all or nothing there."""
    pixels = np.concatenate(
        [smooth(16, 16) // 64 * 64, np.full((16, 16, 1), 255, np.uint8)], axis=-1
    )
    pixels[:8, :8, 3], pixels[8:, 8:, 3] = 100, 200
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", exif=full_exif())
    metadata = read_photo_file(io.BytesIO(file.getvalue())).metadata
    metadata.texts = read_photo_file(_with_comment()).metadata.texts
    write_photo_file(Photo(pixels, metadata), tmp_path / "x.gif", "gif")
    again = read_photo_file(tmp_path / "x.gif")
    np.testing.assert_array_equal(again.pixels[..., 3], 255 * (pixels[..., 3] >= 128))
    seen = pixels[..., 3] >= 128
    np.testing.assert_array_equal(again.pixels[seen][:, :3], pixels[seen][:, :3])
    assert again.metadata.texts[0].data == b"Hello"
    assert "x.gif: left out EXIF." in caplog.text


def _with_comment():
    file = io.BytesIO()
    Image.fromarray(smooth(8, 8)).save(file, "JPEG", comment=b"Hello")
    return io.BytesIO(file.getvalue())


def test_gray_gif(tmp_path):
    for channels in (1, 2):
        pixels = np.full((6, 8, channels), 255, np.uint8)
        pixels[..., 0] = smooth(6, 8, 1)[..., 0]
        path = tmp_path / f"{channels}.gif"
        write_photo_file(Photo(pixels, Metadata()), path, "gif")
        found = read_photo_file(path).pixels
        np.testing.assert_array_equal(found[..., 0], pixels[..., 0])
