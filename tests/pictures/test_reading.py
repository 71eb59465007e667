"""Files of every kind that people have, made by the libraries that others use."""

import io
import logging
import struct
from concurrent.futures import ThreadPoolExecutor

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms
from samples import SRGB, exif_of, full_exif, smooth, smooth_photo, values

from srgan_tf.errors import UserError
from srgan_tf.options import MAX_MEGAPIXELS
from srgan_tf.pictures import kinds
from srgan_tf.pictures.formats import photo_of, read_header, read_photo_file

NOT_HERE = "NOT TESTED: {} is not installed"


def heif():
    return pytest.importorskip("pillow_heif", reason=NOT_HERE.format("pillow-heif"))


def jxl():
    pytest.importorskip("pillow_jxl", reason=NOT_HERE.format("pillow-jxl-plugin"))


def apart(a, b):
    return np.abs(a.astype(int) - b).max()


# ---- kinds of files


@pytest.mark.parametrize(
    ("name", "pillow", "options", "kind", "most"),
    [
        ("x.jfif", "JPEG", {"quality": 100, "subsampling": 0}, "jpg", 4),
        ("x.JPE", "JPEG", {"quality": 100, "subsampling": 0}, "jpg", 4),
        ("x.jp2", "JPEG2000", {}, "jp2", 0),
        ("x.j2k", "JPEG2000", {}, "jp2", 0),
        ("x.ppm", "PPM", {}, "ppm", 0),
        ("x.qoi", "QOI", {}, "qoi", 0),
        ("x.tga", "TGA", {}, "tga", 0),
        ("x.avif", "AVIF", {"quality": 100, "subsampling": "4:4:4"}, "avif", 3),
    ],
)
def test_kinds_that_pillow_reads(tmp_path, name, pillow, options, kind, most):
    pixels = smooth_photo(1)
    Image.fromarray(pixels).save(tmp_path / name, pillow, **options)
    assert (tmp_path / name).suffix.lower() in kinds.PHOTO_SUFFIXES
    assert read_header(tmp_path / name) == (kind, 80, 64, False, False)
    assert apart(read_photo_file(tmp_path / name).pixels, pixels) <= most


def test_content_and_not_the_name_says_what_a_file_is(tmp_path):
    Image.fromarray(smooth_photo(1)).save(tmp_path / "x.png", "JPEG")
    assert read_header(tmp_path / "x.png").kind == "jpg"


@pytest.mark.parametrize("content", ["path", "bytes"])
def test_heic(tmp_path, content):
    pixels = smooth_photo(1)
    exif = full_exif(6)
    heif().from_pillow(Image.fromarray(pixels)).save(
        tmp_path / "x.heic", quality=-1, chroma=444, exif=exif.tobytes()
    )
    file = tmp_path / "x.heic"
    if content == "bytes":
        file = io.BytesIO(file.read_bytes())
    photo = read_photo_file(file)
    assert apart(photo.pixels, np.rot90(pixels, -1)) <= 3
    assert exif_of(photo).get(ExifTags.Base.Orientation) == 1
    assert exif_of(photo)[ExifTags.Base.Make] == "Maker"


def test_heic_with_several_photos_gives_the_main_one(tmp_path, caplog):
    file = heif().from_pillow(Image.fromarray(smooth_photo(1)))
    file.add_from_pillow(Image.fromarray(smooth_photo(2)))
    file.save(tmp_path / "x.heic", quality=-1, chroma=444, primary_index=1)
    pixels = read_photo_file(tmp_path / "x.heic").pixels
    assert apart(pixels, smooth_photo(2)) <= 3
    assert "has 2 photos, of which the main one is upscaled" in caplog.text


def test_jpeg_xl_is_upright_by_its_own_word(tmp_path):
    """EXIF's orientation is for those who read EXIF alone (ISO/IEC 18181-2)."""
    jxl()
    pixels = smooth_photo(1)
    options = {"lossless": True, "exif": full_exif(6).tobytes(), "icc_profile": SRGB}
    Image.fromarray(pixels).save(tmp_path / "x.jxl", xmp=b"<x:xmpmeta/>", **options)
    photo = read_photo_file(tmp_path / "x.jxl")
    np.testing.assert_array_equal(photo.pixels, pixels)
    assert exif_of(photo).get(ExifTags.Base.Orientation) == 1
    assert photo.metadata.icc and photo.metadata.xmp == b"<x:xmpmeta/>"


