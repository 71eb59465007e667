"""Less of what flickers: the default model for what moves.

A GAN makes detail anew in each frame. Where nothing changes but sensor noise of two
levels, successive frames of `srgan_x4_photo` differ 2.3 times as much as bicubic's,
those of `srresnet_x4_photo` 1.1 times; on a slow pan, after the motion is taken out,
4.4 and 1.0 times; with noise and H.264 4.7 and 1.3 times (`experiments/video.py`).
"""

import dataclasses

from srgan_tf.inference.choosing import choose
from srgan_tf.models.pretrained import released_models
from srgan_tf.options import UpscaleOptions


def steady(options: UpscaleOptions) -> UpscaleOptions:
    """The options for what moves: SRResNet, where no model and no realism is named.

    Args:
        options: As given.
    """
    if options.model or options.realism is not None:
        return options
    calm = dataclasses.replace(options, realism=0.0)
    shares = choose(None, scale=calm.scale, realism=0.0, denoise=calm.denoise)
    there = {str(share.model) for share in shares} <= set(released_models())
    return calm if there else options
