"""RGB to what videos store and back, by the rules of ITU-R BT.601, 709 and 2020."""

import numpy as np
import pytest

from srgan_tf.video.colours import FULL, LIMITED, Colours, from_pixels, to_pixels

WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114)}
WEIGHTS[9] = (0.2627, 0.0593)


@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("levels", [LIMITED, FULL])
@pytest.mark.parametrize("deep", [False, True])
def test_there_and_back(matrix, levels, deep):
    red, blue = WEIGHTS[matrix]
    top = 65535 if deep else 255
    for colour in ((200, 60, 90), (0, 0, 0), (255, 255, 255), (20, 180, 240)):
        flat = np.zeros((16, 32, 3)) + np.array(colour) / 255
        pixels = np.round(flat * top).astype(np.uint16 if deep else np.uint8)
        colours = Colours(matrix, levels)
        frame = from_pixels(pixels, "yuv420p10le" if deep else "yuv420p", colours)
        assert (frame.colorspace, frame.color_range) == (matrix, levels)
        plane = np.frombuffer(frame.planes[0], np.uint16 if deep else np.uint8)
        luma = np.dot(flat[0, 0], [red, 1 - red - blue, blue])
        expected = 16 + 219 * luma if levels == LIMITED else 255 * luma
        expected *= (4 if levels == LIMITED else 1023 / 255) if deep else 1
        assert abs(int(plane[0]) - expected) < (1.5 if deep else 1)
        back = to_pixels(frame, colours, deep=deep)
        assert back.dtype == pixels.dtype
        assert np.abs(back.astype(int) - pixels).max() <= (2 * 257 if deep else 3)


def test_what_becomes_high_definition():
    for matrix in (5, 6):
        assert Colours(matrix).for_result(1280, 720, rgb=False).matrix == 1
        assert Colours(matrix).for_result(640, 480, rgb=False).matrix == matrix
    assert Colours(9, LIMITED, 9, 16).for_result(7680, 4320, rgb=False) == (9, 1, 9, 16)
    assert Colours(1, FULL).for_result(1280, 720, rgb=True).range == LIMITED
