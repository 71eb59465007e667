"""Round trips through real files of every kind, and files that are broken."""

import random
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from samples import broken_files, smooth, values

from srgan_tf.errors import UserError
from srgan_tf.pictures.formats import Photo, read_photo_file
from srgan_tf.pictures.metadata import Metadata
from srgan_tf.pictures.modes import pixels_of
from srgan_tf.pictures.writing import write_photo_file

# ---- pixels


@pytest.mark.parametrize("file_format", ["png", "tiff", "webp", "bmp"])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_8bit_round_trip(tmp_path, mode, file_format):
    if file_format == "bmp" and "A" in mode:
        pytest.skip("BMP has no transparency")
    pixels = values(7, 9, len(mode))
    path = tmp_path / f"x.{file_format}"
    write_photo_file(Photo(pixels, Metadata()), path, file_format, quality=100)
    back = read_photo_file(path).pixels
    with Image.open(path) as image:
        assert image.size == (9, 7)
        if file_format != "webp":
            assert image.mode == mode
    if file_format == "webp":
        assert back.shape[-1] == (4 if "A" in mode else 3)
        if "A" in mode:
            np.testing.assert_array_equal(back[..., 3], pixels[..., -1])
    else:
        np.testing.assert_array_equal(back, pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_near_and_gray_stays_gray(tmp_path, channels):
    pixels = smooth(32, 40, channels)
    path = tmp_path / "x.jpg"
    write_photo_file(Photo(pixels, Metadata()), path, "jpg", quality=100)
    back = read_photo_file(path).pixels
    assert back.shape == pixels.shape
    assert np.abs(back.astype(int) - pixels).max() <= 3


def test_quality_matters(tmp_path):
    photo = Photo(values(64, 64, 3), Metadata())
    sizes = []
    for quality in (20, 95):
        for suffix in ("jpg", "webp"):
            path = tmp_path / f"{quality}.{suffix}"
            write_photo_file(photo, path, suffix, quality=quality)
            sizes.append(path.stat().st_size)
    assert 2 * sizes[0] < sizes[2] and 2 * sizes[1] < sizes[3]


@pytest.mark.parametrize("file_format", ["png", "tiff"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16bit_round_trip(tmp_path, channels, file_format):
    pixels = values(7, 9, channels, dtype=np.uint16)
    path = tmp_path / f"x.{file_format}"
    write_photo_file(Photo(pixels, Metadata()), path, file_format)
    back = read_photo_file(path).pixels
    assert back.dtype == np.uint16
    if (channels, file_format) == (2, "tiff"):  # which Pillow does not know as gray
        pixels = pixels[..., [0, 0, 0, 1]]
    np.testing.assert_array_equal(back, pixels)
    with Image.open(path) as image:
        image.load()
        assert image.size == (9, 7)
        assert ("A" in image.getbands()) == (channels in (2, 4))


def test_16bit_to_8bit_formats_rounds(tmp_path):
    pixels = np.full((4, 4, 3), 257 * 100 + 120, np.uint16)
    write_photo_file(Photo(pixels, Metadata()), tmp_path / "x.bmp", "bmp")
    assert (read_photo_file(tmp_path / "x.bmp").pixels == 100).all()


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_16bit_tiff_of_other_programs(tmp_path, compression, planar):
    pixels = values(7, 9, 3, dtype=np.uint16)
    stored = pixels if planar == "contig" else np.moveaxis(pixels, -1, 0)
    tifffile.imwrite(
        tmp_path / "x.tif",
        stored,
        photometric="rgb",
        planarconfig=planar,
        compression=compression,
    )
    np.testing.assert_array_equal(read_photo_file(tmp_path / "x.tif").pixels, pixels)


def test_16bit_tiff_with_multiplied_alpha(tmp_path):
    stored = np.array([[[10000, 20000, 0, 32768], [0, 0, 0, 0]]], np.uint16)
    tifffile.imwrite(
        tmp_path / "x.tif", stored, photometric="rgb", extrasamples=["assocalpha"]
    )
    back = read_photo_file(tmp_path / "x.tif").pixels
    np.testing.assert_allclose(back[0, 0], [20000, 40000, 0, 32768], atol=1)


def test_white_is_zero_tiff(tmp_path):
    stored = values(5, 6, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", stored, photometric="miniswhite")
    np.testing.assert_array_equal(
        read_photo_file(tmp_path / "x.tif").pixels[..., 0], 65535 - stored
    )


def test_palette(tmp_path):
    image = Image.fromarray(smooth(8, 8)).quantize(16)
    image.save(tmp_path / "opaque.png")
    np.testing.assert_array_equal(
        read_photo_file(tmp_path / "opaque.png").pixels,
        np.asarray(image.convert("RGB")),
    )
    image.save(tmp_path / "clear.png", transparency=3)
    back = read_photo_file(tmp_path / "clear.png").pixels
    assert back.shape == (8, 8, 4)
    np.testing.assert_array_equal(back[..., 3] == 0, np.asarray(image) == 3)


@pytest.mark.parametrize(("mode", "key"), [("L", 7), ("RGB", (1, 2, 3)), ("1", None)])
def test_colour_keys_and_bilevel(tmp_path, mode, key):
    pixels = np.array([[7, 200], [90, 7]], np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    if mode == "RGB":
        image.putpixel((0, 0), key)
    image.save(tmp_path / "x.png", **({} if key is None else {"transparency": key}))
    back = read_photo_file(tmp_path / "x.png").pixels
    assert back.shape[-1] == {"L": 2, "RGB": 4, "1": 1}[mode]
    if key is not None:
        assert back[0, 0, -1] == 0 and back[0, 1, -1] == 255


def test_cmyk(tmp_path):
    image = Image.fromarray(smooth(16, 16)).convert("CMYK")
    image.save(tmp_path / "x.jpg", quality=100, icc_profile=b"x" * 200)
    photo = read_photo_file(tmp_path / "x.jpg")
    assert photo.pixels.shape == (16, 16, 3)
    assert np.abs(photo.pixels.astype(int) - smooth(16, 16)).max() < 8
    assert photo.metadata.icc is None  # it was for other colours


def test_pillow_modes():
    assert pixels_of(Image.new("I;16", (3, 2), 70)).dtype == np.uint16
    assert pixels_of(Image.new("L", (3, 2))).shape == (2, 3, 1)
    with pytest.raises(UserError, match="32-bit"):
        pixels_of(Image.new("F", (3, 2)))


# ---- what is refused


def animated(path, frames=3):
    images = [Image.fromarray(values(8, 8, 3, seed=i)) for i in range(frames)]
    images[0].save(path, save_all=True, append_images=images[1:])


@pytest.mark.parametrize("name", ["x.png", "x.webp", "x.tif"])
def test_animated_is_refused(tmp_path, name):
    animated(tmp_path / name)
    with pytest.raises(UserError, match="3 frames or pages"):
        read_photo_file(tmp_path / name)


def test_camera_jpeg_with_second_picture_is_not_animated(tmp_path):
    images = [Image.fromarray(smooth(16, 16)), Image.fromarray(smooth(8, 8))]
    images[0].save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=images[1:])
    assert read_photo_file(tmp_path / "x.jpg").pixels.shape == (16, 16, 3)


def test_formats_without_transparency_refuse_it(tmp_path):
    pixels = values(4, 4, 4)
    for file_format in ("jpg", "bmp"):
        path = tmp_path / f"x.{file_format}"
        with pytest.raises(UserError, match="transparency"):
            write_photo_file(Photo(pixels, Metadata()), path, file_format)
    pixels[..., 3] = 255
    write_photo_file(Photo(pixels, Metadata()), tmp_path / "x.jpg", "jpg")
    assert [p.name for p in tmp_path.iterdir()] == ["x.jpg"]


def test_too_large_for_a_format_leaves_nothing(tmp_path):
    for file_format, side in (("webp", 17_000), ("jpg", 66_000)):
        photo = Photo(np.zeros((1, side, 3), np.uint8), Metadata())
        with pytest.raises(UserError, match="cannot be written"):
            write_photo_file(photo, tmp_path / "x", file_format)
    assert not list(tmp_path.iterdir())


def test_writing_replaces_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "x.png"
    path.write_bytes(b"the old one")
    photo = Photo(values(64, 64, 3), Metadata())

    def full_disk(image, file, *_, **__):
        Path(getattr(file, "name", file)).write_bytes(b"half")
        raise failures[0]

    monkeypatch.setattr(Image.Image, "save", full_disk)
    failures = [OSError(28, "No space left on device"), KeyboardInterrupt()]
    for seen in (UserError, KeyboardInterrupt):
        with pytest.raises(seen):
            write_photo_file(photo, path, "png")
        failures.pop(0)
        assert [p.name for p in tmp_path.iterdir()] == ["x.png"]
        assert path.read_bytes() == b"the old one"


def test_fuzz_reading(tmp_path):
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, data in broken_files(random.Random(0), 600):
            path = tmp_path / name
            path.write_bytes(data)
            try:
                photo = read_photo_file(path)
            except UserError as error:
                refused += 1
                assert "\n" not in str(error)
                continue
            assert photo.pixels.ndim == 3 and photo.pixels.size > 0
            write_photo_file(photo, tmp_path / "out.png", "png")
    assert refused > 200
