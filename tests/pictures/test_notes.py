"""A note in a picture file: found again, and in nobody's way."""

import json
import shutil
import subprocess

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from samples import SRGB, XMP, exif_fields, full_exif, smooth_photo

from srgan_tf.options import RESULT_FORMATS
from srgan_tf.pictures.formats import Photo, read_photo_file
from srgan_tf.pictures.metadata import Metadata
from srgan_tf.pictures.notes import add_note, read_note
from srgan_tf.pictures.writing import write_photo_file

PLUGINS = {"heic": "pillow_heif", "jxl": "pillow_jxl"}
NOTE = {"photo": "0123", "settings": {"model": ["ä"], "scale": 4, "fast": False}}


@pytest.fixture(params=RESULT_FORMATS)
def kind(request):
    if request.param in PLUGINS:
        reason = f"NOT TESTED: {PLUGINS[request.param]} is not installed"
        pytest.importorskip(PLUGINS[request.param], reason=reason)
    return request.param


@pytest.fixture(params=[False, True], ids=["bare", "with metadata"])
def picture(request, tmp_path, kind):
    metadata = Metadata()
    if request.param:
        metadata = Metadata(exif_fields(full_exif()), SRGB, xmp=XMP, dpi=(300.0, 300.0))
    path = tmp_path / f"x.{kind}"
    write_photo_file(Photo(smooth_photo(1), metadata), path, kind)
    return path


def test_a_note_is_found_and_nothing_else_changes(picture, kind, caplog):
    assert read_note(picture) is None
    before = read_photo_file(picture)
    add_note(picture, kind, NOTE)
    note = read_note(picture)
    assert note["photo"] == "0123" and note["settings"] == NOTE["settings"]
    assert note["size"] == picture.stat().st_size
    caplog.clear()
    after = read_photo_file(picture)
    np.testing.assert_array_equal(after.pixels, before.pixels)
    assert vars(after.metadata) | {"exif": 0} == vars(before.metadata) | {"exif": 0}
    assert after.metadata.exif.tobytes() == before.metadata.exif.tobytes()
    assert not after.metadata.lost and not caplog.records


def test_others_open_it(picture, kind):
    """Pillow, the libraries behind imagecodecs, and exiftool."""
    with Image.open(picture) as image:
        before = np.asarray(image)
    add_note(picture, kind, NOTE)
    with Image.open(picture) as image:
        np.testing.assert_array_equal(np.asarray(image), before)
    if kind == "heic":  # not in imagecodecs' wheels
        return
    codec = {"jpg": "jpeg", "jxl": "jpegxl"}.get(kind, kind)
    if kind == "tiff":
        decoded = imagecodecs.imread(picture, codec="tiff")
    else:
        decoded = getattr(imagecodecs, f"{codec}_decode")(picture.read_bytes())
    assert decoded.shape == before.shape


def test_exiftool_has_nothing_to_say(picture, kind):
    if not shutil.which("exiftool"):
        pytest.skip("NOT TESTED: there is no exiftool (libimage-exiftool-perl) here")

    def tags():
        command = ["exiftool", "-j", "-G1", "-a", "-n", "--System:all", picture]
        found = subprocess.run(command, capture_output=True, check=False)
        return json.loads(found.stdout)[0]

    before = tags()
    add_note(picture, kind, NOTE)
    assert tags() == before and "ExifTool:Warning" not in before


def test_an_enlarged_result_has_no_note_of_the_smaller(picture, kind, tmp_path):
    add_note(picture, kind, NOTE)
    write_photo_file(read_photo_file(picture), tmp_path / "y", kind)
    assert read_note(tmp_path / "y") is None


def test_what_is_no_picture_has_no_note(tmp_path):
    path = tmp_path / "x"
    for data in (b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\0\x10", b'{"srgan_tf": 1,'):
        path.write_bytes(data)
        assert read_note(path) is None
