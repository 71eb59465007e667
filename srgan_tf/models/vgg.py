"""VGG19 feature maps phi_{i,j}: section 2.2.1 of the paper."""

import logging
import os
from collections.abc import Sequence

import h5py
import keras

from srgan_tf.errors import UserError, reason
from srgan_tf.pictures.ranges import hr_to_255

log = logging.getLogger(__name__)

# Paper, section 3.2: "rescaled by a factor of 1/12.75 to obtain VGG losses of a scale
# that is comparable to the MSE loss", which is 0.006 on the squared distance.
FEATURE_SCALE = 1 / 12.75


def imagenet_is_at_hand() -> bool:
    """Whether Keras has the ImageNet weights of VGG19, or can download them now."""
    try:
        _vgg19("imagenet")
    except UserError as error:
        log.debug("%s", error)
        return False
    return True


def _vgg19(weights: str | None) -> keras.Model:
    try:
        return keras.applications.VGG19(include_top=False, weights=weights)
    except Exception as error:  # Keras raises a plain Exception without a network
        raise UserError(
            "--vgg_weights=imagenet: Keras cannot download the VGG19 weights "
            f"({reason(error, 120)}); name a file with --vgg_weights=FILE.h5 or use "
            "--content_loss=mse and --keep=psnr."
        ) from None


def _check_file(path: str, needed: Sequence[str]) -> None:
    """Refuses a file that Keras would load in part without a word."""
    if not os.path.isfile(path):
        raise UserError(
            f"VGG19 weights: there is no file {path}."
            if path
            else "--vgg_weights is empty, and what was asked for needs VGG19."
        )
    try:
        with h5py.File(path) as file:
            present = {name for name in file if len(file[name])}
    except OSError:
        raise UserError(
            f"VGG19 weights: {path} is not an HDF5 file; expected Keras' own "
            "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 or a part of it."
        ) from None
    missing = [name for name in needed if name not in present]
    if missing:
        raise UserError(
            f"VGG19 weights: {path} lacks the layer {missing[0]} that the loss needs; "
            "choose a shallower loss, such as --content_loss=vgg22, or the full file."
        )


@keras.saving.register_keras_serializable("srgan_tf")
class VGGFeatures(keras.layers.Layer):
    """The frozen VGG19 features phi_{i,j}, scaled by 1/12.75.

    phi_{i,j} is the feature map after the activation of the j-th convolution before the
    i-th max-pooling: `"5,4"` is Keras' layer `block5_conv4`, `"2,2"` is `block2_conv2`.

    Args:
        maps: One or several `"i,j"`.
        weights: `"imagenet"` (Keras downloads them once), a Keras VGG19 `.h5` file that
            holds at least the needed layers, or None for random weights.

    Input `[N, H, W, 3]` in [-1, 1]; output a list with one feature map per name.

    Raises:
        UserError: If the file is missing, is no HDF5 or lacks a needed layer, or
            ImageNet's weights cannot be had.
        ValueError: If VGG19 has no such feature map.

    Example:
        >>> features = VGGFeatures("2,2", weights=None)
        >>> tuple(features(keras.ops.zeros((1, 32, 32, 3)))[0].shape)
        (1, 16, 16, 128)
    """

    def __init__(
        self, maps: str | Sequence[str] = "5,4", weights: str | None = "imagenet", **kw
    ):
        super().__init__(**{"trainable": False, **kw})
        self.maps = [maps] if isinstance(maps, str) else list(maps)
        self.weights_source = weights
        vgg = _vgg19("imagenet" if weights == "imagenet" else None)
        names = ["block{}_conv{}".format(*name.split(",")) for name in self.maps]
        known = [layer.name for layer in vgg.layers]
        for name, layer in zip(self.maps, names):
            if layer not in known:
                raise ValueError(f"VGG19 has no feature map phi_{{{name}}}.")
        self.model = keras.Model(vgg.input, [vgg.get_layer(n).output for n in names])
        if weights not in (None, "imagenet"):
            _check_file(weights, [x.name for x in self.model.layers if x.weights])
            self.model.load_weights(weights, by_name=True)
        self.model.trainable = False

    def call(self, images):
        x = keras.applications.vgg19.preprocess_input(hr_to_255(images))
        features = self.model(x)
        if len(self.maps) == 1:
            features = [features] if not isinstance(features, list) else features
        return [FEATURE_SCALE * feature for feature in features]

    def get_config(self):
        return {
            **super().get_config(),
            "maps": self.maps,
            "weights": self.weights_source,
        }
