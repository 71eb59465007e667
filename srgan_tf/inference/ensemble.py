"""The mean over flips and turns: fewer errors for eight times the work."""

import itertools

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.inference.tiles import Box, Upscaler


class SelfEnsemble(Upscaler):
    """Averages a model's SR over the eight flips and transpositions of each window.

    Timofte et al. 2016, "Seven ways to improve example-based single image
    super-resolution".

    Args:
        model: Its tiles and their size stay.

    Raises:
        UserError: If the model takes windows of one size only that are not square.
    """

    def __init__(self, model: Upscaler):
        self.model = model
        self.scale, self.radius = model.scale, model.radius
        self.tile, self.window = model.tile, model.window
        self.channels = model.channels
        if self.window and self.window[0] != self.window[1]:
            raise UserError(
                "--self_ensemble turns pictures, which this model of one size "
                f"{self.window[0]}x{self.window[1]} cannot take."
            )

    def __call__(self, lr: np.ndarray, box: Box | None = None) -> np.ndarray:
        height, width, _ = lr.shape
        whole = box or (0, height, 0, width)
        parts = []
        for flip_rows, flip_columns, swap in itertools.product((False, True), repeat=3):
            turned, (top, bottom, left, right) = lr, whole
            if flip_rows:
                turned = turned[::-1]
                top, bottom = height - bottom, height - top
            if flip_columns:
                turned = turned[:, ::-1]
                left, right = width - right, width - left
            if swap:
                turned = turned.swapaxes(0, 1)
                top, bottom, left, right = left, right, top, bottom
            sr = self.model(np.ascontiguousarray(turned), (top, bottom, left, right))
            sr = sr.swapaxes(0, 1) if swap else sr
            sr = sr[:, ::-1] if flip_columns else sr
            parts.append(sr[::-1] if flip_rows else sr)
        return sum(parts[1:], start=parts[0]) / np.float32(8)
