"""What stands beside the pixels: real files in, enlarged, out, and opened by others."""

import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageOps, PngImagePlugin
from samples import SRGB, XMP, full_exif, smooth, values

from srgan_tf.pictures.formats import Photo, read_photo_file, write_photo_file
from srgan_tf.pictures.metadata import ORIENTATION, Metadata
from srgan_tf.pictures.metadata.exif import Exif
from srgan_tf.pictures.metadata.png import Text

SUFFIXES = {"png": ".png", "jpg": ".jpg", "webp": ".webp", "tiff": ".tif"}
FORMATS = list(SUFFIXES)
TEXTS = {"latin": "© José".encode("latin-1"), "utf8": "© José 写真".encode()}


@pytest.fixture(scope="session")
def exiftool():
    """Reads all tags of a file by exiftool, as `{"Group:Tag": value}`."""
    if not shutil.which("exiftool"):
        pytest.skip("NOT TESTED: there is no exiftool (libimage-exiftool-perl) here")

    def run(path, *arguments):
        found = subprocess.run(
            ["exiftool", "-j", "-G1", "-a", "-n", *arguments, path],
            capture_output=True,
            check=False,
        )
        tags = json.loads(found.stdout.decode("utf-8", "replace"))[0]
        assert "ExifTool:Error" not in tags
        return tags

    return run


def enlarged(source: Path, file_format: str, scale: int = 4) -> Path:
    """Writes a photo as `upscale` does, enlarged by repeating its pixels."""
    photo = read_photo_file(source)
    pixels = photo.pixels.repeat(scale, axis=0).repeat(scale, axis=1)
    if file_format in ("jpg", "bmp") and pixels.shape[-1] in (2, 4):
        pixels = pixels[..., :-1]
    target = source.with_name(f"{source.stem}_out{SUFFIXES.get(file_format, '.bmp')}")
    write_photo_file(Photo(pixels, photo.metadata), target, file_format)
    with Image.open(target) as image:  # it opens again
        image.load()
    assert read_photo_file(target).pixels.shape[:2] == pixels.shape[:2]
    return target


def exif_of(path: Path) -> Image.Exif:
    with Image.open(path) as image:
        return image.getexif()


def raw(text: str) -> bytes:
    """The bytes of an EXIF text: Pillow shows each as one character."""
    return text.encode("latin-1")


def photo_with_exif(path: Path, exif: Image.Exif, **options) -> Path:
    Image.fromarray(smooth(7, 9)).save(path, exif=exif, **options)
    return path


def fields(exif: Image.Exif) -> Exif:
    return Exif.read(io.BytesIO(exif.tobytes()[6:]))


# ---- orientation


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path, orientation, depth):
    pixels = values(4, 6, 3, dtype=depth)
    photo = Photo(pixels, Metadata(fields(full_exif(orientation)), dpi=(100.0, 50.0)))
    write_photo_file(photo, tmp_path / "x.png", "png")
    back = read_photo_file(tmp_path / "x.png")
    eight = Image.fromarray(
        (pixels >> 8 if depth == np.uint16 else pixels).astype("u1")
    )
    eight.getexif()[ExifTags.Base.Orientation] = orientation
    expected = np.asarray(ImageOps.exif_transpose(eight))
    got = back.pixels >> 8 if depth == np.uint16 else back.pixels
    np.testing.assert_array_equal(got, expected)
    swapped = back.metadata.dpi[0] < back.metadata.dpi[1]
    assert swapped == (orientation >= 5)
    write_photo_file(back, tmp_path / "y.png", "png")
    assert exif_of(tmp_path / "y.png")[ExifTags.Base.Orientation] == 1


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_orientation_of_tiff(tmp_path, orientation, depth):
    pixels = values(4, 6, 3, dtype=depth)
    tag = (int(ExifTags.Base.Orientation), "H", 1, orientation, True)
    tifffile.imwrite(tmp_path / "x.tif", pixels, photometric="rgb", extratags=[tag])
    back = read_photo_file(tmp_path / "x.tif")
    turns = {3: 2, 6: -1}[orientation]
    np.testing.assert_array_equal(back.pixels, np.rot90(pixels, turns))
    out = enlarged(tmp_path / "x.tif", "tiff")
    with tifffile.TiffFile(out) as file:
        assert ORIENTATION not in file.pages[0].tags
    np.testing.assert_array_equal(read_photo_file(out).pixels[::4, ::4], back.pixels)


