"""The networks: Figure 4 of the paper and the VGG19 features of its equation 5."""

from srgan_tf.models.discriminator import Discriminator
from srgan_tf.models.generator import Generator
from srgan_tf.models.srgan import SRGAN
from srgan_tf.models.vgg import VGGFeatures

__all__ = ["SRGAN", "Discriminator", "Generator", "VGGFeatures"]