def test_gif_gives_its_first_frame_and_says_so(tmp_path, caplog):
    frames = [Image.fromarray(smooth(9, 8, 1)[..., 0] // k) for k in (1, 2, 3)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    pixels = read_photo_file(tmp_path / "x.gif").pixels
    np.testing.assert_array_equal(pixels[..., :1], smooth(9, 8, 1))
    assert "x.gif has 3 frames, of which the first is upscaled" in caplog.text


def test_jpeg_xl_gives_its_first_frame_and_says_so(tmp_path, caplog):
    pytest.importorskip("pillow_jxl", reason="NOT TESTED: pillow_jxl is not installed")
    frames = np.stack([smooth(9, 8), smooth(9, 8) // 2])
    data = imagecodecs.jpegxl_encode(frames, lossless=True)
    (tmp_path / "x.jxl").write_bytes(data)
    pixels = read_photo_file(tmp_path / "x.jxl").pixels
    np.testing.assert_array_equal(pixels, frames[0])
    assert "x.jxl has 2 frames, of which the first is upscaled" in caplog.text


def test_gif_transparency(tmp_path):
    image = Image.fromarray(smooth(8, 8)).quantize(16)
    image.save(tmp_path / "x.gif", transparency=3)
    assert read_header(tmp_path / "x.gif").alpha
    back = read_photo_file(tmp_path / "x.gif").pixels
    assert back.shape == (8, 8, 4) and set(np.unique(back[..., 3])) == {0, 255}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_avif(tmp_path, orientation):
    pixels = smooth_photo(1)
    options = {"quality": 100, "subsampling": "4:4:4"}
    for name in ("x.avif", "x.jpg"):
        exif = full_exif(orientation)
        Image.fromarray(pixels).save(tmp_path / name, exif=exif, **options)
    expected = read_photo_file(tmp_path / "x.jpg").pixels
    assert apart(read_photo_file(tmp_path / "x.avif").pixels, expected) < 16


def test_profile_of_jpeg_2000(tmp_path):
    data = imagecodecs.jpeg2k_encode(smooth_photo(1), level=0, codecformat="jp2")
    colour = data.index(b"colr") - 4
    (size,) = struct.unpack_from(">I", data, colour)
    box = struct.pack(">I4s3B", 11 + len(SRGB), b"colr", 2, 0, 0) + SRGB
    header = data.index(b"jp2h") - 4
    (length,) = struct.unpack_from(">I", data, header)
    data = (
        data[:header]
        + struct.pack(">I", length + len(box) - size)
        + data[header + 4 : colour]
        + box
        + data[colour + size :]
    )
    (tmp_path / "x.jp2").write_bytes(data)
    photo = read_photo_file(tmp_path / "x.jp2")
    np.testing.assert_array_equal(photo.pixels, smooth_photo(1))
    assert photo.metadata.icc == SRGB


# ---- more than 8 bits


def deep_files():
    deep = values(12, 14, 3, dtype=np.uint16)
    for bits in (10, 12):
        pixels = deep >> (16 - bits)
        data = imagecodecs.avif_encode(pixels, level=100, bitspersample=bits)
        yield pytest.param(f"{bits}.avif", data, bits, None, id=f"avif {bits}")
    for bits, name in ((12, "x.jp2"), (16, "x.jp2"), (16, "x.j2k")):
        pixels = deep >> (16 - bits)
        data = imagecodecs.jpeg2k_encode(
            pixels, level=0, reversible=True, codecformat=name[2:], bitspersample=bits
        )
        yield pytest.param(name, data, bits, pixels, id=f"{name[2:]} {bits}")
    for magic, shape in ((b"P5", (12, 14, 1)), (b"P6", (12, 14, 3))):
        pixels = deep[..., : shape[-1]] >> 4
        data = (
            magic
            + b" # 12 bits\n14\n# rows\n12 4095\n"
            + pixels.astype(">u2").tobytes()
        )
        yield pytest.param("x.ppm", data, 12, pixels, id=magic.decode())
    text = b"P2\n14 12\n65535\n" + b" ".join(b"%d" % x for x in deep[..., 0].ravel())
    yield pytest.param("x.pgm", text, 16, deep[..., :1], id="P2")


@pytest.mark.parametrize(("name", "data", "bits", "pixels"), deep_files())
def test_more_than_8_bits_become_16(tmp_path, name, data, bits, pixels):
    (tmp_path / name).write_bytes(data)
    assert read_header(tmp_path / name).deep
    back = read_photo_file(tmp_path / name).pixels
    assert back.dtype == np.uint16
    if pixels is not None:  # AVIF's colours are not those that were given, by a little
        expected = np.round(pixels * (65535 / (2**bits - 1)))
        np.testing.assert_array_equal(back, expected)
    else:
        assert back.max() > 60_000 and len(np.unique(back)) > 256


def test_16_bits_of_jpeg_xl(tmp_path):
    jxl()
    for channels in (1, 2, 3, 4):
        pixels = values(7, 9, channels, dtype=np.uint16)
        data = imagecodecs.jpegxl_encode(pixels.squeeze(), lossless=True)
        (tmp_path / "x.jxl").write_bytes(data)
        np.testing.assert_array_equal(
            read_photo_file(tmp_path / "x.jxl").pixels, pixels
        )


@pytest.mark.parametrize("bits", [4, 9, 10, 12, 14])
@pytest.mark.parametrize("frames", [1, 2])
def test_any_number_of_bits_of_jpeg_xl_has_the_same_white(tmp_path, bits, frames):
    jxl()
    dtype = np.uint8 if bits < 8 else np.uint16
    pixels = np.linspace(0, 2**bits - 1, 48).reshape(4, 4, 3).astype(dtype)
    data = imagecodecs.jpegxl_encode(
        np.stack([pixels] * frames).squeeze(), bitspersample=bits, lossless=True
    )
    (tmp_path / "x.jxl").write_bytes(data)
    assert read_header(tmp_path / "x.jxl").deep is (bits > 8)
    back = read_photo_file(tmp_path / "x.jxl").pixels
    assert back.dtype == dtype
    expected = np.round(pixels * (np.iinfo(dtype).max / (2**bits - 1)))
    np.testing.assert_array_equal(back, expected)


def test_floats_of_jpeg_xl_are_known_by_the_header(tmp_path):
    jxl()
    data = imagecodecs.jpegxl_encode(np.zeros((4, 5), np.float32))
    (tmp_path / "x.jxl").write_bytes(data)
    with pytest.raises(UserError, match="holds floats; 8 and 16 bit are supported"):
        read_header(tmp_path / "x.jxl")


@pytest.mark.parametrize("compression", ["webp", "zstd", "lerc", "lzma", "jpegxl"])
@pytest.mark.parametrize("channels", [1, 3])
def test_tiff_of_newer_compressions(tmp_path, compression, channels, capfd):
    pixels = values(7, 9, channels)
    if compression == "webp" and channels == 1:
        pytest.skip("holds colours only")
    options = {"compressionargs": {"lossless": True}}
    tifffile.imwrite(
        tmp_path / "x.tif",
        pixels.squeeze(),
        photometric="rgb" if channels == 3 else "minisblack",
        compression=compression,
        **(options if compression in ("webp", "jpegxl") else {}),
    )
    back = read_photo_file(tmp_path / "x.tif").pixels
    np.testing.assert_array_equal(back, pixels)
    assert capfd.readouterr() == ("", "")


def test_10_bits_of_heic(tmp_path):
    white = np.full((64, 48, 3), 65535, np.uint16)
    file = heif().from_bytes(mode="RGB;16", size=(48, 64), data=white.tobytes())
    file.save(tmp_path / "x.heic", quality=-1)
    back = read_photo_file(tmp_path / "x.heic").pixels
    assert back.shape == (64, 48, 3) and back.dtype == np.uint16
    assert back.min() > 65_000  # white is white


# ---- what is not the photo


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize(
    "extra",
    [
        ("unspecified",),
        ("unspecified", "unspecified"),
        ("unspecified", "unassalpha"),
        ("unassalpha", "unspecified"),
    ],
)
def test_only_alpha_of_a_tiff_is_transparency(
    tmp_path, caplog, dtype, planar, colours, extra
):
    pixels = values(6, 7, colours + len(extra), dtype=dtype)
    tifffile.imwrite(
        tmp_path / "x.tif",
        pixels if planar == "contig" else np.moveaxis(pixels, -1, 0),
        photometric="rgb" if colours == 3 else "minisblack",
        planarconfig=planar,
        extrasamples=extra,
    )
    kept = [*range(colours)]
    kept += [colours + i for i, kind in enumerate(extra) if kind == "unassalpha"]
    back = read_photo_file(tmp_path / "x.tif").pixels
    np.testing.assert_array_equal(back, pixels[..., kept])
    assert read_header(tmp_path / "x.tif").alpha == (len(kept) > colours)
    assert "upscaled without its channels that are neither" in caplog.text


def test_channels_that_a_tiff_does_not_explain_are_no_transparency(tmp_path):
    pixels = values(6, 7, 4)
    tifffile.imwrite(tmp_path / "x.tif", pixels, photometric="rgb")
    data = (tmp_path / "x.tif").read_bytes()
    with tifffile.TiffFile(tmp_path / "x.tif") as file:
        entry = file.pages[0].tags["ExtraSamples"].offset
    data = data[:entry] + struct.pack("<H", 65000) + data[entry + 2 :]
    (tmp_path / "x.tif").write_bytes(data)
    back = read_photo_file(tmp_path / "x.tif").pixels
    np.testing.assert_array_equal(back, pixels[..., :3])


def reduced_copies(path, *, marked, order=1):
    """A TIFF with two smaller versions of its photo, as its further pages."""
    photo = Image.fromarray(smooth_photo(1, 128, 160))
    pages = [photo, *(photo.resize((160 // k, 128 // k)) for k in (2, 4))][::order]
    with tifffile.TiffWriter(path) as tiff:
        for page in pages:
            small = marked and page is not photo
            tiff.write(
                np.asarray(page), photometric="rgb", subfiletype=1 if small else 0
            )
    return np.asarray(photo)


@pytest.mark.parametrize(("marked", "order"), [(True, 1), (True, -1), (False, 1)])
def test_reduced_copies_behind_the_photo_are_passed_over(tmp_path, marked, order):
    pixels = reduced_copies(tmp_path / "x.tif", marked=marked, order=order)
    assert read_header(tmp_path / "x.tif")[:3] == ("tiff", 160, 128)
    np.testing.assert_array_equal(read_photo_file(tmp_path / "x.tif").pixels, pixels)


def test_other_pages_are_not_passed_over(tmp_path):
    pages = [Image.fromarray(smooth_photo(i, 64 // i, 80 // i)) for i in (1, 2)]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(UserError, match="2 frames or pages"):
        read_header(tmp_path / "x.tif")


def dng(path, *, version=True):
    """The structure of a digital negative: a small picture, and the sensor's values."""
    dng_version = [(50706, "B", 4, (1, 4, 0, 0), True)] if version else []
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(
            smooth_photo(1),
            photometric="rgb",
            subfiletype=1,
            subifds=1,
            extratags=dng_version,
        )
        tiff.write(values(256, 320, dtype=np.uint16), photometric=32803)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.dng", None),
        ("x.tif", None),
        ("x.cr3", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom"),
        ("x.jpg", b"FUJIFILMCCD-RAW 0201FF129502X-T3"),
        ("x.raw", b"whatever a camera writes"),
    ],
)
def test_camera_raw_is_not_read_for_its_thumbnail(tmp_path, name, data):
    if data is None:
        dng(tmp_path / name, version=name.endswith("dng"))
    else:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match="is a camera raw file: convert it to TIFF"):
        read_photo_file(tmp_path / name)


def test_any_number_of_megapixels_that_is_asked_for(tmp_path):
    Image.new("1", (20_000, 10_000)).save(tmp_path / "200.png")
    assert MAX_MEGAPIXELS >= 200
    assert read_header(tmp_path / "200.png")[1:3] == (20_000, 10_000)
    with pytest.raises(UserError, match=r"has 200 megapixels \(20000x10000\), more th"):
        read_header(tmp_path / "200.png", max_megapixels=199)
    limit = Image.MAX_IMAGE_PIXELS
    assert read_photo_file(tmp_path / "200.png").pixels.shape == (10_000, 20_000, 1)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_pillow_and_tifffile_are_left_as_they_were_by_threads(tmp_path):
    save = Image.fromarray(smooth_photo(1)).save
    for i in range(40):
        save(tmp_path / f"{i}.{'tif' if i % 2 else 'png'}")
    before = Image.MAX_IMAGE_PIXELS, logging.getLogger("tifffile").level
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(read_photo_file, tmp_path.iterdir()))) == 40
    assert before == (Image.MAX_IMAGE_PIXELS, logging.getLogger("tifffile").level)


def test_jpeg_xl_is_not_decoded_to_learn_its_size(tmp_path):
    jxl()
    for size in [(5, 7), (64, 48), (256, 256), (1920, 1080), (9, 70_000)]:
        pixels = np.zeros((size[1], size[0]), np.uint8)
        for container in (False, True):
            data = imagecodecs.jpegxl_encode(pixels, usecontainer=container)
            (tmp_path / "x.jxl").write_bytes(data)
            with pytest.raises(UserError, match=f"{size[0]}x{size[1]}"):
                read_header(tmp_path / "x.jxl", max_megapixels=1e-6)


# ---- what lacks something


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 0}],
)
def test_a_jpeg_without_its_last_bytes_is_read(tmp_path, caplog, missing, options):
    path = tmp_path / "x.jpg"
    Image.fromarray(smooth_photo(1)).save(path, exif=full_exif(6), **options)
    whole = read_photo_file(path)
    path.write_bytes(path.read_bytes()[:-missing])
    photo = read_photo_file(path)
    np.testing.assert_array_equal(photo.pixels, whole.pixels)
    assert exif_of(photo)[ExifTags.Base.Make] == "Maker"
    assert "x.jpg lacks its last bytes; the picture is whole" in caplog.text


@pytest.mark.parametrize("missing", [12, 100, 700])
@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"restart_marker_rows": 1}]
)
def test_a_jpeg_without_more_is_not(tmp_path, missing, options):
    path = tmp_path / "x.jpg"
    Image.fromarray(values(64, 80, 3)).save(path, **options)
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(UserError, match="cannot be read: "):
        read_photo_file(path)


def test_tiff_whose_pages_go_in_a_circle(tmp_path):
    """The first is followed by the second, and that by the first again."""
    path = tmp_path / "x.tif"
    pixels = smooth_photo(1)
    with tifffile.TiffWriter(path) as file:
        file.write(pixels, photometric="rgb", metadata=None)
        file.write(pixels[::2, ::2], photometric="rgb", metadata=None, subfiletype=1)
    with tifffile.TiffFile(path) as file:
        first, second = (page.offset for page in file.pages)
    data = bytearray(path.read_bytes())
    (count,) = struct.unpack_from("<H", data, second)
    struct.pack_into("<L", data, second + 2 + 12 * count, first)
    path.write_bytes(data)
    assert np.array_equal(read_photo_file(path).pixels, pixels)


@pytest.mark.parametrize("damage", ["missing strips", "many channels"])
def test_damaged_tiff_is_one_line_of_ours(tmp_path, caplog, damage):
    """Neither tifffile nor Pillow add theirs."""
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, values(64, 80, 3, dtype=np.uint16), photometric="rgb")
    data = path.read_bytes()[:-5000]
    if damage == "many channels":
        with tifffile.TiffFile(path) as file:
            value = file.pages[0].tags["SamplesPerPixel"].valueoffset
        data = data[:value] + struct.pack("<H", 2048) + data[value + 2 :]
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"cannot be read: \w|is no PNG") as caught:
        read_photo_file(path)
    assert "\n" not in str(caught.value)
    assert not caplog.records


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
        (b"\xff\x0a\x00\x10", "jxl"),
    ],
)
def test_what_to_install_for_a_file(tmp_path, monkeypatch, content, kind):
    extra = kinds.KINDS[kind].extra
    for name in kinds.KINDS[kind].pillow:
        monkeypatch.delitem(Image.OPEN, name, raising=False)
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match=rf"needs pip install 'srgan_tf\[{extra}\]'"):
        read_photo_file(tmp_path / "x")
    assert extra in kinds.why_no_photo(kinds.KINDS[kind].suffixes[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"%PDF-1.7", "is no PNG, JPEG, WebP, TIFF, BMP, .* picture")],
)
def test_no_picture(tmp_path, content, message):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_photo_file(tmp_path / "x.png")


