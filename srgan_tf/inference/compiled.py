"""The generator as it runs after training: BatchNorm folded, compiled, in exact tiles.

The residual blocks see windows of the picture, the upsampling layers smaller windows of
their features; see `srgan_tf.inference.tiles`.
"""

import itertools

import numpy as np

from srgan_tf.data.listing import find_photos
from srgan_tf.errors import UserError
from srgan_tf.inference.layers import (
    Convolve,
    in_bfloat16,
    in_float32,
    residual_layers,
    upsampling_layers,
)
from srgan_tf.inference.rounding import in_8_bits, lr_crops, mean_error, observe
from srgan_tf.inference.runtimes import graph, litert
from srgan_tf.inference.tiles import Box, Upscaler, spans
from srgan_tf.models import Generator
from srgan_tf.pictures.ranges import lr_from_pixels

# LR pixels that the layers behind the body can see to each side, at any scale: one for
# the first k3, less than one for the others, one or two for the k9 tail.
UPSAMPLING_RADIUS = 3
# Side in LR pixels of the upsampling layers' windows: 200 MB of features at scale 4.
UPSAMPLING_TILE = 128
# Measured: what the residual blocks hold at their peak, in arrays of features.
LIVE_ARRAYS = 6
LIVE_ARRAYS_LITERT = 16
BUDGET = 2**30


class CompiledGenerator(Upscaler):
    """A generator for inference only: the same pictures as `generator(lr)`, sooner.

    Args:
        generator: Its weights are copied: later training does not show here.
        precision: `float32`, or `mixed_bfloat16`: see `srgan_tf.inference.layers`.
        fast: 8-bit integer arithmetic in LiteRT, for CPUs: less exact.
        tile: Side of the tiles in LR pixels; if None, one whose features take up a
            gibibyte.

    Attributes:
        scale: Factor of the size.
        radius: LR pixels on each side that a result pixel depends on.
        tile: Side of the tiles in LR pixels.

    Example:
        >>> generator = Generator(scale=2, num_blocks=1, filters=4)
        >>> CompiledGenerator(generator)(np.zeros((5, 7, 3), np.float32)).shape
        (10, 14, 3)
    """

    def __init__(
        self,
        generator: Generator,
        *,
        precision: str = "float32",
        fast: bool = False,
        tile: int | None = None,
    ):
        self.scale = generator.scale
        self.radius = generator.receptive_radius
        self.filters = generator.filters
        self.channels = generator.channels
        self.tile = tile or self._default_tile(
            LIVE_ARRAYS_LITERT if fast else LIVE_ARRAYS
        )
        if not fast:
            convolve: Convolve = (
                in_bfloat16 if precision == "mixed_bfloat16" else in_float32
            )
            first, rest = upsampling_layers(generator, convolve)
            self._residual = graph(residual_layers(generator, convolve), self.channels)
            self._upsampling = graph(lambda x: rest(first(x)), self.filters)
            return
        if self.channels != 3:
            raise UserError("--fast is for generators of RGB.")
        crops = lr_crops(find_photos("bundled"), self.scale)
        ranges, exact = observe(generator, crops)
        convolve = in_8_bits(ranges)
        first, rest = upsampling_layers(generator, convolve)
        self._residual = litert(residual_layers(generator, convolve), 3)
        enlarge, finish = graph(first, self.filters), litert(rest, 4 * self.filters)
        self._upsampling = lambda x: finish(enlarge(x)) - added
        added = np.zeros(3, np.float32)
        lrs = (lr_from_pixels(crop) for crop in crops)
        added = mean_error(map(self, lrs), exact).astype(np.float32)

    def __call__(self, lr: np.ndarray, box: Box | None = None) -> np.ndarray:
        height, width, _ = lr.shape
        top, bottom, left, right = box or (0, height, 0, width)
        features = self._residual(lr[None])
        s = self.scale
        size = s * (bottom - top), s * (right - left)
        sr = np.empty((*size, self.channels), np.float32)
        for rows, columns in itertools.product(
            spans(top, bottom, height, UPSAMPLING_TILE, UPSAMPLING_RADIUS),
            spans(left, right, width, UPSAMPLING_TILE, UPSAMPLING_RADIUS),
        ):
            (y0, y1, y, y_end), (x0, x1, x, x_end) = rows, columns
            part = self._upsampling(features[:, y:y_end, x:x_end])[0]
            sr[s * (y0 - top) : s * (y1 - top), s * (x0 - left) : s * (x1 - left)] = (
                part[s * (y0 - y) : s * (y1 - y), s * (x0 - x) : s * (x1 - x)]
            )
        return sr

    def _default_tile(self, live_arrays: int) -> int:
        window = int((BUDGET / (4 * self.filters * live_arrays)) ** 0.5)
        return max(window - 2 * self.radius, UPSAMPLING_TILE)
