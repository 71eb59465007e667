"""What stands beside the pixels: real files in, enlarged, out, and opened by others."""

import functools
import io
import json
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms, ImageOps, PngImagePlugin, features
from samples import SRGB, XMP, full_exif, smooth, values

from srgan_tf.pictures.formats import Photo, photo_of, read_photo_file
from srgan_tf.pictures.metadata import ORIENTATION, Metadata, read_metadata
from srgan_tf.pictures.metadata.colour import make_profile
from srgan_tf.pictures.metadata.exif import Exif
from srgan_tf.pictures.metadata.photoshop import Resource, write_resources
from srgan_tf.pictures.metadata.png import Text, chunk, split_png
from srgan_tf.pictures.metadata.tiff import begin_tiff
from srgan_tf.pictures.writing import picture_of, write_photo_file

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
            timeout=60,
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
    target = source.with_name(
        f"{source.stem}_out{SUFFIXES.get(file_format, '.' + file_format)}"
    )
    write_photo_file(Photo(pixels, photo.metadata), target, file_format)
    with Image.open(target) as image:  # it opens again
        image.load()
    assert read_photo_file(target).pixels.shape[:2] == pixels.shape[:2]
    return target


def exif_of(path: Path) -> Image.Exif:
    with Image.open(path) as image:
        exif = image.getexif()
        for ifd in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            exif.get_ifd(ifd)  # while the file is open
        return exif


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
        assert file.pages[0].tags[ORIENTATION].value == 1
    np.testing.assert_array_equal(read_photo_file(out).pixels[::4, ::4], back.pixels)


# ---- what has always been kept


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("file_format", FORMATS)
def test_metadata_round_trip(tmp_path, file_format, depth):
    metadata = Metadata(fields(full_exif()), SRGB, xmp=XMP, dpi=(300.0, 300.0))
    path = tmp_path / f"x{SUFFIXES[file_format]}"
    write_photo_file(Photo(values(28, 36, 3, dtype=depth), metadata), path, file_format)
    exif = exif_of(path)  # as others see it
    with Image.open(path) as image:
        info, xmp = image.info, image.info["xmp"]
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
        options["exif"][700] = options.pop("xmp")
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


@pytest.mark.skipif(not features.check("avif"), reason="NOT TESTED: no AVIF in Pillow")
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_exif_texts_of_avif(tmp_path, text, exiftool):
    """Turned by AVIF itself, in which case Pillow changes texts by reading EXIF."""
    turned = Image.Exif()
    turned[ORIENTATION] = 6
    photo_with_exif(tmp_path / "x.avif", turned)
    exif = with_texts(text)
    del exif[ORIENTATION]
    photo_with_exif(tmp_path / "exif.jpg", exif)
    words = ["-q", "-overwrite_original", "-tagsfromfile", tmp_path / "exif.jpg"]
    command = ["exiftool", *words, "-exif:all", tmp_path / "x.avif"]
    subprocess.run(command, check=True)
    assert read_photo_file(tmp_path / "x.avif").pixels.shape == (9, 7, 3)
    for file_format in (*FORMATS, "avif"):
        back = exif_of(enlarged(tmp_path / "x.avif", file_format))
        assert raw(back[ExifTags.Base.Copyright]) == text


def test_metadata_of_jpeg_2000(tmp_path, exiftool):
    Image.fromarray(smooth(20, 40)).save(tmp_path / "x.jp2")
    tags = ["-EXIF:Artist=José", "-XMP-dc:Source=sea", "-IPTC:Keywords=Meer"]
    subprocess.run(
        ["exiftool", "-q", "-overwrite_original", *tags, tmp_path / "x.jp2"], check=True
    )
    tags = exiftool(enlarged(tmp_path / "x.jp2", "jpg"))
    assert tags["IFD0:Artist"] == "José"
    assert (tags["XMP-dc:Source"], tags["IPTC:Keywords"]) == ("sea", "Meer")


@pytest.mark.parametrize("compress", [False, True])
def test_metadata_of_jpeg_xl(tmp_path, compress):
    pytest.importorskip("pillow_jxl", reason="NOT TESTED: no pillow-jxl-plugin here")
    exif = with_texts(TEXTS["latin"]).tobytes()
    Image.fromarray(smooth(20, 40)).save(
        tmp_path / "x.jxl",
        exif=exif,
        xmp=XMP,
        compress_metadata=compress,
        use_container=True,
    )
    for file_format in ("png", "jxl"):
        out = enlarged(tmp_path / "x.jxl", file_format)
        with Image.open(out) as image:
            texts = image.getexif()
            assert raw(texts[ExifTags.Base.Copyright]) == TEXTS["latin"]
        assert b"A. Nobody" in read_photo_file(out).metadata.xmp


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
    photo.metadata.texts.append(Text(b"parameters", b"p" * 900))
    for file_format in ("jpg", "webp", "png", "tiff"):
        path = tmp_path / f"y.{file_format}"
        write_photo_file(photo, path, file_format)
        with Image.open(path) as image:
            block = image.info.get("exif", b"").removeprefix(b"Exif\0\0")
        block = path.read_bytes() if file_format == "tiff" else block
        assert block[at : at + len(note)] == note
        assert exif_of(path).get_ifd(ExifTags.IFD.Exif)[0x927C] == note


# ---- comments, IPTC, PNG's texts


@pytest.mark.parametrize("comment", [b"plain", *TEXTS.values(), b"x" * 65_533])
def test_jpeg_comments(tmp_path, comment, exiftool):
    Image.fromarray(smooth(7, 9)).save(tmp_path / "x.jpg")
    # Pillow itself writes one this long from version 13 on.
    data = (tmp_path / "x.jpg").read_bytes()
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    (tmp_path / "x.jpg").write_bytes(data[:20] + segment + data[20:])
    for file_format in FORMATS:
        out = enlarged(tmp_path / "x.jpg", file_format)
        if file_format == "jpg":
            with Image.open(out) as image:
                assert image.info["comment"] == comment
        tags = exiftool(out, "-charset", "exif=utf8")
        place = {"jpg": "File:Comment", "png": "PNG:Comment"}
        shown = tags[place.get(file_format, "ExifIFD:UserComment")]
        if file_format != "jpg":  # of which exiftool knows no encoding
            assert shown == Text(b"Comment", comment).decoded()


def test_several_comments(tmp_path):
    """Pillow itself writes one."""
    Image.fromarray(smooth(7, 9)).save(tmp_path / "x.jpg", comment=b"first")
    data = (tmp_path / "x.jpg").read_bytes()
    second = b"\xff\xfe\x00\x08second"
    (tmp_path / "x.jpg").write_bytes(data[:20] + second + data[20:])
    for file_format in ("jpg", "png"):
        found = enlarged(tmp_path / "x.jpg", file_format).read_bytes()
        assert b"first" in found and b"second" in found


