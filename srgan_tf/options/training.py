"""What `train` can be told: section 3.2 of the paper, and what this package adds."""

import dataclasses

from srgan_tf.errors import UserError
from srgan_tf.options.fields import Options, option
from srgan_tf.options.groups import DEGRADATIONS, Compilation, Features, PhotoSet

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")
STRATEGIES = ("auto", "one", "mirrored", "multi_worker", "tpu")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFolderOptions(Options):
    """Run"""

    run_dir: str | None = option(
        None,
        "Run folder; if left out, that of the flagfile: runs/NAME, or the one it lies "
        "in; without a flagfile runs/default.",
        resume="ignored",
    )
    init: str | None = option(
        None,
        "Start from this generator: a released name, a file or a run folder. Of one of "
        "another scale all is taken that fits: the trunk and the upsampling's start.",
        resume="refused",
    )
    init_discriminator: str | None = option(
        None,
        "Start stage 2 from this discriminator: a released name or an .h5 file.",
        resume="refused",
        stage="gan",
    )
    freeze_batch_norm: bool = option(
        False,
        "Leave the generator's BatchNorm as --init has it: for fine-tuning.",
        resume="applied",
    )
    freeze_trunk: bool = option(
        False,
        "Train the generator's upsampling alone: first, for another scale than --init "
        "has.",
        resume="refused",
    )
    forbid_checkerboard: bool = option(
        False,
        "Hold the generator's kernels behind a pixel shuffle to those that answer "
        "nothing at its period.",
        resume="applied",
    )
    seed: int = option(
        0,
        "Fixes start weights and the sequence of crops.",
        least=0,
        most=2**32 - 1,
        resume="refused",
    )
    log_every: int = option(
        100, "Steps between rows of metrics.csv.", least=1, resume="harmless"
    )
    save_every: int = option(
        1000,
        "Steps between checkpoints, with validation and sample pictures.",
        least=1,
        resume="harmless",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Crops(Options):
    """Validation, crops"""

    valid_dataset: str = option(
        "bundled", "Validation photos, named like --dataset.", resume="applied"
    )
    crop_size: int = option(
        96, "Side of the HR crops in pixels.", least=16, resume="refused"
    )
    batch_size: int = option(16, "Crops per step.", least=1, resume="applied")
    degradation: str = option(
        "bicubic",
        "How LR is made from HR: MATLAB's bicubic alone, photo: what happens to real "
        "photos (blur, other filters, sharpening, noise and JPEG, each at times), or "
        "one of its parts.",
        choices=DEGRADATIONS,
        resume="applied",
    )
    cache_gib: float = option(
        8.0,
        "Memory for decoded photos, GiB. Others are read on use, as all of a folder of "
        "prepare are.",
        least=0,
        resume="harmless",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network(Options):
    """Generator"""

    scale: int = option(
        4, "Factor between LR and HR.", choices=(2, 4, 8), resume="refused"
    )
    num_blocks: int = option(
        16, "Residual blocks of the generator.", least=1, resume="refused"
    )
    filters: int = option(64, "Filters of the generator.", least=1, resume="refused")


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageOne(Options):
    """Stage 1, SRResNet"""

    pretrain_steps: int = option(
        1_000_000,
        "Steps of stage 1, SRResNet; 0 skips the stage.",
        least=0,
        resume="harmless",
        stage="pretrain",
    )
    pretrain_loss: str = option(
        "mse",
        "Of stage 1: mse, mae, vgg22, vgg54, ...",
        resume="applied",
        stage="pretrain",
    )
    pretrain_learning_rate: float = option(
        1e-4, "Adam's in stage 1.", least=0, resume="applied", stage="pretrain"
    )
    patience: int = option(
        0,
        "Above 0 stage 1 ends after so many validations (see --save_every) without a "
        "better PSNR.",
        least=0,
        resume="harmless",
        stage="pretrain",
    )
    total_variation: float = option(
        0.0, "Its weight beside a VGG loss.", least=0, resume="applied"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageTwo(Options):
    """Stage 2, SRGAN"""

    gan_steps: int = option(
        200_000,
        "Steps of stage 2, SRGAN; 0 skips the stage.",
        least=0,
        resume="harmless",
        stage="gan",
    )
    restart_gan: bool = option(
        False,
        "Where stage 1 is trained on under a stage 2 that has begun: begin that anew.",
        resume="ignored",
    )
    content_loss: str = option(
        "vgg54",
        "Of stage 2: vgg54, vgg22, a sum such as vgg22,vgg34, or mse.",
        resume="applied",
        stage="gan",
    )
    discriminator: str = option(
        "paper",
        "paper: Figure 4, for crops of --crop_size alone; pooled: of 48 filters, with "
        "the mean over positions before its dense layers: an eighth as large, and it "
        "goes on to crops of any size.",
        choices=("paper", "pooled"),
        resume="refused",
        stage="gan",
    )
    keep: str = option(
        "last",
        "Result of stage 2: its last generator, or the best of the validations by psnr "
        "or by phi34, the distance at phi_{3,4} of VGG19.",
        choices=("last", "psnr", "phi34"),
        resume="applied",
        stage="gan",
    )
    colour_weight: float = option(
        0.0,
        "Beside a VGG loss: weight of the squared distance of 8x8 means, which keeps "
        "colours.",
        least=0,
        resume="applied",
    )
    adversarial_weight: float = option(
        1e-3, "In equation 3.", least=0, resume="applied", stage="gan"
    )
    gan_learning_rate: float = option(
        1e-4,
        "Adam's in stage 2, of both networks.",
        least=0,
        resume="applied",
        stage="gan",
    )
    gan_decay_step: int = option(
        100_000,
        "Step of stage 2 from which it is a tenth.",
        least=0,
        resume="applied",
        stage="gan",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LearningRates(Options):
    """Learning rates"""

    schedule: str = option(
        "paper",
        "paper: constant in stage 1, a step to a tenth in stage 2; cosine: both stages "
        "fall along half a cosine to a hundredth.",
        choices=("paper", "cosine"),
        resume="applied",
    )
    warmup_steps: int = option(
        0, "Steps of each stage in which the rate rises.", least=0, resume="applied"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Computation(Options):
    """Computation"""

    precision: str = option(
        "auto",
        "Arithmetic of the networks; auto: mixed_bfloat16 where the device has it, "
        "else float32.",
        choices=PRECISIONS,
        resume="applied",
    )
    strategy: str = option(
        "auto",
        "Devices: one; all GPUs of this machine (mirrored); all machines in TF_CONFIG "
        "(multi_worker); a TPU; auto: what there is, but no TPU.",
        choices=STRATEGIES,
        resume="harmless",
    )
    steps_per_execution: int = option(
        1,
        "Steps between looks at the losses, a divisor of --log_every and --save_every: "
        "more of them spare a GPU or TPU some waiting.",
        least=1,
        resume="harmless",
    )
    clip_norm: float = option(
        0.0,
        "Above 0 the gradients of each network are scaled down to this norm.",
        least=0,
        resume="applied",
    )
    ema_decay: float = option(
        0.0,
        "Above 0 the result is a running average of the weights, such as 0.999.",
        least=0,
        most=0.999999,  # with 1 it would never move
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
