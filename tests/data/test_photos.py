from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from samples import png_with_size, smooth_photo

from srgan_tf.data.listing import find_photos
from srgan_tf.data.photo_table import fresh_memory
from srgan_tf.data.photos import Photos, read_photo
from srgan_tf.errors import UserError


@pytest.fixture
def rgb():
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp", "jpg"])
def test_every_kind_of_file_is_read(tmp_path, rgb, suffix):
    smooth = np.full_like(rgb, (200, 100, 50))
    Image.fromarray(smooth).save(tmp_path / f"a.{suffix}")
    photo = read_photo(tmp_path / f"a.{suffix}")
    assert photo.dtype == np.uint8
    np.testing.assert_allclose(photo, smooth, atol=3)


def test_every_kind_that_pillow_reads_is_taken_or_named(tmp_path, caplog):
    """What Pillow writes and reads is in the set, or its suffix in the warning."""
    smooth = Image.fromarray(np.full((40, 40, 3), (200, 100, 50), np.uint8))
    Image.init()
    written = set()
    for suffix, kind in Image.registered_extensions().items():
        path = tmp_path / f"{kind}{suffix}"
        try:
            smooth.save(path)
            Image.open(path).load()
        except (KeyError, OSError, ValueError):
            path.unlink(missing_ok=True)
        else:
            written.add(suffix)
    photos = Photos(find_photos(str(tmp_path)), 32)
    taken = {Path(path).suffix for path in photos.paths}
    assert taken >= {".jpg", ".jfif", ".png", ".gif", ".ppm", ".tga"}
    assert taken >= written & {".avif", ".jp2", ".webp"}
    for suffix in written - taken:
        assert f"{suffix} (1)" in caplog.text
    for photo in photos:
        np.testing.assert_allclose(photo, np.asarray(smooth), atol=4)


def test_a_file_that_claims_to_be_huge_is_refused(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_with_size(60_000, 60_000))
    with pytest.raises(UserError, match=r"has 3600 megapixels .*, more than \d+$"):
        read_photo(tmp_path / "bomb.png")


def test_12_bits_that_nothing_tells_are_left_out_and_named(tmp_path, caplog):
    values = np.full((40, 40), 4095, np.uint16)
    Image.fromarray(values).save(tmp_path / "dark.png")
    Image.fromarray(smooth_photo(0)).save(tmp_path / "fine.png")
    assert len(Photos(find_photos(str(tmp_path)), 32)) == 1
    assert "dark.png: holds 16-bit values of at most 4095" in caplog.text


def test_gray_palette_alpha_and_cmyk_become_rgb(tmp_path, rgb):
    image = Image.fromarray(rgb)
    image.convert("L").save(tmp_path / "L.png")
    image.convert("RGBA").save(tmp_path / "RGBA.png")
    image.convert("P").save(tmp_path / "P.png")
    image.convert("CMYK").save(tmp_path / "CMYK.tiff")
    for path in tmp_path.iterdir():
        assert read_photo(path).shape == (20, 30, 3), path
    np.testing.assert_array_equal(read_photo(tmp_path / "RGBA.png"), rgb)
    gray = read_photo(tmp_path / "L.png")
    assert (gray == gray[..., :1]).all()


def test_16_bit_gray_is_scaled_not_clipped(tmp_path):
    levels = np.array([[0, 257 * 100, 65535]], np.uint16)
    Image.fromarray(levels).save(tmp_path / "deep.png")
    assert read_photo(tmp_path / "deep.png")[0, :, 0].tolist() == [0, 100, 255]


def test_exif_orientation_is_applied(tmp_path, rgb):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.fromarray(rgb).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(
        read_photo(tmp_path / "turned.png"), np.rot90(rgb, -1)
    )


def test_bad_photos_are_named_counted_and_left_out(photo_folder, caplog):
    whole = (photo_folder / "0.png").read_bytes()
    (photo_folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (photo_folder / "empty.jpg").write_bytes(b"")
    (photo_folder / "text.jpg").write_text("no picture")
    Image.new("RGB", (9, 90)).save(photo_folder / "thin.png")
    photos = Photos(find_photos(str(photo_folder)), min_side=32)
    assert len(photos) == 6
    for name in ("cut.png", "empty.jpg", "text.jpg", "thin.png: 9x90"):
        assert name in caplog.text
    assert "Left out 4 of 10" in caplog.text


def test_no_usable_photo_stops(photo_folder):
    with pytest.raises(UserError, match="None of the 6 photos"):
        Photos(find_photos(str(photo_folder)), min_side=65)


def test_the_cache_changes_nothing_but_memory(photo_folder):
    paths = find_photos(str(photo_folder))
    with_cache, without = Photos(paths, 32, 1.0), Photos(paths, 32, 0.0)
    (photo_folder / "3.png").unlink()
    assert with_cache[3].shape == (64, 80, 3)
    with pytest.raises(UserError, match=r"3\.png: there is no such file"):
        without[3]
    np.testing.assert_array_equal(with_cache[2], without[2])


def test_it_says_how_much_there_is_and_what_fits(photo_folder):
    paths = find_photos(str(photo_folder))
    assert str(Photos(paths, 32)) == (
        "6 photos, 0.0 megapixels, all in memory (0.00 GiB)."
    )
    some = 2 * 64 * 80 * 3 / 2**30
    assert "of which 2 photos in memory" in str(Photos(paths, 32, some))


def test_a_photo_that_changes_is_named(photo_folder):
    paths = find_photos(str(photo_folder))
    photos, in_memory = Photos(paths, 32, 0.0), Photos(paths, 32)
    photos.check_unchanged()
    (photo_folder / "3.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"3\.png cannot be .* \(it has changed\): put"):
        photos.check_unchanged()
    (photo_folder / "2.png").unlink()
    with pytest.raises(
        UserError, match=r"2\.png cannot .* \(No such file or directory"
    ):
        photos.check_unchanged()
    in_memory.check_unchanged()


def test_memory_of_more_bytes_than_32_bits_count():
    end = 2**31 + 7
    tensor, memory = fresh_memory(end)
    memory[-3:] = 1, 2, 3
    part = tf.slice(tensor, [np.int64(end - 3)], [np.int64(3)])
    assert part.numpy().tolist() == [1, 2, 3]
