"""SRGAN (Ledig et al. 2017) in TensorFlow and Keras: photo-realistic super-resolution.

sr = srgan_tf.upscale("photo.jpg")
generator = srgan_tf.load_generator("runs/x4")
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
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


class _WithKeras(importlib.abc.MetaPathFinder):
    """Imports the models right after Keras, once, which registers their classes.

    `keras.models.load_model` knows registered classes only, and imports no others.
    """

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "keras":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            execute(module)
            if "srgan_tf.models" not in sys.modules:  # else it is what imports Keras
                importlib.import_module("srgan_tf.models")

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if "keras" in sys.modules:
    importlib.import_module("srgan_tf.models")
else:
    sys.meta_path.insert(0, _WithKeras())
