"""The loss functions of section 2.2, as Keras losses: equations 3 to 6.

Pictures are `[N, H, W, 3]` in [-1, 1], logits `[N, 1]`. All are computed in float32 and
averaged over the global batch, also under a distribution strategy.
"""

import re

import keras
from keras import ops

from srgan_tf.models.vgg import VGGFeatures

_binary_crossentropy = keras.losses.BinaryCrossentropy(from_logits=True)


@keras.saving.register_keras_serializable("srgan_tf")
class VGGLoss(keras.losses.Loss):
    """Equation 5: mean squared distance of VGG19 features, summed over feature maps.

    The mean runs over positions and channels; a sum over channels would be 512 times
    larger at phi_{5,4} and drown the adversarial term.

    Args:
        features: The feature maps to compare.
        total_variation: Weight of the total variation of SR, the sum of absolute
            differences of neighbours (2e-8 in the paper's SRResNet-VGG22, else 0).
        colour: Weight of the mean squared distance of 8x8 means, which VGG19 hardly
            feels (0 in the paper).
    """

    def __init__(
        self,
        features: VGGFeatures,
        total_variation: float = 0.0,
        colour: float = 0.0,
        name="vgg",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.features = features
        self.total_variation = total_variation
        self.colour = colour

    def call(self, hr, sr):
        loss = 0.0
        for hr_map, sr_map in zip(self.features(hr), self.features(sr)):
            difference = ops.cast(hr_map, "float32") - ops.cast(sr_map, "float32")
            loss += ops.mean(ops.square(difference), axis=(1, 2, 3))
        if self.total_variation:
            loss += self.total_variation * total_variation(sr)
        if self.colour:
            means = ops.average_pool(hr - sr, 8, 8)
            loss += self.colour * ops.mean(ops.square(means), axis=(1, 2, 3))
        return loss

    def __dir__(self):
        # Here Keras looks for what to save: VGG19's weights have a file of their own.
        return [name for name in super().__dir__() if name != "features"]

    def get_config(self):
        return {
            **super().get_config(),
            "features": keras.saving.serialize_keras_object(self.features),
            "total_variation": self.total_variation,
            "colour": self.colour,
        }

    @classmethod
    def from_config(cls, config):
        features = keras.saving.deserialize_keras_object(config.pop("features"))
        return cls(features, **config)


def total_variation(sr):
    """Sum of absolute differences of neighbouring pixels, per picture: `[N]`."""
    vertical = ops.abs(sr[:, 1:] - sr[:, :-1])
    horizontal = ops.abs(sr[:, :, 1:] - sr[:, :, :-1])
    return ops.sum(vertical, axis=(1, 2, 3)) + ops.sum(horizontal, axis=(1, 2, 3))


def content_loss(
    name: str,
    vgg_weights: str | None = "imagenet",
    total_variation: float = 0.0,
    colour: float = 0.0,
) -> keras.losses.Loss:
    """Makes a content loss from its name in the paper's Table 1.

    Args:
        name: `mse` (equation 4), `mae`, or VGG maps such as `vgg54` or `vgg22,vgg34`
            (equation 5).
        vgg_weights: See `VGGFeatures`; unused by the pixel losses.
        total_variation: See `VGGLoss`; unused by the pixel losses.
        colour: Likewise.

    Raises:
        ValueError: If the name is none of these.

    Example:
        >>> loss = content_loss("vgg22", vgg_weights=None)  # random weights
        >>> hr = keras.ops.zeros((1, 32, 32, 3))
        >>> float(loss(hr, hr))
        0.0
    """
    pixel = {
        "mse": keras.losses.MeanSquaredError,
        "mae": keras.losses.MeanAbsoluteError,
    }
    if name in pixel:
        return pixel[name](name=name)
    if not re.fullmatch(r"vgg\d\d(,vgg\d\d)*", name):
        raise ValueError(f"Unknown content loss {name!r}: mse, mae, vgg54, vgg22, ...")
    maps = [f"{i},{j}" for i, j in re.findall(r"vgg(\d)(\d)", name)]
    features = VGGFeatures(maps, vgg_weights)
    return VGGLoss(features, total_variation, colour)


def adversarial_loss(sr_logits):
    """Equation 6 averaged over the batch: the mean of -log D(G(LR))."""
    return _binary_crossentropy(ops.ones_like(sr_logits), sr_logits)


def discriminator_loss(hr_logits, sr_logits):
    """Equation 2, negated: the mean of -log D(HR) plus that of -log(1 - D(G(LR)))."""
    real = _binary_crossentropy(ops.ones_like(hr_logits), hr_logits)
    fake = _binary_crossentropy(ops.zeros_like(sr_logits), sr_logits)
    return real + fake