@pytest.fixture
def iptc_photo(tmp_path):
    """A JPEG file with Photoshop's resources: a caption, a path, an old thumbnail."""
    records = ((90, b"\x1b%G"), (25, b"sea"), (25, b"Meer"), (120, TEXTS["utf8"]))
    iptc = b"".join(
        struct.pack(">BBBH", 0x1C, 1 if dataset == 90 else 2, dataset, len(data)) + data
        for dataset, data in (*records, (80, b"A. Nobody"), (55, b"20240131"))
    )
    blocks = ((0x0404, b"", iptc), (2000, b"Path 1", bytes(26)), (0x040C, b"", b"old!"))
    resources = write_resources([Resource(*block) for block in blocks])
    app13 = b"Photoshop 3.0\0" + resources
    segment = b"\xff\xed" + struct.pack(">H", len(app13) + 2) + app13
    Image.fromarray(smooth(7, 9)).save(tmp_path / "x.jpg", extra=segment)
    return tmp_path / "x.jpg"


def test_iptc(iptc_photo, exiftool):
    for file_format in ("jpg", "tiff", "png"):
        out = enlarged(iptc_photo, file_format)
        tags = exiftool(out)
        assert tags["IPTC:Caption-Abstract"] == TEXTS["utf8"].decode()
        assert tags["IPTC:Keywords"] == ["sea", "Meer"]
        assert not any("Photoshop:PhotoshopThumbnail" in name for name in tags)
        assert b"Path 1" in out.read_bytes() or file_format == "png"
    again = exiftool(enlarged(enlarged(iptc_photo, "png"), "tiff"))
    assert again["IPTC:Keywords"] == ["sea", "Meer"]


def test_iptc_becomes_xmp_where_there_is_none(iptc_photo, exiftool, caplog):
    tags = exiftool(enlarged(iptc_photo, "webp"))
    assert tags["XMP-dc:Description"] == TEXTS["utf8"].decode()
    assert tags["XMP-dc:Subject"] == ["sea", "Meer"]
    assert tags["XMP-dc:Creator"] == "A. Nobody"
    assert tags["XMP-photoshop:DateCreated"] == "2024:01:31"
    (record,) = caplog.records
    assert record.getMessage() == "x_out.webp: left out Photoshop's data."


def png_with_texts(path: Path) -> Path:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a castle, 城\nSteps: 20")  # iTXt
    info.add_text("Author", "José")  # tEXt
    info.add_text("Disclaimer", "long " * 1000, zip=True)
    info.add_itxt("Title", "Castle", lang="en", tkey="Titel")
    Image.fromarray(smooth(7, 9)).save(path, pnginfo=info)
    return path


def test_png_texts_stay_as_they_are(tmp_path, caplog):
    source = png_with_texts(tmp_path / "x.png")
    out = enlarged(source, "png")
    with Image.open(source) as before, Image.open(out) as after:
        before.load()
        after.load()
        assert after.text == before.text
    chunks = split_png(source.read_bytes()).chunks
    assert [name for name, _ in chunks] == [b"iTXt", b"tEXt", b"zTXt", b"iTXt"]
    assert split_png(out.read_bytes()).chunks == chunks
    assert not caplog.records


@pytest.mark.parametrize("file_format", ["jpg", "webp", "tiff"])
def test_prompts_where_their_readers_look(tmp_path, file_format, exiftool, caplog):
    out = enlarged(png_with_texts(tmp_path / "x.png"), file_format)
    comment = exif_of(out).get_ifd(ExifTags.IFD.Exif)[0x9286]
    assert comment == b"UNICODE\0" + "a castle, 城\nSteps: 20".encode("utf-16-be")
    tags = exiftool(out)
    assert tags["ExifIFD:UserComment"] == "a castle, 城\nSteps: 20"
    assert tags["IFD0:Artist"] == "José"
    assert tags["IFD0:XPTitle"] == "Castle"
    (record,) = caplog.records
    assert record.getMessage().endswith("left out the text 'Disclaimer'.")


def test_workflows_of_comfyui(tmp_path):
    info = PngImagePlugin.PngInfo()
    workflow = '{"nodes": ["é"]}'
    info.add_text("prompt", '{"3": 1}')
    info.add_text("workflow", workflow)
    Image.fromarray(smooth(7, 9)).save(tmp_path / "x.png", pnginfo=info)
    exif = exif_of(enlarged(tmp_path / "x.png", "webp"))
    assert exif[0x0110] == 'prompt:{"3": 1}'
    assert raw(exif[0x010F]).decode() == f"workflow:{workflow}"


