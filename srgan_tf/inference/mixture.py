"""The mean of what several models make."""

from collections.abc import Sequence

import numpy as np

from srgan_tf.inference.tiles import Box, Upscaler


class Mixture(Upscaler):
    """Several models of one scale, their SR added by shares.

    Weights of generators that were trained for long in different directions do not
    blend: halfway from `srgan_x4` to `srgan_x4_photo` red is six levels off.

    Args:
        models: Of one scale.
        shares: As many, 1 in all.
    """

    def __init__(self, models: Sequence[Upscaler], shares: Sequence[float]):
        self.models, self.shares = models, shares
        self.scale, self.channels = models[0].scale, models[0].channels
        self.radius = max(model.radius for model in models)
        self.tile = min(model.tile for model in models)

    def __call__(self, lr: np.ndarray, box: Box | None = None) -> np.ndarray:
        first, *others = (
            np.float32(share) * model(lr, box)
            for model, share in zip(self.models, self.shares)
        )
        return sum(others, start=first)
