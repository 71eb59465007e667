"""Files that are damaged beside their picture: it is read, with what can be saved."""

import io
import struct

import numpy as np
import pytest
from PIL import Image
from samples import SRGB, smooth, smooth_photo

from srgan_tf.errors import UserError
from srgan_tf.pictures.formats import read_header, read_photo_file

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


def encoded(kind, pixels, orientation=1, **options):
    exif = Image.Exif()
    exif[0x0112], exif[0x013B] = orientation, "A. Nobody"
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, exif=exif, **options)
    return file.getvalue()


def with_size(data, at, size):
    return data[:at] + struct.pack("<L", size) + data[at + 4 :]


def riff(data, size):
    return with_size(data, 4, size)


def exif_chunk(data, size):
    return with_size(data, data.index(b"EXIF") + 4, size)


def pixels_chunk(data):
    return next(data.index(name) for name in (b"VP8 ", b"VP8L") if name in data)


# What was done to a WebP file, and whether its EXIF can be saved.
WEBP_DAMAGE = {
    "no size": (lambda data: riff(data, 0), True),
    "size too large": (lambda data: riff(data, len(data) + 1000), True),
    "largest size": (lambda data: riff(data, 2**32 - 1), True),
    "size too small": (lambda data: riff(data, len(data) - 18), True),
    "junk inside": (lambda data: riff(data + bytes(99), len(data) + 91), True),
    "EXIF too long": (lambda data: exif_chunk(data, 99_999), False),
    "EXIF much too long": (lambda data: exif_chunk(data, 2**32 - 1), False),
    "EXIF too short": (lambda data: exif_chunk(data, 5), False),
    "cut in EXIF": (lambda data: data[: data.index(b"EXIF") + 20], False),
    "no extended header": (lambda data: data[:12] + data[30:], True),
    "canvas of another size": (
        lambda data: data[:24] + b"\x63\0\0\x63\0\0" + data[30:],
        True,
    ),
}


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("damage", WEBP_DAMAGE)
def test_webp(damage, lossless, channels, caplog):
    pixels = smooth(24, 40, channels)
    data = encoded(
        "WEBP", pixels, lossless=lossless, xmp=XMP, icc_profile=SRGB, orientation=6
    )
    sound = read_photo_file(io.BytesIO(data))
    function, exif_is_saved = WEBP_DAMAGE[damage]
    broken = function(data)
    photo = read_photo_file(io.BytesIO(broken))
    upright = sound.pixels if exif_is_saved else np.rot90(sound.pixels)
    assert np.array_equal(photo.pixels, upright)
    assert photo.metadata.icc == SRGB
    assert bool(photo.metadata.exif) == exif_is_saved
    assert (photo.metadata.xmp == XMP) or not exif_is_saved
    assert "is damaged beside its picture, which is whole" in caplog.text
    assert read_header(io.BytesIO(broken))[:3] == ("webp", 40, 24)


def test_webp_of_which_pixels_are_missing_is_not_mended():
    data = encoded("WEBP", smooth_photo(1))
    for end in (20, 60, len(data) // 2):
        with pytest.raises(UserError, match="cannot be read"):
            read_photo_file(io.BytesIO(data[:end]))


def test_webp_animations_are_not_mended():
    first, second = (Image.fromarray(smooth_photo(i)) for i in (1, 2))
    file = io.BytesIO()
    first.save(file, "WEBP", save_all=True, append_images=[second])
    with pytest.raises(UserError, match="cannot be read"):
        read_photo_file(io.BytesIO(riff(file.getvalue(), 0)))


def test_jpeg_with_any_wrong_length_of_a_segment():
    """Of EXIF with a thumbnail, which is a picture, too, but not the photo."""
    pixels = smooth_photo(1, 24, 40)
    thumbnail = encoded("JPEG", pixels[:8, :10], quality=95)
    segment = b"Exif\0\0" + _exif_with(thumbnail)
    plain = io.BytesIO()
    Image.fromarray(pixels).save(plain, "JPEG", quality=95)
    plain = plain.getvalue()
    expected = np.asarray(Image.open(io.BytesIO(plain)))
    length, rest = 2 + len(segment), segment + plain[2:]
    for wrong in (*range(0, length, 3), *range(length, length + 900, 3), 65_535):
        if 2 < wrong < length and rest[wrong - 2] == 0xFF:
            continue  # at a marker of the thumbnail: nothing tells that it is wrong
        head = struct.pack(">BBBBH", 0xFF, 0xD8, 0xFF, 0xE1, wrong)
        photo = read_photo_file(io.BytesIO(head + rest))
        turned = photo.metadata.orientation == 6
        assert np.array_equal(np.rot90(photo.pixels, turned), expected), wrong


@pytest.mark.parametrize("stunted", [b"\xff\xe0\0\7JFIF\0", b"\xff\xee\0\7Adobe"])
def test_jpeg_with_a_header_that_is_too_short(stunted, caplog):
    data = encoded("JPEG", smooth(24, 40))
    plain = read_photo_file(io.BytesIO(data)).pixels
    start = data.index(b"\xff\xe1")
    photo = read_photo_file(io.BytesIO(data[:2] + stunted + data[start:]))
    assert np.array_equal(photo.pixels, plain)
    assert photo.metadata.exif
    assert "is damaged beside its picture" in caplog.text


def _exif_with(thumbnail):
    exif = encoded("JPEG", smooth(8, 8), orientation=6)
    exif = exif[exif.index(b"Exif\0\0") + 6 :]
    return exif[: exif.index(b"\xff\xdb")] + thumbnail
