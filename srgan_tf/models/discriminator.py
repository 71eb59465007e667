"""The discriminator network: Figure 4 (bottom) of the paper."""

import keras
from keras import layers, ops

from srgan_tf.models.generator import BN_MOMENTUM

# Pixels down and to the right, for every eighth picture of a batch the same.
SHIFTS = ((0, 0), (1, 2), (2, 5), (3, 7), (4, 4), (5, 6), (6, 1), (7, 3))


@keras.saving.register_keras_serializable("srgan_tf")
class Discriminator(keras.Model):
    """Tells HR from SR pictures: eight k3 convolutions, then two dense layers.

    Filters grow from 64 to 512, every second convolution has stride 2, there is no
    pooling, LeakyReLU has slope 0.2 and all convolutions but the first have BatchNorm.
    The sigmoid of Figure 4 is left to the losses: the output is logits.

    Args:
        crop_size: Side of the square HR crops it is trained on, in pixels; the dense
            layers fix it. 23.6 M parameters at 96. None: the dense layers see means
            over positions, as many others do it, and crops are of any size; in training
            they are shifted (see `shift`).
        filters: Filters of the first convolution; the last has 8 times as many.
        dense_units: Units of the first dense layer.
        channels: Of the pictures.

    Input `[N, crop_size, crop_size, channels]` in [-1, 1] (`[N, H, W, channels]` with
    `crop_size=None`), output float32 logits
    `[N, 1]`.

    Example:
        >>> discriminator = Discriminator(crop_size=32, filters=4, dense_units=8)
        >>> tuple(discriminator(keras.ops.zeros((2, 32, 32, 3))).shape)
        (2, 1)
    """

    def __init__(
        self,
        crop_size: int | None = 96,
        filters: int = 64,
        dense_units: int = 1024,
        channels: int = 3,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.crop_size = crop_size
        self.filters = filters
        self.dense_units = dense_units
        self.channels = channels
        self.convs = []
        self.norms = []
        for i, factor in enumerate((1, 1, 2, 2, 4, 4, 8, 8)):
            conv = layers.Conv2D(
                factor * filters, 3, 1 + i % 2, padding="same", use_bias=i == 0
            )
            self.convs.append(conv)
            if i > 0:
                self.norms.append(layers.BatchNormalization(momentum=BN_MOMENTUM))
        self.dense = layers.Dense(dense_units)
        self.logits = layers.Dense(1, dtype="float32")
        self.build((None, crop_size, crop_size, channels))

    def build(self, input_shape):
        if self.built:
            return
        shape = tuple(input_shape)
        for i, conv in enumerate(self.convs):
            conv.build(shape)
            shape = conv.compute_output_shape(shape)
            if i > 0:
                self.norms[i - 1].build(shape)
        positions = shape[1] * shape[2] if self.crop_size else 1
        self.dense.build((None, positions * shape[3]))
        self.logits.build((None, self.dense_units))
        self.built = True

    def call(self, images, training=False):
        if training and not self.crop_size:
            images = shift(images)
        x = ops.leaky_relu(self.convs[0](images), 0.2)
        for conv, norm in zip(self.convs[1:], self.norms):
            x = ops.leaky_relu(norm(conv(x), training=training), 0.2)
        if self.crop_size:
            x = ops.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))
        else:
            x = ops.mean(x, axis=(1, 2))
        return self.logits(ops.leaky_relu(self.dense(x), 0.2))

    def batch_norm_layers(self) -> list[layers.BatchNormalization]:
        """Its BatchNorm layers, in order."""
        return self.norms

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1)

    def get_config(self):
        config = {
            **super().get_config(),
            "crop_size": self.crop_size,
            "filters": self.filters,
            "dense_units": self.dense_units,
        }
        return config if self.channels == 3 else {**config, "channels": self.channels}


def shift(images):
    """Turns each picture of a batch around by one of `SHIFTS`, in the order of these.

    Convolutions of stride 2 and max-pooling feel some places of a 2x2 window more than
    others (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts"). Where
    windows always lie on the same places of the upsampling, that leaves a weave of 2
    pixels in SR: so the discriminator and VGG19 see crops that are shifted.

    Args:
        images: `[N, H, W, C]`.

    Returns:
        As many of the same size: what leaves on one side comes back on the other.
    """
    number = ops.arange(ops.shape(images)[0]) % len(SHIFTS)
    result = images
    for i, by in enumerate(SHIFTS):
        mine = ops.reshape(number == i, (-1, 1, 1, 1))
        result = ops.where(mine, ops.roll(images, by, axis=(1, 2)), result)
    return result
