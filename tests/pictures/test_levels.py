"""What white is in files of 10, 12, 14, 16 bits and of floats."""

import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from srgan_tf.errors import UserError
from srgan_tf.pictures.levels import read_8bit

LEVELS = np.arange(0, 256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
RGB = {"photometric": "rgb", "metadata": None}
GRAY = {"photometric": "minisblack", "metadata": None}


def deep(bits: int) -> np.ndarray:
    """The levels as whole numbers of that many bits, not scaled to 16."""
    return np.round(LEVELS * ((2**bits - 1) / 255)).astype(np.uint16)


def with_sbit(png: bytes, bits: int) -> bytes:
    body = b"sBIT" + bytes([bits] * 3)
    chunk = struct.pack(">I", 3) + body + struct.pack(">I", zlib.crc32(body))
    return png[:33] + chunk + png[33:]


@pytest.mark.parametrize("tag", [281, 341])
@pytest.mark.parametrize("bits", [10, 12, 14])
def test_tiff_says_its_largest_value(tmp_path, bits, tag):
    most = (tag, 3, 3, (2**bits - 1,) * 3, True)
    tifffile.imwrite(tmp_path / "x.tif", deep(bits), extratags=[most], **RGB)
    np.testing.assert_array_equal(read_8bit(tmp_path / "x.tif"), LEVELS)


def test_the_largest_value_there_is_stands_for_the_largest_possible(tmp_path):
    values = deep(12) // 2
    most = (281, 3, 3, (int(values.max()) + 900,) * 3, True)
    tifffile.imwrite(tmp_path / "x.tif", values, extratags=[most], **RGB)
    np.testing.assert_allclose(read_8bit(tmp_path / "x.tif"), LEVELS / 2, atol=0.6)


def test_a_value_above_the_largest_is_refused(tmp_path):
    most = (281, 3, 3, (1023,) * 3, True)
    tifffile.imwrite(tmp_path / "x.tif", deep(12), extratags=[most], **RGB)
    with pytest.raises(UserError, match="says that white is 1023 but holds 4095"):
        read_8bit(tmp_path / "x.tif")


def test_tiff_packs_12_bits(tmp_path):
    gray = deep(12)[..., 0]
    tifffile.imwrite(tmp_path / "x.tif", gray, bitspersample=12, **GRAY)
    np.testing.assert_array_equal(read_8bit(tmp_path / "x.tif"), LEVELS[..., :1])


def test_white_may_be_zero(tmp_path):
    most = (281, 3, 1, 4095, True)
    options = {"photometric": "miniswhite", "metadata": None, "extratags": [most]}
    tifffile.imwrite(tmp_path / "x.tif", deep(12)[..., 0], **options)
    np.testing.assert_array_equal(read_8bit(tmp_path / "x.tif"), 255 - LEVELS[..., :1])


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_png_says_its_bits_and_is_not_scaled(tmp_path, bits):
    png = imagecodecs.png_encode(deep(bits))
    (tmp_path / "x.png").write_bytes(with_sbit(png, bits))
    np.testing.assert_array_equal(read_8bit(tmp_path / "x.png"), LEVELS)


@pytest.mark.parametrize("part", [1, 32])
def test_png_says_its_bits_and_is_scaled_even_where_it_is_dark(tmp_path, part):
    values = (deep(12) // part) << 4
    (tmp_path / "x.png").write_bytes(with_sbit(imagecodecs.png_encode(values), 12))
    np.testing.assert_allclose(read_8bit(tmp_path / "x.png"), LEVELS / part, atol=1)


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_few_bits_that_nothing_tells_are_refused(tmp_path, suffix, bits):
    path = tmp_path / f"x.{suffix}"
    if suffix == "png":
        path.write_bytes(imagecodecs.png_encode(deep(bits)))
    else:
        tifffile.imwrite(path, deep(bits), **RGB)
    with pytest.raises(UserError, match=f"16-bit values of at most {2**bits - 1}, as"):
        read_8bit(path)


def test_16_bits_are_scaled(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", deep(16), **RGB)
    (tmp_path / "x.png").write_bytes(imagecodecs.png_encode(deep(16)))
    for name in ("x.tif", "x.png"):
        np.testing.assert_array_equal(read_8bit(tmp_path / name), LEVELS)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_in_0_to_1(tmp_path, dtype):
    path = tmp_path / "x.tif"
    for values, options in ((LEVELS / 255, RGB), (LEVELS[..., 0] / 255, GRAY)):
        tifffile.imwrite(path, values.astype(dtype), **options)
        eight = read_8bit(path)
        np.testing.assert_array_equal(eight, LEVELS[..., : eight.shape[-1]])
    # What a sharp filter leaves beyond is clipped.
    beyond = 1.1 * LEVELS / 255 - 0.05
    tifffile.imwrite(path, beyond.astype(dtype), **RGB)
    np.testing.assert_allclose(read_8bit(path), np.clip(255 * beyond, 0, 255), atol=0.7)


def test_floats_say_what_white_is(tmp_path):
    most = (341, 11, 3, (255.0,) * 3, True)
    values = LEVELS.astype(np.float32)
    tifffile.imwrite(tmp_path / "x.tif", values, extratags=[most], **RGB)
    np.testing.assert_array_equal(read_8bit(tmp_path / "x.tif"), LEVELS)


@pytest.mark.parametrize("value", [255.0, -1.0, float("nan"), float("inf")])
def test_floats_beyond_0_to_1_are_refused(tmp_path, value):
    values = (LEVELS / 255).astype(np.float32)
    values[3, 3] = value
    tifffile.imwrite(tmp_path / "x.tif", values, **RGB)
    with pytest.raises(UserError, match=r"holds floats in .* and white is 1; scale"):
        read_8bit(tmp_path / "x.tif")


def test_floats_are_turned_upright(tmp_path):
    turned = (274, 3, 1, 6, True)
    values = np.rot90(LEVELS / 255).astype(np.float32)
    tifffile.imwrite(tmp_path / "x.tif", values, extratags=[turned], **RGB)
    np.testing.assert_array_equal(read_8bit(tmp_path / "x.tif"), LEVELS)


def test_a_portable_float_map(tmp_path):
    Image.fromarray((LEVELS[..., 0] / 255).astype(np.float32)).save(tmp_path / "x.pfm")
    np.testing.assert_array_equal(read_8bit(tmp_path / "x.pfm"), LEVELS[..., :1])


def test_8_bits_stay_and_transparency_goes(tmp_path):
    alpha = np.full((16, 16, 1), 7, np.uint8)
    for name, colours in (("rgba", LEVELS), ("la", LEVELS[..., :1])):
        path = Path(tmp_path, f"{name}.png")
        Image.fromarray(np.concatenate([colours, alpha], axis=-1)).save(path)
        np.testing.assert_array_equal(read_8bit(path), colours)


def test_damaged_floats_are_refused(tmp_path):
    tifffile.imwrite(
        tmp_path / "x.tif", (LEVELS / 255).astype(np.float32), compression="zlib", **RGB
    )
    whole = (tmp_path / "x.tif").read_bytes()
    (tmp_path / "x.tif").write_bytes(whole[:200])
    with pytest.raises(UserError, match="cannot be read"):
        read_8bit(tmp_path / "x.tif")
