"""What each kind of file that is written holds, and what it refuses beforehand."""

import io

import imagecodecs
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms
from samples import SRGB, XMP, exif_fields, exif_of, full_exif, smooth_photo, values

from srgan_tf.errors import UserError
from srgan_tf.options import RESULT_FORMATS
from srgan_tf.pictures import kinds
from srgan_tf.pictures.formats import Photo, photo_of, read_photo_file
from srgan_tf.pictures.metadata import Metadata
from srgan_tf.pictures.writing import check_fits, picture_of, write_photo_file

PLUGINS = {"heic": "pillow_heif", "jxl": "pillow_jxl"}


def skip_unless_there(kind):
    if kind in PLUGINS:
        reason = f"NOT TESTED: {PLUGINS[kind]} is not installed"
        pytest.importorskip(PLUGINS[kind], reason=reason)


@pytest.mark.parametrize("kind", ["avif", "heic", "jxl"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_newer_kinds_keep_the_picture(tmp_path, kind, channels):
    skip_unless_there(kind)
    pixels = np.concatenate([smooth_photo(1), values(64, 80, 1)], axis=-1)
    pixels = pixels[..., {1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[channels]]
    path = tmp_path / f"x.{kind}"
    write_photo_file(Photo(pixels, Metadata()), path, kind, quality=95)
    back = read_photo_file(path).pixels
    if channels < 3 and back.shape[-1] > 2:  # stored as colour
        back = back[..., [0, *range(3, back.shape[-1])]]
    assert back.shape == pixels.shape
    assert (
        np.abs(back.astype(int) - pixels)[..., : channels - (channels % 2 == 0)].mean()
        < 3
    )


@pytest.mark.parametrize("kind", ["avif", "heic", "jxl"])
def test_newer_kinds_keep_what_is_beside_it(tmp_path, kind):
    skip_unless_there(kind)
    path = tmp_path / f"x.{kind}"
    photo = Photo(smooth_photo(1), Metadata(exif_fields(full_exif()), SRGB, xmp=XMP))
    write_photo_file(photo, path, kind)
    photo = read_photo_file(path)
    back, exif = photo.metadata, exif_of(photo)
    assert exif[ExifTags.Base.Make] == "Maker"
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageWidth] == 80
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
    assert b"A. Nobody" in back.xmp
    assert back.icc and back.icc[16:20] == b"RGB "
    if kind != "jxl":
        assert back.icc == SRGB


@pytest.mark.parametrize("kind", ["webp", "jxl"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_lossless(tmp_path, kind, channels):
    skip_unless_there(kind)
    pixels = values(20, 30, channels)
    write_photo_file(Photo(pixels, Metadata()), tmp_path / "x", kind, lossless=True)
    back = read_photo_file(tmp_path / "x").pixels
    if channels == 4:  # what cannot be seen need not be kept
        seen = pixels[..., 3] > 0
        back, pixels = back[seen], pixels[seen]
    np.testing.assert_array_equal(*np.broadcast_arrays(back, pixels))


def wide_gamut():
    """A profile whose red and green are swapped: what is kept under it is seen."""
    profile = bytearray(SRGB)
    red, green = (profile.index(tag) for tag in (b"rXYZ", b"gXYZ"))
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("kind", ["bmp", "jxl"])
def test_kinds_without_profile_get_srgb(tmp_path, kind):
    skip_unless_there(kind)
    icc = wide_gamut()
    pixels = smooth_photo(1)
    seen = ImageCms.profileToProfile(
        Image.fromarray(pixels),
        ImageCms.ImageCmsProfile(io.BytesIO(icc)),
        ImageCms.createProfile("sRGB"),
    )
    photo = Photo(pixels, Metadata(icc=icc))
    write_photo_file(photo, tmp_path / "x", kind, lossless=True)
    back = read_photo_file(tmp_path / "x").pixels
    np.testing.assert_array_equal(back, np.asarray(seen))
    assert (back != pixels).mean() > 0.5


@pytest.mark.parametrize(
    ("kind", "width", "height"),
    [
        ("jpg", 65_501, 1),
        ("webp", 1, 16_384),
        ("avif", 32_769, 1),
        ("avif", 20_000, 20_000),
        ("heic", 16_385, 1),
        ("tiff", 40_000, 40_000),
        ("bmp", 40_000, 40_000),
    ],
)
def test_sizes_are_refused_by_name(kind, width, height):
    title = kinds.KINDS[kind].title
    with pytest.raises(UserError, match=f"as {title}, which holds .*; choose png"):
        check_fits(kind, width, height)
    check_fits("png", width, height)


@pytest.mark.parametrize("kind", ["jpg", "webp", "avif", "jxl", "png", "tiff", "bmp"])
def test_the_largest_side_is_written_and_read(tmp_path, kind):
    skip_unless_there(kind)
    side = min(kinds.KINDS[kind].side, 70_000)
    photo = Photo(np.zeros((side, 2, 3), np.uint8), Metadata())
    write_photo_file(photo, tmp_path / "x", kind)
    assert read_photo_file(tmp_path / "x").pixels.shape == (side, 2, 3)


@pytest.mark.parametrize("kind", RESULT_FORMATS)
def test_a_failure_names_the_file_once(tmp_path, kind):
    skip_unless_there(kind)
    (tmp_path / "file").write_text("")
    photo = Photo(values(4, 4, 3), Metadata())
    with pytest.raises(UserError) as caught:
        write_photo_file(photo, tmp_path / "file" / "x", kind)
    assert str(caught.value) == f"{tmp_path}/file/x cannot be written: Not a directory"


def test_what_to_install_to_write(tmp_path, monkeypatch):
    monkeypatch.delitem(Image.OPEN, "JXL", raising=False)
    with pytest.raises(UserError, match=r"JPEG XL needs pip install 'srgan_tf\[jxl\]'"):
        write_photo_file(Photo(values(4, 4, 3), Metadata()), tmp_path / "x", "jxl")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff"])
def test_pillow_pictures_are_given_with_what_is_beside_them(tmp_path, kind):
    photo = Photo(
        smooth_photo(1),
        Metadata(exif_fields(full_exif(6)), SRGB, xmp=XMP, dpi=(300.0, 300.0)),
    )
    picture = picture_of(photo)
    saved = {name: picture.info[name] for name in ("exif", "icc_profile", "xmp", "dpi")}
    picture.save(tmp_path / f"x.{kind}", **saved)
    with Image.open(tmp_path / f"x.{kind}") as image:
        back = photo_of(image)
    assert back.metadata.icc == SRGB
    assert exif_of(back)[ExifTags.Base.Make] == "Maker"
    picture.save(tmp_path / "y.png")  # Pillow takes the profile along by itself
    with Image.open(tmp_path / "y.png") as image:
        assert image.info["icc_profile"] == SRGB


@pytest.mark.parametrize(
    ("kind", "mode"), [("webp", "RGB"), ("avif", "RGB"), ("heic", "RGBA")]
)
def test_gray_with_its_profile_in_files_of_rgb_only(tmp_path, kind, mode):
    """A profile of gray would not fit them: the numbers become those of sRGB."""
    gray = np.tile(np.linspace(20, 235, 32).astype(np.uint8), (16, 1))
    linear = np.round(255 * (gray / 255.0) ** 2.2).astype(np.uint8)[..., None]
    icc = imagecodecs.cms_profile("gray", whitepoint=[0.3127, 0.329, 1.0], gamma=1.0)
    skip_unless_there(kind)
    opaque = np.full_like(linear, 255)
    pixels = np.concatenate([linear, opaque], -1) if mode == "RGBA" else linear
    photo = Photo(pixels, Metadata(icc=bytes(icc)))
    path = tmp_path / f"x.{kind}"
    write_photo_file(photo, path, kind, quality=100)
    with Image.open(path) as image:
        assert image.mode == mode and not image.info.get("icc_profile")
        found = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(found - gray[..., None]).mean() < 4