# ---- Pillow's pictures


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("kind", ["jpeg", "tiff", "png", "webp"])
def test_pillow_pictures_are_seen_upright(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(smooth_photo(1)).save(
        tmp_path / f"x.{kind}", exif=exif, icc_profile=SRGB
    )
    expected = read_photo_file(tmp_path / f"x.{kind}").pixels
    with Image.open(tmp_path / f"x.{kind}") as image:
        photo = photo_of(image)
    np.testing.assert_array_equal(photo.pixels, expected)
    assert photo.metadata.icc == SRGB


def test_lab_colours_become_srgb():
    lab = ImageCms.profileToProfile(
        Image.fromarray(smooth_photo(1)),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    photo = photo_of(lab)
    assert np.abs(photo.pixels.astype(int) - smooth_photo(1)).mean() < 2
    assert photo.metadata.icc and photo.metadata.icc[16:20] == b"RGB "


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_tiff_of_9_to_15_bits_has_the_white_of_16(tmp_path, bits):
    """Packed, as scanners and cameras write them; taken for 16 bits they are black."""
    path, white = tmp_path / "x.tif", 2**bits - 1
    pixels = values(12, 16, 3, dtype=np.uint16) >> (16 - bits)
    pixels[0, 0] = white
    tifffile.imwrite(path, pixels, bitspersample=bits, photometric="rgb")
    assert read_header(path).deep
    found = read_photo_file(path).pixels
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, np.round(pixels * (65535 / white)))