def test_texts_without_a_field_share_the_user_comment(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("Seed", "7")
    info.add_text("Model hash", "abc")
    Image.fromarray(smooth(7, 9)).save(tmp_path / "x.png", pnginfo=info)
    exif = exif_of(enlarged(tmp_path / "x.png", "jpg"))
    comment = exif.get_ifd(ExifTags.IFD.Exif)[0x9286]
    assert comment == b"ASCII\0\0\0Seed: 7\nModel hash: abc"


def test_profiles_in_texts_by_imagemagick(tmp_path, exiftool):
    info = PngImagePlugin.PngInfo()
    iptc = struct.pack(">BBBH", 0x1C, 2, 25, 3) + b"sea"
    for kind, data in (
        ("exif", with_texts(b"(c) Nobody").tobytes()),
        ("iptc", write_resources([Resource(0x0404, b"", iptc)])),
        ("xmp", XMP),
    ):
        lines = "\n".join(data.hex()[i : i + 72] for i in range(0, 2 * len(data), 72))
        text = f"\n{kind}\n{len(data):8}\n{lines}\n"
        info.add_text(f"Raw profile type {kind}", text, zip=True)
    Image.fromarray(smooth(7, 9)).save(tmp_path / "x.png", pnginfo=info)
    tags = exiftool(enlarged(tmp_path / "x.png", "jpg"))
    assert tags["IFD0:Copyright"] == "(c) Nobody"
    assert tags["IPTC:Keywords"] == "sea"
    assert tags["XMP-dc:Creator"] == "A. Nobody"


def test_bmp_says_what_it_cannot_hold(tmp_path, caplog):
    source = png_with_texts(tmp_path / "x.png")
    enlarged(source, "bmp")
    assert caplog.messages == ["x_out.bmp: left out texts."]


# ---- Pillow's pictures


@pytest.mark.parametrize("suffix", SUFFIXES.values())
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_picture_of_pillow_keeps_its_texts(tmp_path, text, suffix):
    exif = with_texts(text)
    del exif[ExifTags.Base.ImageWidth]
    photo_with_exif(tmp_path / f"x{suffix}", exif)
    with Image.open(tmp_path / f"x{suffix}") as image:
        before = dict(image.getexif())
        result = picture_of(photo_of(image))
        assert dict(image.getexif()) == before
    result.save(tmp_path / "y.jpg", exif=result.info["exif"])
    back = exif_of(tmp_path / "y.jpg")
    assert back[ExifTags.Base.Make] == "Maker" and 0x0111 not in back
    assert raw(back[ExifTags.Base.Copyright]) == text


def test_a_linear_picture_of_pillow(tmp_path):
    source = png_with_colour(tmp_path / "x.png", RAMP, gAMA=LINEAR)
    with Image.open(source) as image:
        picture_of(photo_of(image)).save(tmp_path / "y.png")
    assert shown(tmp_path / "y.png")[0, 10, 1] > RAMP[0, 10, 0] + 50


def test_damage_does_not_cost_a_picture_of_pillow(tmp_path):
    for block in (b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\0\0" + b"\xee" * 40):
        image = Image.fromarray(smooth(7, 9))
        image.info["exif"] = block
        assert picture_of(photo_of(image)).size == (9, 7)


# ---- colours


def png_with_colour(path: Path, pixels: np.ndarray, **chunks: bytes) -> Path:
    """A PNG file with colour chunks, 8 or 16 bit."""
    flat = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    data = imagecodecs.png_encode(np.ascontiguousarray(flat))
    extra = b"".join(chunk(name.encode(), data) for name, data in chunks.items())
    path.write_bytes(data[:33] + extra + data[33:])
    return path


def shown(path: Path) -> np.ndarray:
    """The colours that a colour-managed viewer shows, as sRGB 0 to 255."""
    with Image.open(path) as image:
        icc = image.info.get("icc_profile")
        image.load()
        if icc:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            srgb = ImageCms.createProfile("sRGB")
            image = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
        return np.asarray(image.convert("RGB")).astype(int)


RAMP = np.repeat(np.arange(0, 256, 5, dtype=np.uint8)[None, :, None], 3, axis=2)
RAMP = np.repeat(RAMP, 8, axis=0)
SRGB_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
LINEAR = struct.pack(">L", 100_000)
CHUNKS = {
    "gAMA": LINEAR,
    "cHRM": struct.pack(">8L", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000),
    "cICP": bytes((12, 13, 0, 1)),
    "mDCV": bytes(range(24)),
    "cLLI": bytes(8),
}


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_colour_chunks_stay_in_png(tmp_path, depth):
    source = png_with_colour(tmp_path / "x.png", RAMP.astype(depth), **CHUNKS)
    out = enlarged(source, "png").read_bytes()
    chunks = [(name.encode(), data) for name, data in CHUNKS.items()]
    assert split_png(out).chunks == chunks
    assert out.index(b"cICP") < out.index(b"IDAT")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("file_format", ["jpg", "webp", "tiff", "bmp"])
def test_linear_light_looks_the_same_elsewhere(tmp_path, file_format, channels, caplog):
    pixels = RAMP[..., :channels]
    source = png_with_colour(tmp_path / "x.png", pixels, gAMA=LINEAR)
    x = RAMP[..., 0] / 255.0
    srgb = np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055) * 255
    error = shown(enlarged(source, file_format))[::4, ::4, 1] - srgb
    # Pillow itself loses as much in the darkest gray of a gray profile.
    most = {"jpg": 9, "webp": 12, "tiff": 8 if channels == 1 else 2, "bmp": 2}
    assert np.abs(error).max() <= most[file_format]
    assert not caplog.records


def test_srgb_in_png_needs_no_profile(tmp_path):
    for chunks in ({"sRGB": b"\0"}, {"gAMA": struct.pack(">L", 45_455)}):
        source = png_with_colour(tmp_path / "x.png", RAMP, **chunks)
        with Image.open(enlarged(source, "jpg")) as image:
            assert "icc_profile" not in image.info


def test_wide_gamut_by_numbers_becomes_a_profile(tmp_path):
    green = np.full((8, 8, 3), (0, 200, 0), np.uint8)
    for chunks in ({"cICP": CHUNKS["cICP"]}, {"cHRM": CHUNKS["cHRM"]}):
        source = png_with_colour(tmp_path / "x.png", green, **chunks)
        out = enlarged(source, "tiff")
        np.testing.assert_array_equal(read_photo_file(out).pixels[::4, ::4], green)
        with Image.open(out) as image:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        # Chromaticities as adapted to D50, in the profile of Display P3 by Apple.
        colorant = profile.profile.green_colorant[0]
        np.testing.assert_allclose(colorant, (0.292, 0.692, 0.042), atol=0.01)


def pq(nits):
    """SMPTE ST 2084 from cd/m^2 to 0..1."""
    light = (np.asarray(nits) / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * light) / (1 + 18.6875 * light)) ** 78.84375


@pytest.mark.parametrize("file_format", ["jpg", "webp", "tiff", "bmp"])
def test_hdr_does_not_look_washed_out(tmp_path, file_format, caplog):
    """Black, paper white and a lamp, in BT.2100 PQ: in SDR from black to white."""
    nits = np.repeat([0.0, 100.0, 203.0, 1000.0], 8)
    pixels = np.round(pq(nits) * 65535).astype(np.uint16)
    pixels = np.broadcast_to(pixels[None, :, None], (16, 32, 3)).copy()
    source = png_with_colour(tmp_path / "x.png", pixels, cICP=bytes((9, 16, 0, 1)))
    black, gray, white, lamp = shown(enlarged(source, file_format))[32, 16::32, 1]
    assert black <= 3 and lamp >= 250
    assert 140 < gray < white - 20 and 180 < white < 215
    assert "brighter than white" in caplog.messages[0]
    caplog.clear()
    assert shown(source)[8, 20, 1] < 160  # as 8-bit numbers, it was dull
    enlarged(source, "png")
    assert not caplog.records


def test_hlg_and_colours_of_bt2020(tmp_path):
    red = np.full((8, 8, 3), (30_000, 0, 0), np.uint16)
    source = png_with_colour(tmp_path / "x.png", red, cICP=bytes((9, 18, 0, 1)))
    colour = shown(enlarged(source, "tiff"))[0, 0]
    assert colour[0] > 120 and (colour[1:] == 0).all()


