import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from srgan_tf.data.photos import Photos, find_photos, read_photo
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


def test_folders_are_searched_in_depth_and_globs_expanded(photo_folder):
    inner = photo_folder / "inner"
    inner.mkdir()
    (photo_folder / "0.png").rename(inner / "0.PNG")
    (photo_folder / "notes.txt").write_text("no picture")
    assert len(find_photos(str(photo_folder))) == 6
    assert find_photos(str(photo_folder / "[12].png")) == [
        str(photo_folder / name) for name in ("1.png", "2.png")
    ]


def test_missing_and_empty_places_are_refused(tmp_path):
    with pytest.raises(UserError, match="There is no folder"):
        find_photos(str(tmp_path / "none"))
    with pytest.raises(UserError, match="no picture in the folder"):
        find_photos(str(tmp_path))
    with pytest.raises(UserError, match="no picture in the glob"):
        find_photos(str(tmp_path / "*.png"))


def test_unknown_tfds_names_are_refused():
    with pytest.raises(UserError, match="no_such_set is no folder"):
        find_photos("no_such_set")


def test_bundled_photos_are_there_and_validation_is_apart():
    train, valid = find_photos("bundled"), find_photos("bundled", "validation")
    assert len(train) >= 10
    assert not set(train) & set(valid)
    assert all(min(read_photo(path).shape[:2]) >= 128 for path in train + valid)


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
    with pytest.raises(OSError):
        without[3]
    np.testing.assert_array_equal(with_cache[2], without[2])


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


@pytest.mark.slow
def test_a_tensorflow_data_set_is_unpacked_once(tmp_path):
    import tensorflow_datasets as tfds

    photos = [np.full((40, 48, 3), level, np.uint8) for level in (10, 200)]

    features = tfds.features.FeaturesDict(
        {"lr": tfds.features.Image(), "hr": tfds.features.Image()}
    )
    records = tf.data.Dataset.from_tensor_slices(
        {"lr": [photo[::4, ::4] for photo in photos], "hr": photos}
    )
    tfds.dataset_builders.store_as_tfds_dataset(
        name="tiny_photos",
        version="1.0.0",
        features=features,
        split_datasets={"train": records},
        data_dir=tmp_path,
    )
    paths = find_photos("tiny_photos", "train", str(tmp_path))
    assert sorted(read_photo(p)[0, 0, 0] for p in paths) == [10, 200]
    assert all(read_photo(p).shape == (40, 48, 3) for p in paths)
    assert find_photos("tiny_photos", "train", str(tmp_path)) == paths
    with pytest.raises(UserError, match="--split=test: tiny_photos has no such split"):
        find_photos("tiny_photos", "test", str(tmp_path))
