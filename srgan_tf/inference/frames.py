"""Frames of a video: what has not changed since the one before is not made again."""

import numpy as np
from scipy import ndimage

from srgan_tf.inference.tiles import Upscaler
from srgan_tf.inference.upscale import upscale_pixels

_BLOCK = 16  # LR pixels
# LR pixels: what else than the model decides about a result pixel, such as whether it
# is flat there, looks no further than the model and these.
_MORE = 8
# Of a frame: where more than that is to be computed anew, parts are no quicker.
_MOST = 0.8


class FrameUpscaler:
    """Upscales frames; a result is the same as if its frame were the only one.

    A result pixel depends on the LR pixels within the model's receptive field. Where
    these are those of the frame before, its pixel is taken from the result before.

    Args:
        model: See `load_model`.
        scale: Factor of the size, at most the model's.

    Attributes:
        computed: LR pixels that went through the model so far.
    """

    def __init__(self, model: Upscaler, scale: int):
        self.model, self.scale = model, scale
        self.computed = 0
        self._reach = model.radius + _MORE
        self._before: tuple[np.ndarray, np.ndarray] | None = None

    def forget(self) -> None:
        """Computes all of the next frame."""
        self._before = None

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Upscales a frame.

        Args:
            pixels: uint8 or uint16 `[H, W, C]`, as for `upscale_pixels`.

        Returns:
            `[scale * H, scale * W, C]` of the same type.
        """
        windows = self._windows(pixels)
        if windows is None:
            sr = self._upscaled(pixels)
        else:
            assert self._before
            sr, s = self._before[1].copy(), self.scale
            for (top, bottom), (left, right) in windows:
                y, x = max(top - self._reach, 0), max(left - self._reach, 0)
                window = pixels[y : bottom + self._reach, x : right + self._reach]
                part = self._upscaled(window)
                sr[s * top : s * bottom, s * left : s * right] = part[
                    s * (top - y) : s * (bottom - y), s * (left - x) : s * (right - x)
                ]
        self._before = pixels, sr
        return sr

    def _upscaled(self, pixels: np.ndarray) -> np.ndarray:
        self.computed += pixels.shape[0] * pixels.shape[1]
        return upscale_pixels(self.model, pixels, scale=self.scale)

    def _windows(self, pixels: np.ndarray) -> list | None:
        """Rows and columns whose results change; None for the whole frame."""
        # Colours below transparency are filled in from anywhere.
        local = self.model.window is None and pixels.shape[-1] in (1, 3)
        if self._before is None or self._before[0].shape != pixels.shape:
            return None
        changed = (pixels != self._before[0]).any(axis=-1)
        if not changed.any():
            return []
        if not local:
            return None
        height, width = changed.shape
        for axis, side in enumerate((height, width)):
            starts = np.arange(0, side, _BLOCK)
            changed = np.logical_or.reduceat(changed, starts, axis=axis)
        around = 2 * -(-self._reach // _BLOCK) + 1
        changed = ndimage.binary_dilation(changed, np.ones((around, around)))
        windows = [
            tuple(
                (_BLOCK * part.start, min(_BLOCK * part.stop, side))
                for part, side in zip(box, (height, width))
            )
            for box in ndimage.find_objects(ndimage.label(changed)[0])
        ]
        sides = [
            [stop - start + 2 * self._reach for start, stop in box] for box in windows
        ]
        area = sum(rows * columns for rows, columns in sides)
        return windows if area < _MOST * height * width else None