def test_camera_files_in_adobe_rgb_without_a_profile(tmp_path):
    exif = full_exif()
    exif.get_ifd(ExifTags.IFD.Exif)[0xA001] = 65535
    exif.get_ifd(ExifTags.IFD.Exif)[0xA005] = {1: "R03"}
    source = photo_with_exif(tmp_path / "x.jpg", exif)
    with Image.open(enlarged(source, "png")) as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    green = profile.profile.green_primary[1][:2]
    np.testing.assert_allclose(profile.profile.green_colorant[0][1], 0.6257, atol=2e-3)
    assert len(green) == 2


@pytest.mark.skipif(not features.check("avif"), reason="NOT TESTED: no AVIF in Pillow")
def test_hdr_of_avif(tmp_path):
    """Its numbers for colours are PNG's, but Pillow does not tell them."""
    nits = np.repeat([0.0, 203.0, 1000.0], 16)
    pixels = np.round(pq(nits) * 255).astype(np.uint8)
    pixels = np.broadcast_to(pixels[None, :, None], (16, 48, 3)).copy()
    file = imagecodecs.avif_encode(pixels, level=100, primaries=9, transfer=16)
    (tmp_path / "x.avif").write_bytes(file)
    with Image.open(tmp_path / "x.avif") as image:
        metadata = read_metadata(image)
        image.load()
        photo = Photo(np.asarray(image), metadata)
    write_photo_file(photo, tmp_path / "y.png", "png")
    chunks = split_png((tmp_path / "y.png").read_bytes()).chunks
    assert chunks == [(b"cICP", bytes((9, 16, 0, 1)))]
    write_photo_file(photo, tmp_path / "y.jpg", "jpg")
    black, white, lamp = shown(tmp_path / "y.jpg")[8, 8::16, 1]
    assert black <= 4 and 180 < white < 215 and lamp >= 245


def heic_of(path: Path, pixels: np.ndarray, primaries: int, curve: int) -> Path:
    heif = pytest.importorskip("pillow_heif", reason="NOT TESTED: no pillow-heif here")
    heif.from_pillow(Image.fromarray(pixels)).save(
        path,
        quality=-1,
        chroma=444,
        color_primaries=primaries,
        transfer_characteristics=curve,
        matrix_coefficients=0,
    )
    return path


def test_hdr_of_heic(tmp_path):
    nits = np.repeat([0.0, 203.0, 1000.0], 16)
    pixels = np.round(pq(nits) * 255).astype(np.uint8)
    pixels = np.broadcast_to(pixels[None, :, None], (16, 48, 3)).copy()
    source = heic_of(tmp_path / "x.heic", pixels, 9, 16)
    assert split_png(enlarged(source, "png").read_bytes()).chunks == [
        (b"cICP", bytes((9, 16, 0, 1)))
    ]
    black, white, lamp = shown(enlarged(source, "jpg"))[8, 32::64, 1]
    assert black <= 4 and 180 < white < 215 and lamp >= 245


def test_wide_gamut_of_heic_by_numbers(tmp_path):
    """Display P3, as cameras write it that leave the profile out."""
    green = np.full((8, 8, 3), (0, 200, 0), np.uint8)
    source = heic_of(tmp_path / "x.heic", green, 12, 13)
    with Image.open(enlarged(source, "tiff")) as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    colorant = profile.profile.green_colorant[0]
    np.testing.assert_allclose(colorant, (0.292, 0.692, 0.042), atol=0.01)


@pytest.mark.parametrize("kind", ["heic", "avif"])
def test_colours_of_pillow_pictures_by_numbers(tmp_path, kind):
    green = np.full((8, 8, 3), (0, 200, 0), np.uint8)
    source = tmp_path / f"x.{kind}"
    if kind == "heic":
        heic_of(source, green, 12, 13)
    elif not features.check("avif"):
        pytest.skip("NOT TESTED: no AVIF in Pillow")
    else:
        data = imagecodecs.avif_encode(green, level=100, primaries=12, transfer=13)
        source.write_bytes(data)
    with Image.open(source) as image:
        photo = photo_of(image)
    assert photo.metadata.colour == {b"cICP": bytes((12, 13, 0, 1))}
    assert "icc_profile" in picture_of(photo).info


@pytest.mark.skipif(not features.check("avif"), reason="NOT TESTED: no AVIF in Pillow")
def test_impossible_numbers_for_colours_cost_no_picture(tmp_path):
    data = imagecodecs.avif_encode(smooth(16, 16), level=100, primaries=12)
    at = data.index(b"colrnclx") + 8
    data = data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :]
    (tmp_path / "x.avif").write_bytes(data)
    assert read_photo_file(tmp_path / "x.avif").metadata.colour == {}
    enlarged(tmp_path / "x.avif", "png")


@functools.cache  # it has the time in it
def gray_profile() -> bytes:
    return imagecodecs.cms_profile("gray", gamma=1.8)


def test_a_gray_profile_where_gray_becomes_rgb(tmp_path):
    """WebP knows no gray: its pixels become sRGB, as the profile has them."""
    gray = Image.fromarray(RAMP[..., 0])
    gray.save(tmp_path / "x.png", icc_profile=gray_profile())
    with Image.open(enlarged(tmp_path / "x.png", "png")) as image:
        assert image.mode == "L" and image.info["icc_profile"] == gray_profile()
    before = shown(tmp_path / "x.png")
    after = shown(enlarged(tmp_path / "x.png", "webp"))[::4, ::4]
    assert np.abs(after - before).max() <= 8
    assert np.abs(before - RAMP).max() > 15


def test_an_rgb_profile_beside_gray_pixels(tmp_path, caplog):
    linear = make_profile(3, SRGB_PRIMARIES, 1.0)
    Image.fromarray(RAMP[..., 0]).save(tmp_path / "x.png", icc_profile=linear)
    out = enlarged(tmp_path / "x.png", "png")
    with Image.open(out) as image:
        assert image.mode == "L" and "icc_profile" not in image.info
    assert shown(out)[0, 4, 0] > 3 * RAMP[0, 1, 0]
    assert not caplog.records


def test_a_damaged_profile_is_named(tmp_path, caplog):
    image = Image.fromarray(smooth(7, 9))
    image.save(tmp_path / "x.jpg", icc_profile=b"x" * 200)
    enlarged(tmp_path / "x.jpg", "png")
    assert caplog.messages == ["x_out.png: left out a damaged colour profile."]


# ---- what is large


