"""What has not changed since the frame before is not computed twice."""

import numpy as np
import pytest
from samples import levels_apart, moving, trained_like

from srgan_tf.inference.frames import FrameUpscaler
from srgan_tf.inference.loading import load_model
from srgan_tf.inference.upscale import upscale_pixels


@pytest.mark.parametrize("scale", [4, 3])
def test_each_frame_is_what_it_is_alone(scale):
    model = load_model(trained_like())
    upscaler = FrameUpscaler(model, scale)
    frames = list(moving(3, height=200, width=240))
    frames.insert(2, frames[1])  # stands still
    frames.append(frames[0][::-1].copy())  # all is new
    for frame in frames:
        alone = upscale_pixels(model, frame, scale=scale)
        apart = levels_apart(upscaler(frame), alone.astype(int))
        # Windows of other sizes add up in another order.
        assert apart.max() <= 1 and (apart > 0).mean() < 1e-3
    size = frames[0][..., 0].size
    assert 2 * size < upscaler.computed < 2.8 * size


def test_what_stands_still_costs_nothing():
    upscaler = FrameUpscaler(load_model(trained_like()), 4)
    frame = next(moving(1))
    first = upscaler(frame)
    np.testing.assert_array_equal(upscaler(frame.copy()), first)
    assert upscaler.computed == frame[..., 0].size
    upscaler.forget()
    upscaler(frame)
    assert upscaler.computed == 2 * frame[..., 0].size


def test_colours_below_transparency_come_from_anywhere():
    model = load_model(trained_like())
    upscaler = FrameUpscaler(model, 4)
    clear = np.full((64, 96, 4), 255, np.uint8)
    clear[:, 8:, 3] = 0
    other = clear.copy()
    other[:, :8, :3] = 9
    for frame in (clear, other):
        np.testing.assert_array_equal(upscaler(frame), upscale_pixels(model, frame))
