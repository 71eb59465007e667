"""SRGAN (Ledig et al. 2017) in TensorFlow and Keras: photo-realistic super-resolution.

sr = srgan_tf.upscale("photo.jpg")
generator = srgan_tf.load_generator("runs/x4")
"""

import importlib

__version__ = "0.1.0"

# Loaded on first use, so that `import srgan_tf` and `--help` need no TensorFlow.
_HOMES = {
    "Generator": "srgan_tf.models",
    "Discriminator": "srgan_tf.models",
    "VGGFeatures": "srgan_tf.models",
    "SRGAN": "srgan_tf.models.srgan",
    "load_generator": "srgan_tf.models.pretrained",
    "upscale": "srgan_tf.inference.upscale",
}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
