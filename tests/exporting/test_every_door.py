"""The same file gives the same pixels, whichever way it goes in."""

import io

import numpy as np
import pytest
import skimage.data
import tensorflow as tf
from PIL import Image
from samples import full_exif, levels_apart, trained_like, values

from srgan_tf.exporting.export import export
from srgan_tf.inference.exported import ExportedModel
from srgan_tf.inference.loading import load_model
from srgan_tf.inference.upscale import upscale
from srgan_tf.pictures.formats import read_photo_file

PHOTO = Image.fromarray(skimage.data.astronaut()[60:101, 200:257])
GRAY16 = Image.fromarray(values(9, 14, dtype=np.uint16))


def encoded(picture, file_format, **options):
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


FILES = {
    "png": encoded(PHOTO, "PNG"),
    "gray": encoded(PHOTO.convert("L"), "PNG"),
    "bits": encoded(PHOTO.convert("1"), "PNG"),
    "palette": encoded(PHOTO.quantize(32), "PNG"),
    "gray16": encoded(GRAY16, "PNG"),
    "jpeg": encoded(PHOTO, "JPEG", quality=80),
    "jpeg444": encoded(PHOTO, "JPEG", quality=95, subsampling=0),
    "progressive": encoded(PHOTO, "JPEG", progressive=True),
    "gray jpeg": encoded(PHOTO.convert("L"), "JPEG"),
    **{
        f"{kind} turned {i}": encoded(PHOTO, kind, exif=full_exif(i))
        for i in (1, 2, 3, 4, 5, 6, 7, 8)
        for kind in ("JPEG", "PNG")
    },
}


@pytest.fixture(scope="module")
def generator():
    return trained_like(filters=8)


@pytest.fixture(scope="module")
def model(generator):
    return load_model(generator, precision="float32")  # as exports are


@pytest.fixture(scope="module")
def exports(generator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    formats = {"saved": "saved_model", "m.onnx": "onnx", "m.tflite": "litert"}
    for name, file_format in formats.items():
        export(generator, folder / name, file_format=file_format)
    return {name: folder / name for name in formats}


@pytest.fixture(scope="module")
def serving_bytes(exports):
    loaded = tf.saved_model.load(exports["saved"])
    serve = loaded.signatures["serving_bytes"]

    def pixels(content):
        (png,) = serve(image_bytes=tf.constant([content]))["sr_bytes"].numpy()
        return read_photo_file(io.BytesIO(png)).pixels

    yield pixels


@pytest.mark.parametrize("kind", FILES)
def test_files_arrays_and_bytes(model, serving_bytes, tmp_path, kind):
    path = tmp_path / "photo"
    path.write_bytes(FILES[kind])
    expected = upscale(path, model)
    for file in (FILES[kind], path.open("rb")):
        np.testing.assert_array_equal(upscale(file, model), expected)
    pixels = read_photo_file(path).pixels
    np.testing.assert_array_equal(upscale(pixels, model), expected)
    served = serving_bytes(FILES[kind])
    assert (served.shape, served.dtype) == (expected.shape, expected.dtype)
    assert levels_apart(served, expected).max() <= (3 if kind == "gray16" else 1)


@pytest.mark.parametrize("kind", [x for x in FILES if x != "gray16"])
def test_every_export(model, exports, kind):
    expected = upscale(FILES[kind], model)
    for path in exports.values():
        opened = ExportedModel(path)
        assert levels_apart(upscale(FILES[kind], opened), expected).max() <= 1


def test_what_is_transparent_becomes_opaque(model, serving_bytes):
    pixels = values(7, 9, 4)
    pixels[..., 3] = 200  # nothing is invisible
    content = encoded(Image.fromarray(pixels), "PNG")
    assert (
        levels_apart(serving_bytes(content), upscale(pixels, model)[..., :3]).max() <= 1
    )


def test_cmyk_is_near(model, serving_bytes):
    content = encoded(PHOTO.convert("CMYK"), "JPEG", quality=95)
    assert np.mean(levels_apart(serving_bytes(content), upscale(content, model))) < 1


@pytest.mark.parametrize("size", [(60_000, 60_000), (8000, 7000)])
def test_what_is_too_large_is_an_error(serving_bytes, size):
    content = bytearray(FILES["png"])
    content[16:24] = b"".join(side.to_bytes(4, "big") for side in size)
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than 50 megapixels"):
        serving_bytes(bytes(content))


def test_what_is_neither_jpeg_nor_png_is_an_error(serving_bytes):
    with pytest.raises(tf.errors.InvalidArgumentError, match="neither JPEG nor PNG"):
        serving_bytes(encoded(PHOTO, "BMP"))