# ---- what has always been kept


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("file_format", FORMATS)
def test_metadata_round_trip(tmp_path, file_format, depth):
    metadata = Metadata(fields(full_exif()), SRGB, xmp=XMP, dpi=(300.0, 300.0))
    path = tmp_path / f"x{SUFFIXES[file_format]}"
    write_photo_file(Photo(values(28, 36, 3, dtype=depth), metadata), path, file_format)
    with Image.open(path) as image:  # as others see it
        exif, info = image.getexif(), image.info
        xmp = info["xmp"]
    assert info["icc_profile"] == SRGB
    assert b"A. Nobody" in xmp
    assert b'Orientation="1"' in xmp and b'ImageWidth="36"' in xmp
    assert b'PixelYDimension="28"' in xmp and b"Length>28<" in xmp
    if file_format != "webp":
        np.testing.assert_allclose([float(x) for x in info["dpi"]], 300, rtol=1e-3)
    assert exif[ExifTags.Base.Make] == "Maker"
    camera = exif.get_ifd(ExifTags.IFD.Exif)
    assert camera[ExifTags.Base.ExifImageWidth] == 36
    assert camera[ExifTags.Base.ExifImageHeight] == 28
    assert camera[ExifTags.Base.ISOSpeedRatings] == 200
    assert camera[ExifTags.Base.LensModel] == "A lens"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert gps[ExifTags.GPS.GPSLatitudeRef] == "N"
    np.testing.assert_allclose([float(x) for x in gps[2]], [47, 30, 15.5])
    back = read_photo_file(path).metadata
    assert (back.icc, back.xmp) == (SRGB, xmp)


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("suffix", SUFFIXES.values())
def test_metadata_of_files_made_by_pillow(tmp_path, suffix, file_format):
    options = {"exif": full_exif(), "icc_profile": SRGB, "dpi": (72, 72), "xmp": XMP}
    if suffix == ".png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
    if suffix == ".tif":
        del options["exif"][ExifTags.Base.ImageWidth]  # Pillow would write that size
        options["tiffinfo"] = {700: options.pop("xmp")}
        options["exif"][700] = XMP
    Image.fromarray(values(7, 9, 3)).save(tmp_path / f"x{suffix}", **options)
    with Image.open(enlarged(tmp_path / f"x{suffix}", file_format)) as image:
        camera = image.getexif().get_ifd(ExifTags.IFD.Exif)
        assert camera[ExifTags.Base.LensModel] == "A lens"
        assert camera[ExifTags.Base.ExifImageWidth] == 36
        assert image.info["icc_profile"] == SRGB
        assert b"A. Nobody" in image.info["xmp"]


@pytest.mark.parametrize("endian", ["<", ">"])
def test_thumbnail_is_made_anew(tmp_path, endian):
    exif = fields(full_exif())
    exif.has_thumbnail = True
    pixels = smooth(300, 400)
    write_photo_file(Photo(pixels, Metadata(exif)), tmp_path / "x.jpg", "jpg")
    assert read_photo_file(tmp_path / "x.jpg").metadata.exif.has_thumbnail
    with Image.open(tmp_path / "x.jpg") as image:
        directory = image.getexif().get_ifd(ExifTags.IFD.IFD1)
        data = image.info["exif"][6:]
    start, length = directory[513], directory[514]
    with Image.open(io.BytesIO(data[start : start + length])) as thumbnail:
        assert thumbnail.format == "JPEG" and thumbnail.size == (160, 120)
        shown = np.asarray(thumbnail.convert("RGB")).astype(int)
    expected = np.asarray(Image.fromarray(pixels).resize((160, 120)))
    assert np.abs(shown - expected).mean() < 3


# ---- texts, byte for byte


def with_texts(text: bytes) -> Image.Exif:
    exif = full_exif()
    exif[ExifTags.Base.Copyright] = text
    exif[ExifTags.Base.Artist] = text
    exif[0x9C9B] = "Título 写真".encode("utf-16-le") + b"\0\0"
    exif.get_ifd(ExifTags.IFD.Exif)[0x9286] = b"UNICODE\0" + "写真".encode("utf-16-be")
    return exif


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("suffix", SUFFIXES.values())
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_exif_texts_of_any_encoding(tmp_path, text, suffix, file_format, caplog):
    exif = with_texts(text)
    del exif[ExifTags.Base.ImageWidth]
    source = photo_with_exif(tmp_path / f"x{suffix}", exif)
    back = exif_of(enlarged(source, file_format))
    assert raw(back[ExifTags.Base.Copyright]) == text
    assert raw(back[ExifTags.Base.Artist]) == text
    assert back[0x9C9B] == exif[0x9C9B]
    comment = back.get_ifd(ExifTags.IFD.Exif)[0x9286]
    assert comment == exif.get_ifd(ExifTags.IFD.Exif)[0x9286]
    assert not caplog.records


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_texts_of_a_16bit_tiff(tmp_path, text, order):
    tifffile.imwrite(
        tmp_path / "x.tif",
        values(7, 9, 4, dtype=np.uint16),
        photometric="rgb",
        extrasamples=["unassalpha"],
        byteorder=order,
        bigtiff=order == "<",
        metadata=None,
        description=text,
        extratags=[(33432, "s", 0, text, True)],
    )
    for file_format in ("png", "tiff", "webp"):
        back = exif_of(enlarged(tmp_path / "x.tif", file_format))
        assert raw(back[33432]) == raw(back[270]) == text


def test_maker_note_stays_where_its_offsets_hold(tmp_path):
    """Makers' notes count offsets from the start of EXIF."""
    exif = full_exif()
    camera = exif.get_ifd(ExifTags.IFD.Exif)
    camera[ExifTags.Base.MakerNote] = note = bytes(range(256)) * 4
    source = photo_with_exif(tmp_path / "x.jpg", exif)
    at = exif.tobytes()[6:].index(note)
    photo = read_photo_file(source)
    photo.metadata.texts += [png_text(b"parameters", b"p" * 900)]
    for file_format in ("jpg", "webp", "png", "tiff"):
        path = tmp_path / f"y.{file_format}"
        write_photo_file(photo, path, file_format)
        with Image.open(path) as image:
            block = image.info.get("exif", b"").removeprefix(b"Exif\0\0")
        block = path.read_bytes() if file_format == "tiff" else block
        assert block[at : at + len(note)] == note
        assert exif_of(path).get_ifd(ExifTags.IFD.Exif)[0x927C] == note


def png_text(keyword, data, **options):
    return Text(keyword, data, **options)
