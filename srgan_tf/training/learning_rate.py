"""How Adam's learning rate goes: as in section 3.2, or along a cosine."""

from typing import TypeAlias

import keras

from srgan_tf.options import TrainOptions

Rate: TypeAlias = "float | keras.optimizers.schedules.LearningRateSchedule"


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Rises in a line from 0 to a rate in so many steps, then follows it."""

    def __init__(self, rate: Rate, steps: int):
        self.rate = rate
        self.steps = steps

    def __call__(self, step):
        rate = self.rate(step) if callable(self.rate) else self.rate
        done = (keras.ops.cast(step, "float32") + 1) / (self.steps + 1)
        return rate * keras.ops.minimum(done, 1.0)


def learning_rate(options: TrainOptions, stage: str) -> Rate:
    """Adam's rate in the stage `pretrain` or `gan`: section 3.2's, or a cosine."""
    schedules = keras.optimizers.schedules
    first = getattr(options, f"{stage}_learning_rate")
    if options.schedule == "cosine":
        rate = schedules.CosineDecay(first, options.steps(stage), alpha=0.01)
    elif stage == "gan":
        rate = schedules.PiecewiseConstantDecay(
            [options.gan_decay_step], [first, first / 10]
        )
    else:
        rate = first
    return WarmUp(rate, options.warmup_steps) if options.warmup_steps else rate