def large_profile(size: int) -> bytes:
    """A true profile with an unknown, long tag at its end."""
    profile = bytearray(make_profile(3, SRGB_PRIMARIES, 1.0))
    (count,) = struct.unpack_from(">L", profile, 128)
    data = bytes(profile[132 + 12 * count :])
    entries = [
        struct.pack(">4sLL", name, offset + 12, length)
        for name, offset, length in struct.iter_unpack(
            ">4sLL", bytes(profile[132 : 132 + 12 * count])
        )
    ]
    noise = b"data\0\0\0\0" + np.random.default_rng(0).bytes(size)
    start = 132 + 12 * (count + 1) + len(data)
    entries.append(struct.pack(">4sLL", b"long", start, len(noise)))
    out = bytes(profile[:128]) + struct.pack(">L", count + 1) + b"".join(entries)
    out += data + noise
    return struct.pack(">L", len(out)) + out[4:]


def test_a_large_profile_costs_no_png(tmp_path, caplog):
    profile = large_profile(2_000_000)
    Image.fromarray(RAMP).save(tmp_path / "x.jpg", icc_profile=profile, quality=100)
    for file_format in ("jpg", "webp", "tiff"):
        with Image.open(enlarged(tmp_path / "x.jpg", file_format)) as image:
            assert image.info["icc_profile"] == profile
    out = enlarged(tmp_path / "x.jpg", "png")
    error = shown(out)[::4, ::4] - shown(tmp_path / "x.jpg")
    assert np.abs(error).max() <= 2
    assert shown(out)[0, 40, 0] > RAMP[0, 10, 0] + 40
    assert not caplog.records


def test_a_large_profile_of_png(tmp_path, caplog):
    profile = large_profile(2_000_000)
    packed = b"name\0\0" + zlib.compress(profile)
    source = png_with_colour(tmp_path / "x.png", RAMP, iCCP=packed)
    with pytest.raises(ValueError, match="too large"), Image.open(source):
        pass
    with Image.open(enlarged(source, "jpg")) as image:
        assert image.info["icc_profile"] == profile
    assert shown(enlarged(source, "png"))[0, 40, 0] > RAMP[0, 10, 0] + 40
    assert not caplog.records


@pytest.mark.parametrize("kind", ["zTXt", "iTXt"])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_long_compressed_texts(tmp_path, kind, depth, caplog):
    text = b"a long prompt, " * 200_000
    head = b"parameters\0" + (b"\1\0\0\0" if kind == "iTXt" else b"\0")
    source = png_with_colour(
        tmp_path / "x.png", RAMP.astype(depth), **{kind: head + zlib.compress(text)}
    )
    with pytest.raises(ValueError, match="too large"), Image.open(source):
        pass
    with Image.open(enlarged(source, "png")) as image:
        image.load()
        assert image.text["parameters"] == text.decode()
    assert not caplog.records
    enlarged(source, "jpg")
    assert caplog.messages == ["x_out.jpg: left out UserComment."]


def test_more_text_than_anything_opens(tmp_path, caplog):
    extra = {"zTXt": b"prompt\0\0" + zlib.compress(bytes(80_000_000))}
    enlarged(png_with_colour(tmp_path / "x.png", RAMP, **extra), "png")
    assert caplog.messages == ["x_out.png: left out the damaged text 'prompt'."]


def test_what_does_not_fit_into_jpeg(tmp_path, caplog):
    exif = full_exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = b"n" * 80_000
    photo_with_exif(tmp_path / "x.png", exif)
    back = exif_of(enlarged(tmp_path / "x.png", "jpg"))
    assert back[ExifTags.Base.Make] == "Maker"
    assert caplog.messages == ["x_out.jpg: left out MakerNote."]


def test_long_xmp_in_jpeg(tmp_path, exiftool, caplog):
    """In several segments, as Adobe has it."""
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/"
    xmp += b"1999/02/22-rdf-syntax-ns#'><rdf:Description xmlns:dc='http://purl.org/dc/"
    xmp += b"elements/1.1/' dc:source='" + b"A. Nobody " * 20_000
    xmp += b"'/></rdf:RDF></x:xmpmeta>"
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    Image.fromarray(smooth(7, 9)).save(tmp_path / "x.png", pnginfo=info)
    out = enlarged(tmp_path / "x.png", "jpg")
    assert exiftool(out)["XMP-dc:Source"].count("A. Nobody") == 20_000
    with Image.open(enlarged(out, "webp")) as image:
        assert image.info["xmp"].count(b"A. Nobody") == 20_000
    assert not caplog.records


# ---- what depends on the size


