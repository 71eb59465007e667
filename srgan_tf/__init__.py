"""SRGAN (Ledig et al. 2017) in TensorFlow and Keras: photo-realistic super-resolution.

sr = srgan_tf.upscale("photo.jpg")
generator = srgan_tf.load_generator("runs/x4")
"""

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from srgan_tf.errors import UserError as UserError
    from srgan_tf.exporting.export import export as export
    from srgan_tf.inference.loading import load_model as load_model
    from srgan_tf.inference.upscale import upscale as upscale
    from srgan_tf.models.discriminator import Discriminator as Discriminator
    from srgan_tf.models.generator import Generator as Generator
    from srgan_tf.models.pretrained import load_generator as load_generator
    from srgan_tf.models.srgan import SRGAN as SRGAN
    from srgan_tf.models.vgg import VGGFeatures as VGGFeatures

# Loaded on first use, so that `import srgan_tf` and `--help` need no TensorFlow.
_HOMES = {
    "Discriminator": "srgan_tf.models.discriminator",
    "Generator": "srgan_tf.models.generator",
    "SRGAN": "srgan_tf.models.srgan",
    "UserError": "srgan_tf.errors",
    "VGGFeatures": "srgan_tf.models.vgg",
    "export": "srgan_tf.exporting.export",
    "load_generator": "srgan_tf.models.pretrained",
    "load_model": "srgan_tf.inference.loading",
    "upscale": "srgan_tf.inference.upscale",
}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
