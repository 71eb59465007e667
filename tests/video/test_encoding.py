"""Encoding frames: what the bytes of a segment depend on."""

import ctypes
import platform
from fractions import Fraction

import numpy as np
import pytest
from samples import smooth_photo

from srgan_tf.video.colours import LIMITED, Colours
from srgan_tf.video.encoding import Coding, Segments
from srgan_tf.video.reading import Frame

_PERTURB = -6  # glibc's M_PERTURB


@pytest.fixture
def fill_memory():
    """Lets glibc fill memory that it gives out with some byte."""
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("NOT TESTED: this needs glibc")
    tell = ctypes.CDLL(None).mallopt
    yield lambda byte: tell(_PERTURB, byte)
    tell(_PERTURB, 0)


def test_equal_frames_give_equal_bytes(tmp_path, fill_memory):
    """x264 has read memory before it wrote to it: see `_WITHOUT_AVX512`."""
    rng = np.random.default_rng(0)
    photo = smooth_photo(0, 90, 120).repeat(4, axis=0).repeat(4, axis=1)
    frames = [
        np.clip(photo + rng.normal(0, 6, photo.shape), 0, 255).astype(np.uint8)
        for _ in range(12)
    ]
    coding = Coding(
        codec="h264",
        crf=None,
        preset=None,
        width=480,
        height=360,
        deep=False,
        alpha=False,
        light=None,
        colours=Colours(6, LIMITED),
        time_base=Fraction(1, 12800),
        rate=Fraction(25),
        aspect=Fraction(1),
    )
    contents = set()
    for byte in (0, 85, 170):
        fill_memory(byte)
        segments = Segments(tmp_path / f"{byte}", coding)
        for number, frame in enumerate(frames):
            segments.add(Frame(512 * number, 512, frame))
        segments.end()
        contents.add(segments.files()[0].read_bytes())
    assert len(contents) == 1
