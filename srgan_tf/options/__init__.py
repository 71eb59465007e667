"""What each command can be told: one frozen dataclass per command.

The flags of the command line are made from these (`srgan_tf.command_line`), so that
each is declared once: its default, help and bounds here. Python callers get the same
checks. Only the standard library is needed: `--help` starts without TensorFlow.
"""

from srgan_tf.options.commands import (
    ANIMATION_FORMATS,
    MAX_MEGAPIXELS,
    RESULT_FORMATS,
    VIDEO_FORMATS,
    BenchmarkOptions,
    EvaluateOptions,
    ExportOptions,
    PrepareOptions,
    ServeOptions,
    UpscaleOptions,
)
from srgan_tf.options.fields import RESUME, Options
from srgan_tf.options.groups import DEGRADATIONS
from srgan_tf.options.training import PRECISIONS, STRATEGIES, TrainOptions

__all__ = [
    "ANIMATION_FORMATS",
    "DEGRADATIONS",
    "MAX_MEGAPIXELS",
    "PRECISIONS",
    "RESULT_FORMATS",
    "RESUME",
    "STRATEGIES",
    "VIDEO_FORMATS",
    "BenchmarkOptions",
    "EvaluateOptions",
    "ExportOptions",
    "Options",
    "PrepareOptions",
    "ServeOptions",
    "TrainOptions",
    "UpscaleOptions",
]