def with_xmp(path: Path, properties: str, inside: str = "", **options) -> Path:
    """A JPEG of 40 x 20 pixels whose XMP has these attributes and elements."""
    spaces = {
        "GPano": "http://ns.google.com/photos/1.0/panorama/",
        "GCamera": "http://ns.google.com/photos/1.0/camera/",
        "Container": "http://ns.google.com/photos/1.0/container/",
        "Item": "http://ns.google.com/photos/1.0/container/item/",
        "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
        "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
        "dc": "http://purl.org/dc/elements/1.1/",
        "exif": "http://ns.adobe.com/exif/1.0/",
        "xmp": "http://ns.adobe.com/xap/1.0/",
        "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
        "stArea": "http://ns.adobe.com/xmp/sType/Area#",
        "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    }
    declared = " ".join(f'xmlns:{name}="{uri}"' for name, uri in spaces.items())
    xmp = (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta '
        'xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-'
        f'rdf-syntax-ns#"><rdf:Description rdf:about="" {declared} {properties}>'
        f'{inside}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )
    Image.fromarray(smooth(20, 40)).save(path, xmp=xmp.encode(), **options)
    return path


PANORAMA = {
    "FullPanoWidthPixels": 80,
    "FullPanoHeightPixels": 40,
    "CroppedAreaImageWidthPixels": 40,
    "CroppedAreaImageHeightPixels": 20,
    "CroppedAreaLeftPixels": 15,
    "CroppedAreaTopPixels": 7,
}


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("as_elements", [False, True])
def test_panoramas_grow(tmp_path, file_format, as_elements, exiftool):
    items = {**PANORAMA, "PoseHeadingDegrees": 90.5}
    if as_elements:
        inside = "".join(f"<GPano:{x}>{y}</GPano:{x}>" for x, y in items.items())
        source = with_xmp(tmp_path / "x.jpg", "", inside)
    else:
        attributes = " ".join(f'GPano:{x}="{y}"' for x, y in items.items())
        source = with_xmp(tmp_path / "x.jpg", attributes)
    tags = exiftool(enlarged(source, file_format))
    for name, number in PANORAMA.items():
        assert tags[f"XMP-GPano:{name}"] == 4 * number
    assert tags["XMP-GPano:PoseHeadingDegrees"] == 90.5


def test_a_turned_panorama_is_none(tmp_path, caplog):
    attributes = " ".join(f'GPano:{x}="{y}"' for x, y in PANORAMA.items())
    source = with_xmp(tmp_path / "x.jpg", attributes, exif=full_exif(6))
    with Image.open(enlarged(source, "png")) as image:
        assert b"Pixels=" not in image.info["xmp"]
    assert "the panorama's place in its sphere" in caplog.messages[0]


def test_notes_of_gain_maps_and_motion_photos_go(tmp_path, caplog):
    source = with_xmp(
        tmp_path / "x.jpg",
        'hdrgm:Version="1.0" hdrgm:GainMapMax="2.5" GCamera:MotionPhoto="1" '
        'GCamera:MicroVideoOffset="4711" xmp:Rating="5"',
        "<Container:Directory><rdf:Seq><rdf:li><Container:Item Item:Semantic='GainMap' "
        "Item:Length='99'/></rdf:li></rdf:Seq></Container:Directory>"
        "<dc:subject><rdf:Bag><rdf:li>sea &amp; sun</rdf:li></rdf:Bag></dc:subject>",
    )
    for file_format in FORMATS:
        caplog.clear()
        with Image.open(enlarged(source, file_format)) as image:
            xmp = image.info["xmp"]
        for name in (
            b"hdrgm:V",
            b"MotionPhoto",
            b"MicroVideo",
            b"Item:",
            b":Directory",
        ):
            assert name not in xmp
        assert b'xmp:Rating="5"' in xmp and b"sea &amp; sun" in xmp
        assert caplog.messages == [
            f"x_out{SUFFIXES[file_format]}: left out the gain map, the video of a "
            "motion photo."
        ]


def test_other_prefixes_are_understood(tmp_path):
    source = with_xmp(tmp_path / "x.jpg", 'GPano:CroppedAreaLeftPixels="15"')
    other = source.read_bytes().replace(b"GPano", b"gpano")  # as long
    source.write_bytes(other)
    with Image.open(enlarged(source, "jpg")) as image:
        assert b'gpano:CroppedAreaLeftPixels="60"' in image.info["xmp"]


def test_regions_and_crops_in_xmp(tmp_path, exiftool):
    source = with_xmp(
        tmp_path / "x.jpg",
        'crs:CropTop="0.1" crs:CropLeft="3" crs:CropWidth="40" crs:HasCrop="True" '
        'dc:format="image/jpeg" exif:FocalPlaneXResolution="100/3"',
        '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions '
        'stDim:w="40" stDim:h="20" stDim:unit="pixel"/><mwg-rs:RegionList><rdf:Bag>'
        '<rdf:li><rdf:Description mwg-rs:Name="A. Nobody"><mwg-rs:Area stArea:x="0.5" '
        'stArea:y="0.5" stArea:w="0.1" stArea:h="0.2"/></rdf:Description></rdf:li>'
        "</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions><exif:SubjectArea><rdf:Seq>"
        "<rdf:li>10</rdf:li><rdf:li>5</rdf:li></rdf:Seq></exif:SubjectArea>",
    )
    tags = exiftool(enlarged(source, "tiff"))
    assert tags["XMP-mwg-rs:RegionAppliedToDimensionsW"] == 160
    assert tags["XMP-mwg-rs:RegionAppliedToDimensionsH"] == 80
    assert tags["XMP-mwg-rs:RegionAreaX"] == 0.5
    assert tags["XMP-exif:SubjectArea"] == [40, 20]
    assert tags["XMP-crs:CropTop"] == 0.1 and tags["XMP-crs:CropLeft"] == 12
    assert "XMP-crs:CropWidth" not in tags
    assert tags["XMP-dc:Format"] == "image/tiff"
    assert tags["XMP-exif:FocalPlaneXResolution"] == pytest.approx(400 / 3)


def placed(orientation: int) -> Image.Exif:
    exif = full_exif(orientation)
    camera = exif.get_ifd(ExifTags.IFD.Exif)
    camera[0x9214] = (10, 5, 4, 2)
    camera[0xA214] = (10, 5)
    camera[0xA20E], camera[0xA20F] = 1000.0, 2000.0
    return exif


@pytest.mark.parametrize("file_format", FORMATS)
def test_sizes_and_places_in_exif(tmp_path, file_format):
    source = tmp_path / "x.jpg"
    Image.fromarray(smooth(20, 40)).save(source, exif=placed(1))
    camera = exif_of(enlarged(source, file_format)).get_ifd(ExifTags.IFD.Exif)
    assert camera[0x9214] == (40, 20, 16, 8)
    assert camera[0xA214] == (40, 20)
    assert (camera[0xA20E], camera[0xA20F]) == (4000, 8000)
    assert (camera[0xA002], camera[0xA003]) == (160, 80)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_subject_turns_with_the_photo(tmp_path, orientation):
    """A bright spot is where EXIF says that the subject is."""
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[4:6, 8:12] = 255
    Image.fromarray(pixels).save(tmp_path / "x.png", exif=placed(orientation))
    out = enlarged(tmp_path / "x.png", "png")
    rows, columns = np.nonzero(read_photo_file(out).pixels[..., 0])
    camera = exif_of(out).get_ifd(ExifTags.IFD.Exif)
    box = (
        (columns.min() + columns.max() + 1) / 2,
        (rows.min() + rows.max() + 1) / 2,
        columns.max() + 1 - columns.min(),
        rows.max() + 1 - rows.min(),
    )
    assert camera[0x9214] == box and camera[0xA214] == box[:2]
    turned = orientation >= 5
    assert (camera[0xA20E], camera[0xA20F]) == (
        (8000, 4000) if turned else (4000, 8000)
    )


def test_maps_stay_where_they_are_on_earth(tmp_path):
    """GeoTIFF: a pixel four times as small, and a tie point four times as far."""
    tifffile.imwrite(
        tmp_path / "x.tif",
        smooth(20, 40),
        photometric="rgb",
        metadata=None,
        extratags=[
            (33550, "d", 3, (0.5, 0.5, 0.0), True),
            (33922, "d", 6, (10.0, 4.0, 0.0, 500_000.0, 5_000_000.0, 0.0), True),
            (34735, "H", 8, (1, 1, 0, 1, 1025, 0, 1, 1), True),
        ],
    )
    with tifffile.TiffFile(enlarged(tmp_path / "x.tif", "tiff")) as file:
        tags = file.pages[0].tags
        assert tags[33550].value == (0.125, 0.125, 0)
        assert tags[33922].value == (40, 16, 0, 500_000, 5_000_000, 0)
        assert tags[34735].value == (1, 1, 0, 1, 1025, 0, 1, 1)


@pytest.mark.parametrize("unit", [2, 3])
def test_resolution_by_exif_alone(tmp_path, unit, exiftool):
    """WebP itself has none."""
    exif = full_exif()
    exif[0x011A], exif[0x011B], exif[0x0128] = 300.0, 300.0, unit
    photo_with_exif(tmp_path / "x.webp", exif)
    for file_format in ("jpg", "tiff", "png"):
        tags = exiftool(enlarged(tmp_path / "x.webp", file_format))
        if file_format == "png":
            per_metre = 300 / 0.0254 if unit == 2 else 30_000
            assert tags["PNG-pHYs:PixelsPerUnitX"] == pytest.approx(per_metre, abs=1)
        else:
            inches = {2: 1, 3: 2.54}[tags["IFD0:ResolutionUnit"]]
            per_inch = tags["IFD0:XResolution"] * inches
            assert per_inch == pytest.approx(300 if unit == 2 else 762)


def test_descriptions_of_arrays_go(tmp_path, caplog):
    """tifffile's would say that the result has the size of the photo."""
    tifffile.imwrite(tmp_path / "x.tif", smooth(7, 9), photometric="rgb")
    out = enlarged(tmp_path / "x.tif", "tiff")
    assert tifffile.imread(out).shape == (28, 36, 3)
    with tifffile.TiffFile(out) as file:
        assert file.pages[0].description == ""
    assert not caplog.records
    tifffile.imwrite(tmp_path / "x.tif", smooth(7, 9), imagej=True)
    enlarged(tmp_path / "x.tif", "tiff")
    assert "microscopes" in caplog.messages[0]


def test_content_credentials_hold_for_the_original_only(tmp_path, caplog):
    box = b"JP\0\1\0\0\0\1\0\0\0\x20jumb\0\0\0\x18jumdc2pa" + bytes(16)
    segment = b"\xff\xeb" + struct.pack(">H", len(box) + 2) + box
    Image.fromarray(smooth(7, 9)).save(tmp_path / "x.jpg", extra=segment)
    assert b"c2pa" not in enlarged(tmp_path / "x.jpg", "jpg").read_bytes()
    png_with_colour(tmp_path / "x.png", RAMP, caBX=box[8:])
    assert b"c2pa" not in enlarged(tmp_path / "x.png", "png").read_bytes()
    words = "left out content credentials, which hold for the original only."
    assert [message.partition(": ")[2] for message in caplog.messages] == [words] * 2


def test_unknown_segments_are_named(tmp_path, caplog):
    segment = b"\xff\xe1\x00\x0aFLIR\0\1\2\3"
    Image.fromarray(smooth(7, 9)).save(tmp_path / "x.jpg", extra=segment)
    enlarged(tmp_path / "x.jpg", "png")
    assert caplog.messages == ["x_out.png: left out the segment APP1 FLIR."]


# ---- what is damaged costs nothing but itself


def test_damaged_exif(tmp_path, caplog):
    block = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xee" * 40
    Image.fromarray(smooth(7, 9)).save(tmp_path / "x.jpg", exif=block)
    enlarged(tmp_path / "x.jpg", "png")
    assert len(caplog.records) == 1 and "damaged EXIF" in caplog.messages[0]
    caplog.clear()
    Image.fromarray(smooth(7, 9)).save(tmp_path / "x.jpg", exif=b"Exif\0\0garbage")
    enlarged(tmp_path / "x.jpg", "png")
    assert caplog.messages == ["x_out.png: left out damaged EXIF."]


def test_one_damaged_field_leaves_the_others(tmp_path, caplog):
    exif = full_exif()
    block = bytearray(exif.tobytes())
    at = block.index(b"A lens")
    del block[at:]
    photo_with_exif(tmp_path / "x.jpg", bytes(block))
    back = exif_of(enlarged(tmp_path / "x.jpg", "png"))
    assert back[ExifTags.Base.Make] == "Maker"
    assert "LensModel" in caplog.messages[0]


def ifd_of_longs(at: int, **fields: int) -> bytes:
    """An IFD with its numbers by their tags in hex, behind so many bytes of nothing."""
    entries = [struct.pack("<HHLL", int(t, 16), 4, 1, x) for t, x in fields.items()]
    return bytes(at) + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)


@pytest.mark.parametrize("place", [8, 50])
@pytest.mark.parametrize("tag", ["8769", "8825", "a005", "014a", "0190"])
@pytest.mark.parametrize("file_format", ["jpg", "tiff"])
def test_exif_that_goes_in_a_circle(
    tmp_path, file_format, tag, place, caplog, exiftool
):
    """IFDs that point to themselves or back: some readers would follow for ever."""
    first = b"II*\0\x08\0\0\0" + ifd_of_longs(0, **{"8769": 50})
    block = first + ifd_of_longs(50 - len(first), **{"8827": 200, tag: place})
    photo_with_exif(tmp_path / "x.jpg", b"Exif\0\0" + block)
    out = enlarged(tmp_path / "x.jpg", file_format)
    tags = exiftool(out)
    assert tags["ExifIFD:ISO"] == 200
    assert "ExifTool:Warning" not in tags
    assert len(caplog.records) == 1 and "damaged EXIF" in caplog.messages[0]


def test_two_pointers_to_one_place(tmp_path, exiftool):
    first = b"II*\0\x08\0\0\0" + ifd_of_longs(0, **{"8769": 50, "8825": 50})
    block = first + ifd_of_longs(50 - len(first), **{"8827": 200})
    photo_with_exif(tmp_path / "x.jpg", b"Exif\0\0" + block)
    tags = exiftool(enlarged(tmp_path / "x.jpg", "png"))
    assert tags["ExifIFD:ISO"] == 200 and not any(x.startswith("GPS") for x in tags)


def test_a_place_that_exif_has_on_its_second_page(tmp_path, exiftool):
    """Where some editors put the GPS fields."""
    first = b"II*\0\x08\0\0\0" + ifd_of_longs(0, **{"8769": 50})
    block = first + ifd_of_longs(50 - len(first), **{"8825": 100})
    block += ifd_of_longs(100 - len(block), **{"0001": ord("N")})
    photo_with_exif(
        tmp_path / "x.jpg", b"Exif\0\0" + block.replace(b"\1\0\4\0\1", b"\1\0\2\0\2")
    )
    assert exiftool(enlarged(tmp_path / "x.jpg", "png"))["GPS:GPSLatitudeRef"] == "N"


@pytest.mark.parametrize("place", [0, 2**31 + 5, 2**32 - 1])
def test_a_tiff_whose_exif_is_nowhere(tmp_path, place, caplog):
    exif = full_exif()
    del exif[ExifTags.Base.ImageWidth]
    photo_with_exif(tmp_path / "x.tif", exif)
    data = bytearray((tmp_path / "x.tif").read_bytes())
    at = data.index(struct.pack("<HHL", 0x8769, 4, 1)) + 8
    data[at : at + 4] = struct.pack("<L", place)
    (tmp_path / "x.tif").write_bytes(data)
    assert exif_of(enlarged(tmp_path / "x.tif", "png"))[0x010F] == "Maker"
    assert len(caplog.records) == 1 and "damaged EXIF" in caplog.messages[0]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("zTXt", b"Comment\0\0no zlib"),
        ("iTXt", b"Comment\0\1"),
        ("iCCP", b"name\0\0no zlib"),
        ("gAMA", b"\0"),
        ("cHRM", bytes(31)),
        ("pHYs", b"\0"),
        ("sRGB", b""),
        ("eXIf", b"no TIFF"),
        ("gAMA", bytes(4)),
        ("cHRM", bytes(32)),
    ],
)
@pytest.mark.parametrize("file_format", ["png", "jpg"])
def test_damaged_png_chunks(tmp_path, name, data, file_format, caplog):
    enlarged(png_with_colour(tmp_path / "x.png", RAMP, **{name: data}), file_format)
    if (file_format, data[:4]) != ("png", bytes(4)):
        assert len(caplog.records) == 1 and "left out" in caplog.messages[0]


