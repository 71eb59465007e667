"""The generator network, SRResNet: Figure 4 (top) of the paper."""

import math

import keras
from keras import layers, ops

from srgan_tf.models.checkerboard import EqualPhases
from srgan_tf.models.inputs import PictureModel

SCALES = (2, 4, 8)
# The paper's framework counts 0.1 of each batch; Keras' default 0.99 lags short runs.
BN_MOMENTUM = 0.9


@keras.saving.register_keras_serializable("srgan_tf")
class ICNR(keras.initializers.Initializer):
    """Starts a sub-pixel convolution as nearest-neighbour upsampling (Aitken 2017).

    All `factor**2` kernels that make one output channel's sub-pixels start equal, so an
    untrained generator shows no checkerboard. In the channel order of `depth_to_space`
    that is one kernel tiled along the output channels.
    """

    def __init__(self, factor: int = 2):
        self.factor = factor

    def __call__(self, shape, dtype=None):
        copies = self.factor**2
        kernel = keras.initializers.GlorotUniform()(
            (*shape[:-1], shape[-1] // copies), dtype
        )
        return ops.tile(kernel, (1,) * (len(shape) - 1) + (copies,))

    def get_config(self):
        return {"factor": self.factor}


def _conv(filters: int, kernel_size: int, **kwargs) -> layers.Conv2D:
    # Callers drop the bias in front of BatchNorm, which subtracts it again.
    return layers.Conv2D(filters, kernel_size, padding="same", **kwargs)


def pixel_shuffle(x, factor: int):
    """Turns `[N, H, W, factor**2 * C]` into `[N, factor * H, factor * W, C]`."""
    if hasattr(ops, "depth_to_space"):
        return ops.depth_to_space(x, factor)
    # Keras 3.12, the last for Python 3.10, does not have it.
    batch, height, width, depth = ops.shape(x)
    channels = depth // factor**2
    x = ops.reshape(x, (batch, height, width, factor, factor, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (batch, factor * height, factor * width, channels))


def _prelu() -> layers.PReLU:
    # One slope per channel; Keras' default, one per pixel, would fix the size.
    return layers.PReLU(
        alpha_initializer=keras.initializers.Constant(0.25), shared_axes=[1, 2]
    )


@keras.saving.register_keras_serializable("srgan_tf")
class ResidualBlock(layers.Layer):
    """Conv k3, BN, PReLU, conv k3, BN, elementwise sum."""

    def __init__(self, filters: int = 64, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.conv1 = _conv(filters, 3, use_bias=False)
        self.bn1 = layers.BatchNormalization(momentum=BN_MOMENTUM)
        self.prelu = _prelu()
        self.conv2 = _conv(filters, 3, use_bias=False)
        self.bn2 = layers.BatchNormalization(momentum=BN_MOMENTUM)

    def build(self, input_shape):
        for layer in (self.conv1, self.bn1, self.prelu, self.conv2, self.bn2):
            layer.build(input_shape)

    def call(self, x, training=False):
        y = self.prelu(self.bn1(self.conv1(x), training=training))
        return x + self.bn2(self.conv2(y), training=training)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


@keras.saving.register_keras_serializable("srgan_tf")
class UpsampleBlock(layers.Layer):
    """Conv k3 to four times the filters, PixelShuffle x2, PReLU."""

    def __init__(self, filters: int = 64, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.conv = _conv(4 * filters, 3, kernel_initializer=ICNR(2))
        self.prelu = _prelu()

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.prelu.build(input_shape)

    def call(self, x):
        return self.prelu(pixel_shuffle(self.conv(x), 2))

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        double = [None if size is None else 2 * size for size in (height, width)]
        return (batch, *double, self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


@keras.saving.register_keras_serializable("srgan_tf")
class Generator(PictureModel):
    """SRResNet (paper, Figure 4): LR pictures in, SR pictures `scale` times larger out.

    Fully convolutional: any height and width. Input `[N, H, W, 3]` in [0, 1], output
    float32 `[N, scale * H, scale * W, 3]` in [-1, 1] (tanh). At scale 4 with 16 blocks
    of 64 filters it has 1,552,771 parameters.

    Pictures have three channels unless said otherwise: RGB.

    Args:
        scale: Factor of the size: 2, 4 or 8.
        num_blocks: Number of residual blocks, B in the paper.
        filters: Feature maps of every convolution but the upsampling ones.
        channels: Of the pictures, such as 1 for gray or 4 for RGB and near infrared.
        frozen: Whether `freeze_batch_norm` has been called.

    Raises:
        ValueError: If `scale` is not 2, 4 or 8.

    Example:
        >>> generator = Generator(scale=4, num_blocks=1, filters=8)
        >>> tuple(generator(keras.ops.zeros((1, 5, 7, 3))).shape)
        (1, 20, 28, 3)
    """

    def __init__(
        self,
        scale: int = 4,
        num_blocks: int = 16,
        filters: int = 64,
        channels: int = 3,
        frozen: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if scale not in SCALES:
            raise ValueError(f"scale must be one of {SCALES}. Received: {scale}")
        self.scale = scale
        self.num_blocks = num_blocks
        self.filters = filters
        self.channels = channels
        self.head = _conv(filters, 9)
        self.head_prelu = _prelu()
        self.blocks = [ResidualBlock(filters) for _ in range(num_blocks)]
        self.body = _conv(filters, 3, use_bias=False)
        self.body_bn = layers.BatchNormalization(momentum=BN_MOMENTUM)
        self.upsample = [UpsampleBlock(filters) for _ in range(int(math.log2(scale)))]
        # float32 at the end keeps 8-bit steps apart under mixed precision.
        self.tail = _conv(channels, 9, activation="tanh", dtype="float32")
        self.build((None, None, None, channels))
        if frozen:
            self.freeze_batch_norm()

    def build(self, input_shape):
        if self.built:
            return
        features = (*input_shape[:-1], self.filters)
        self.head.build(input_shape)
        for layer in (self.head_prelu, *self.blocks, self.body, self.body_bn):
            layer.build(features)
        for layer in (*self.upsample, self.tail):
            layer.build(features)
        self.built = True

    def call(self, lr, training=False):
        x = skip = self.head_prelu(self.head(lr))
        for block in self.blocks:
            x = block(x, training=training)
        x = skip + self.body_bn(self.body(x), training=training)
        for block in self.upsample:
            x = block(x)
        return self.tail(x)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        size = [None if n is None else self.scale * n for n in (height, width)]
        return (batch, *size, self.channels)

    def export(self, filepath, format="tf_saved_model", *, input_signature=None, **kw):
        """As Keras' own, but for a generator that has not been called, too.

        `srgan_tf.export` writes what serves pictures as they are stored.
        """
        lr = keras.InputSpec(shape=(None, None, None, self.channels), dtype="float32")
        signature = [lr] if input_signature is None else input_signature
        super().export(filepath, format, input_signature=signature, **kw)

    # No property: Keras would save the layers under its name as well.
    def batch_norm_layers(self) -> list[layers.BatchNormalization]:
        """Its BatchNorm layers, in order."""
        return [bn for b in self.blocks for bn in (b.bn1, b.bn2)] + [self.body_bn]

    def _trunk(self) -> list[layers.Layer]:
        """All in front of the upsampling, in order."""
        return [self.head, self.head_prelu, *self.blocks, self.body, self.body_bn]

    def take_what_fits(self, other: "Generator") -> None:
        """Takes what it can from a generator of another scale: all but the tail.

        What is learnt about photos goes on at another scale (as in EDSR, Lim et al.
        2017, section 3.2), and so do upsampling blocks that both have. What they do not
        both have stays as it is.

        Args:
            other: Of as many blocks, filters and channels, of any scale.
        """
        for ours, theirs in zip(self._trunk(), other._trunk(), strict=True):
            ours.set_weights(theirs.get_weights())
        for ours, theirs in zip(self.upsample, other.upsample):
            ours.set_weights(theirs.get_weights())

    def freeze_trunk(self) -> None:
        """Trains the upsampling and the tail alone from now on.

        A new tail's first gradients would spoil what the trunk knows.
        """
        for layer in self._trunk():
            layer.trainable = False

    def freeze_batch_norm(self) -> None:
        """Keeps statistics, scale and offset of BatchNorm from now on.

        Training then sees the very function that inference computes: for fine-tuning
        from good weights, where statistics of small batches would only disturb.
        """
        for layer in self.batch_norm_layers():
            layer.trainable = False

    def forbid_checkerboard(self) -> None:
        """Lets no pattern at the period of a pixel shuffle through from now on.

        Kernels behind a pixel shuffle become such that answer nothing to it, and
        optimizers keep them so. Adversarial training draws such patterns where little
        else is at stake: they please VGG19.
        """
        behind = [block.conv for block in self.upsample[1:]] + [self.tail]
        for kernel in (layer.kernel for layer in behind):
            kernel.constraint = EqualPhases(2)
            kernel.assign(kernel.constraint(kernel))

    @property
    def receptive_radius(self) -> int:
        """LR pixels on each side that an output pixel can depend on: 40 at B = 16.

        4 for the k9 head, 2 per block, 1 for the body; behind it the k3 upsampling
        convolutions and the k9 tail reach at most 3 more at any scale.
        """
        return 8 + 2 * self.num_blocks

    def get_config(self):
        config = {
            **super().get_config(),
            "scale": self.scale,
            "num_blocks": self.num_blocks,
            "filters": self.filters,
        }
        # What is usual goes unsaid, so that earlier versions read these files, too.
        if self.channels != 3:
            config["channels"] = self.channels
        if not self.body_bn.trainable:
            config["frozen"] = True
        return config
