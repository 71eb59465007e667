"""What each command can be told: one frozen dataclass per command.

The flags of the command line are made from these (`srgan_tf.command_line`), so that
each is declared once: its default, help and bounds here. Python callers get the same
checks.
Only the standard library is needed: `--help` starts without TensorFlow.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from srgan_tf.errors import UserError

DEGRADATIONS = (
    *("bicubic", "photo", "jpeg90", "jpeg70", "jpeg50", "jpeg30", "area", "bilinear"),
    *("lanczos", "aliased", "blur1", "blur2", "noise3", "noise8", "web", "sharpened"),
    "thumbnail",
)
PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")
# Phones make photos of 200.
MAX_MEGAPIXELS = 250.0
RESULT_FORMATS = ("png", "jpg", "webp", "tiff", "bmp", "avif", "heic", "jxl")
RESUME = {
    "applied": "takes the new value from there on",
    "harmless": "takes the new value, which does not change what is learnt",
    "refused": "ends with an error: a run keeps its value",
    "ignored": "is no property of the run",
}
STRATEGIES = ("auto", "one", "mirrored", "multi_worker", "tpu")


def _option(
    default: Any,
    help: str,
    *,
    least: float | None = None,
    most: float | None = None,
    choices: Sequence | None = None,
    resume: str | None = None,
    stage: str | None = None,
) -> Any:
    """A field with its help, and its number's bounds or the only values it may have.

    Args:
        default: Its value where none is given.
        help: For `--help`.
        least: Bound of a number.
        most: Bound of a number.
        choices: The only values there are.
        resume: Of training: what another value does to a run that is there already, one
            of `RESUME`.
        stage: Of training: the only stage it matters to, `pretrain` or `gan`.
    """
    metadata = {
        "help": help,
        "least": least,
        "most": most,
        "choices": choices,
        "resume": resume,
        "stage": stage,
    }
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What all options share: each value is checked when the object is made.

    Raises:
        UserError: If a value is out of its bounds, or values do not go together.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            _check(field, getattr(self, field.name))
        self.check()

    def check(self) -> None:
        """Refuses values that do not go together."""


def _check(field: dataclasses.Field, value: object) -> None:
    limits, given = field.metadata, f"--{field.name}={value}"
    if value is None and field.default is None:
        return
    if limits["choices"] and value not in limits["choices"]:
        *first, last = map(str, limits["choices"])
        raise UserError(f"{given}: must be {', '.join(first)} or {last}.")
    if limits["least"] is None and limits["most"] is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UserError(f"{given}: must be a number.")
    least, most = limits["least"], limits["most"]
    if not math.isfinite(value):
        raise UserError(f"{given}: must be a finite number.")
    if least is not None and most is not None and not least <= value <= most:
        raise UserError(f"{given}: must be {least} to {most}.")
    if least is not None and value < least:
        raise UserError(f"{given}: must be at least {least}.")


# ---- groups that several commands share; the docstring is the heading in --help


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelFiles(Options):
    """Model files"""

    model: tuple[str, ...] = _option(
        (),
        "Released names, .keras or .h5 files (also krasserm's), run folders or exports."
        " For evaluate several, and bicubic; else one, or srgan_x4.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inference(Options):
    """Inference"""

    self_ensemble: bool = _option(
        False, "Average 8 flips and turns: 8 times slower, fewer errors."
    )
    fast: bool = _option(False, "8-bit arithmetic: less exact, needs LiteRT.")
    tile: int | None = _option(
        None,
        "Side of the tiles in LR pixels, for less memory; the result is the same.",
        least=16,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Output(Options):
    """Output"""

    output: str | None = _option(
        None, "A file or a folder; beside the photo, or here, if left out."
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PhotoSet(Options):
    """Photos"""

    dataset: str = _option(
        "auto",
        "HR photos: a folder, a glob, bundled, a TensorFlow data set such as div2k, or "
        "auto: div2k where it is or can be fetched, else bundled.",
        resume="applied",
    )
    split: str = _option("train", "Split of a TensorFlow data set.", resume="applied")
    data_dir: str | None = _option(
        None,
        "Where TensorFlow Datasets keeps its files; its own default if left out.",
        resume="harmless",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Features(Options):
    """VGG19"""

    vgg_weights: str = _option(
        "auto",
        "imagenet (downloaded by Keras), a Keras VGG19 .h5 file, or auto: imagenet or, "
        "where that cannot be had, content loss mse in training and no distances phi in"
        " evaluate, which leaves them out if it is empty, too.",
        resume="applied",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compilation(Options):
    """Compilation"""

    jit_compile: bool = _option(
        False,
        "Compile by XLA: the training step, or an exported SavedModel (anew for every "
        "size).",
        resume="harmless",
    )


# ---- the commands


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFolderOptions(Options):
    """Run"""

    run_dir: str | None = _option(
        None,
        "Run folder; if left out, that of the flagfile: runs/NAME, or the one it lies "
        "in; without a flagfile runs/default.",
        resume="ignored",
    )
    init: str | None = _option(
        None, "Start from this generator: a file or a run folder.", resume="refused"
    )
    init_discriminator: str | None = _option(
        None, "Start stage 2 from this .h5 file.", resume="refused", stage="gan"
    )
    freeze_batch_norm: bool = _option(
        False,
        "Leave the generator's BatchNorm as --init has it: for fine-tuning.",
        resume="applied",
    )
    seed: int = _option(
        0, "Fixes start weights and the sequence of crops.", least=0, resume="refused"
    )
    log_every: int = _option(
        100, "Steps between rows of metrics.csv.", least=1, resume="harmless"
    )
    save_every: int = _option(
        1000,
        "Steps between checkpoints, with validation and sample pictures.",
        least=1,
        resume="harmless",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Crops(Options):
    """Validation, crops"""

    valid_dataset: str = _option(
        "bundled", "Validation photos, named like --dataset.", resume="applied"
    )
    crop_size: int = _option(
        96, "Side of the HR crops in pixels.", least=16, resume="refused"
    )
    batch_size: int = _option(16, "Crops per step.", least=1, resume="applied")
    degradation: str = _option(
        "bicubic",
        "How LR is made from HR: MATLAB's bicubic alone, photo: what happens to real "
        "photos (blur, other filters, sharpening, noise and JPEG, each at times), or "
        "one of its parts.",
        choices=DEGRADATIONS,
        resume="applied",
    )
    cache_gib: float = _option(
        8.0, "Memory for decoded photos, GiB.", least=0, resume="harmless"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network(Options):
    """Generator"""

    scale: int = _option(
        4, "Factor between LR and HR.", choices=(2, 4, 8), resume="refused"
    )
    num_blocks: int = _option(
        16, "Residual blocks of the generator.", least=1, resume="refused"
    )
    filters: int = _option(64, "Filters of the generator.", least=1, resume="refused")


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageOne(Options):
    """Stage 1, SRResNet"""

    pretrain_steps: int = _option(
        1_000_000,
        "Steps of stage 1, SRResNet; 0 skips the stage.",
        least=0,
        resume="harmless",
        stage="pretrain",
    )
    pretrain_loss: str = _option(
        "mse",
        "Of stage 1: mse, mae, vgg22, vgg54, ...",
        resume="applied",
        stage="pretrain",
    )
    pretrain_learning_rate: float = _option(
        1e-4, "Adam's in stage 1.", least=0, resume="applied", stage="pretrain"
    )
    patience: int = _option(
        0,
        "Above 0 stage 1 ends after so many validations (see --save_every) without a "
        "better PSNR.",
        least=0,
        resume="harmless",
        stage="pretrain",
    )
    total_variation: float = _option(
        0.0, "Its weight beside a VGG loss.", least=0, resume="applied"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageTwo(Options):
    """Stage 2, SRGAN"""

    gan_steps: int = _option(
        200_000,
        "Steps of stage 2, SRGAN; 0 skips the stage.",
        least=0,
        resume="harmless",
        stage="gan",
    )
    restart_gan: bool = _option(
        False,
        "Where stage 1 is trained on under a stage 2 that has begun: begin that anew.",
        resume="ignored",
    )
    content_loss: str = _option(
        "vgg54",
        "Of stage 2: vgg54, vgg22, a sum such as vgg22,vgg34, or mse.",
        resume="applied",
        stage="gan",
    )
    colour_weight: float = _option(
        0.0,
        "Beside a VGG loss: weight of the squared distance of 8x8 means, which keeps "
        "colours.",
        least=0,
        resume="applied",
    )
    adversarial_weight: float = _option(
        1e-3, "In equation 3.", least=0, resume="applied", stage="gan"
    )
    gan_learning_rate: float = _option(
        1e-4,
        "Adam's in stage 2, of both networks.",
        least=0,
        resume="applied",
        stage="gan",
    )
    gan_decay_step: int = _option(
        100_000,
        "Step of stage 2 from which it is a tenth.",
        least=0,
        resume="applied",
        stage="gan",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LearningRates(Options):
    """Learning rates"""

    schedule: str = _option(
        "paper",
        "paper: constant in stage 1, a step to a tenth in stage 2; cosine: both stages "
        "fall along half a cosine to a hundredth.",
        choices=("paper", "cosine"),
        resume="applied",
    )
    warmup_steps: int = _option(
        0, "Steps of each stage in which the rate rises.", least=0, resume="applied"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Computation(Options):
    """Computation"""

    precision: str = _option(
        "auto",
        "Arithmetic of the networks; auto: mixed_bfloat16 where the device has it, "
        "else float32.",
        choices=PRECISIONS,
        resume="applied",
    )
    strategy: str = _option(
        "auto",
        "Devices: one; all GPUs of this machine (mirrored); all machines in TF_CONFIG "
        "(multi_worker); a TPU; auto: what there is, but no TPU.",
        choices=STRATEGIES,
        resume="harmless",
    )
    steps_per_execution: int = _option(
        1,
        "Steps between looks at the losses, a divisor of --log_every and --save_every: "
        "more of them spare a GPU or TPU some waiting.",
        least=1,
        resume="harmless",
    )
    clip_norm: float = _option(
        0.0,
        "Above 0 the gradients of each network are scaled down to this norm.",
        least=0,
        resume="applied",
    )
    ema_decay: float = _option(
        0.0,
        "Above 0 the result is a running average of the weights, such as 0.999.",
        least=0,
        most=1,
        resume="applied",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainOptions(
    RunFolderOptions,
    PhotoSet,
    Crops,
    Network,
    StageOne,
    StageTwo,
    LearningRates,
    Features,
    Computation,
    Compilation,
):
    """Training"""

    def check(self) -> None:
        if self.crop_size % self.scale:
            raise UserError(
                f"--crop_size={self.crop_size} must be a multiple of "
                f"--scale={self.scale}."
            )
        for name in ("log_every", "save_every"):
            if getattr(self, name) % self.steps_per_execution:
                raise UserError(
                    f"--{name}={getattr(self, name)} must be a multiple of "
                    f"--steps_per_execution={self.steps_per_execution}."
                )

    def steps(self, stage: str) -> int:
        """Steps of the stage `pretrain` or `gan`."""
        return self.pretrain_steps if stage == "pretrain" else self.gan_steps

    def as_flags(self) -> dict[str, object]:
        """Every value that describes the run, as `run.flags` records it."""
        values = dataclasses.asdict(self)
        del values["run_dir"], values["restart_gan"]
        return {name: value for name, value in values.items() if value is not None}


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareOptions(PhotoSet):
    """Preparation"""

    output: str | None = _option(None, "Folder to make, for --dataset of train.")
    size: int = _option(
        512,
        "About the side of the sub-pictures that larger photos are cut into, in "
        "pixels; smaller ones are read faster.",
        least=64,
    )
    min_size: int = _option(
        96, "Smallest side of a sub-picture: that of the crops.", least=16
    )
    min_detail: float = _option(
        1.0,
        "Mean difference between neighbouring pixels in levels of 0..255; what has "
        "less is flat and left out.",
        least=0,
    )
    compression: int = _option(
        1,
        "Of PNG, 0 to 9; 0 takes twice the room of 1 and is read three times faster.",
        least=0,
        most=9,
    )

    def check(self) -> None:
        if not self.output:
            raise UserError("prepare needs --output; see --help.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateOptions(ModelFiles, Inference, Features):
    """Evaluation"""

    benchmarks: tuple[str, ...] = _option(
        (), "Folders with HR/ and, unless LR is to be made from HR, LR/."
    )
    scale: int = _option(4, "Factor between LR and HR.", least=2, most=8)
    report: tuple[str, ...] = _option((), "Files to write, .json or .md.")
    save_images: str | None = _option(
        None, "Folder for the SR pictures, and for degraded LR."
    )
    degradation: tuple[str, ...] = _option(
        (),
        "Make LR from HR by each of these, even where LR is given: "
        f"{', '.join(DEGRADATIONS)}.",
    )
    degradation_seed: int = _option(
        0, "Of what is left to chance in it: equal seeds give equal LR.", least=0
    )

    def check(self) -> None:
        for name in ("model", "benchmarks"):
            if not getattr(self, name):
                raise UserError(f"evaluate needs --{name}; see --help.")
        for kind in self.degradation:
            if kind not in DEGRADATIONS:
                raise UserError(
                    f"--degradation={kind}: must be one of {', '.join(DEGRADATIONS)}."
                )
        for path in self.report:
            if not path.endswith((".json", ".md")):
                raise UserError(f"--report={path}: the name must end in .json or .md.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class UpscaleOptions(ModelFiles, Inference, Output):
    """Upscaling"""

    scale: int | None = _option(
        None,
        "Factor of the size: the model's if left out; whole numbers below it are "
        "reached by downsizing.",
        least=2,
        most=8,
    )
    realism: float | None = _option(
        None,
        "Blend SRResNet (0, most faithful) and SRGAN (1, most photo-realistic), or the "
        "two files of --model=FAITHFUL,REALISTIC.",
        least=0,
        most=1,
    )
    format: str | None = _option(
        None,
        "png, jpg, webp, tiff, bmp, avif, heic, jxl, or same: that of the photo; if "
        "left out, that of --output, or png.",
        choices=(*RESULT_FORMATS, "same"),
    )
    quality: int = _option(
        95, "Of JPEG, WebP, AVIF, HEIC and JPEG XL, 1 to 100.", least=1, most=100
    )
    lossless: bool = _option(False, "Lose nothing in WebP and JPEG XL.")
    overwrite: bool = _option(
        False, "Make results anew, and replace files that have their names."
    )
    compare: bool = _option(
        False, "Also write ..._compare.png: bicubic left, SR right."
    )
    keep_times: bool = _option(
        False, "Give results the modification times of their photos."
    )
    max_megapixels: float = _option(
        MAX_MEGAPIXELS,
        "Refuse photos that have more: a file of a few bytes can claim any size.",
        least=0,
    )

    def check(self) -> None:
        if self.lossless and self.format in ("jpg", "avif", "heic"):
            raise UserError(
                f"--lossless is for webp and jxl, and --format={self.format} always "
                "loses something; png loses nothing."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportOptions(ModelFiles, Output, PhotoSet, Compilation):
    """Exports"""

    format: str = _option(
        "saved_model",
        "saved_model, litert or onnx.",
        choices=("saved_model", "litert", "onnx"),
    )
    quantize: str | None = _option(
        None,
        "Of litert: smaller numbers, float16, dynamic or int8; the last two look at "
        "photos of --dataset.",
        choices=("float16", "dynamic", "int8"),
    )
    input_size: str | None = _option(None, "Of litert: fixed LR size, HEIGHTxWIDTH.")

    def check(self) -> None:
        if len(self.model) > 1:
            raise UserError("export takes one --model.")
        for name, needed in (
            ("quantize", "litert"),
            ("input_size", "litert"),
            ("jit_compile", "saved_model"),
        ):
            if getattr(self, name) and self.format != needed:
                raise UserError(
                    f"--{name} is for --format={needed}, not for {self.format}."
                )


@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchmarkOptions(TrainOptions, ModelFiles):
    """Benchmark"""

    def check(self) -> None:
        super().check()
        if len(self.model) > 1:
            raise UserError("benchmark takes one --model.")