def test_a_wrong_checksum_beside_the_pixels(tmp_path, caplog):
    source = png_with_colour(tmp_path / "x.png", RAMP, tEXt=b"Comment\0words")
    source.write_bytes(source.read_bytes().replace(b"words", b"wards"))
    enlarged(source, "png")
    assert caplog.messages == ["x_out.png: left out a damaged tEXt chunk."]


@pytest.mark.parametrize("kept", [3, 15, 30])
def test_an_end_that_is_missing_behind_the_pixels(tmp_path, kept, caplog):
    data = imagecodecs.png_encode(smooth(7, 9))
    end = chunk(b"tEXt", b"Comment\0words and words") + data[-12:]
    (tmp_path / "x.png").write_bytes(data[:-12] + end[:kept])
    out = enlarged(tmp_path / "x.png", "png")
    np.testing.assert_array_equal(read_photo_file(out).pixels[::4, ::4], smooth(7, 9))
    assert caplog.messages == ["x_out.png: left out what stands behind the pixels."]


def test_a_profile_of_which_a_part_is_missing(tmp_path, caplog):
    profile = b"ICC_PROFILE\0\2\3" + SRGB
    segment = b"\xff\xe2" + struct.pack(">H", len(profile) + 2) + profile
    Image.fromarray(smooth(7, 9)).save(tmp_path / "x.jpg", extra=segment)
    enlarged(tmp_path / "x.jpg", "png")
    assert caplog.messages == ["x_out.png: left out a damaged colour profile."]


def test_damaged_xmp_and_iptc(tmp_path, caplog):
    segment = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\xff\xff\x1c\x02"
    segment = b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment
    image = Image.fromarray(smooth(7, 9))
    image.save(tmp_path / "x.jpg", xmp=b"<x:xmpmeta><a></b>", extra=segment)
    enlarged(tmp_path / "x.jpg", "webp")
    (message,) = caplog.messages
    assert "damaged Photoshop resources" in message and "damaged XMP" in message


def test_impossible_resolutions(tmp_path, caplog):
    huge = struct.pack(">LLB", 2**31 - 1, 2**31 - 1, 1)
    source = png_with_colour(tmp_path / "x.png", RAMP, pHYs=huge)
    for file_format in (*FORMATS, "bmp"):
        enlarged(source, file_format)
    assert len(caplog.records) == 5 and "the resolution" in caplog.messages[0]


def spoiled(rng: np.random.Generator, data: bytes) -> bytes:
    """Some bytes of it changed, or its end missing."""
    out = bytearray(data)
    for at in rng.integers(0, len(out), rng.integers(1, 12)):
        out[at] = rng.integers(256)
    return bytes(out[: rng.integers(len(out))] if rng.random() < 0.2 else out)


@pytest.mark.parametrize("file_format", FORMATS)
def test_fuzz_metadata(tmp_path, file_format):
    """Bytes that are wrong anywhere beside the pixels cost no picture."""
    rng = np.random.default_rng(0)
    exif = with_texts(TEXTS["utf8"]).tobytes()
    resources = write_resources([Resource(0x0404, b"", b"\x1c\2\x19\0\3sea" * 9)])
    text = b"parameters\0\0" + zlib.compress(b"words " * 50)
    good = tmp_path / f"good{SUFFIXES[file_format]}"
    metadata = Metadata(Exif.read(io.BytesIO(exif[6:])), SRGB, xmp=XMP)
    write_photo_file(Photo(smooth(7, 9), metadata), good, file_format)
    pixels = read_photo_file(good).pixels
    begin_tiff(tmp_path / "start", metadata)
    start = (tmp_path / "start").stat().st_size
    for _ in range(30):
        path = tmp_path / f"x{SUFFIXES[file_format]}"
        if file_format == "tiff":  # all but the picture stands before it
            data = good.read_bytes()
            head = spoiled(rng, data[8:start]).ljust(start - 8, b"\0")
            path.write_bytes(data[:8] + head + data[start:])
        elif file_format == "png":
            chunks = {
                "eXIf": exif[6:],
                "zTXt": text,
                "iCCP": b"\0\0" + zlib.compress(SRGB),
            }
            chunks |= {"gAMA": LINEAR, "cHRM": CHUNKS["cHRM"], "pHYs": bytes(9)}
            chunks = {name: spoiled(rng, data) for name, data in chunks.items()}
            png_with_colour(path, smooth(7, 9), **chunks)
        else:
            options = {
                "exif": b"Exif\0\0" + spoiled(rng, exif[6:]),
                "icc_profile": spoiled(rng, SRGB),
                "xmp": spoiled(rng, XMP),
            }
            app13 = b"Photoshop 3.0\0" + spoiled(rng, resources)
            segment = b"\xff\xed" + struct.pack(">H", len(app13) + 2) + app13
            if file_format == "jpg":
                options["extra"] = segment
            Image.fromarray(pixels).save(path, lossless=True, quality=95, **options)
        back = read_photo_file(path)
        assert back.pixels.size == pixels.size
        for target in (*FORMATS, "bmp"):
            enlarged(path, target)
