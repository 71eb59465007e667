"""What the commands beside `train` can be told."""

import dataclasses

from srgan_tf.errors import UserError
from srgan_tf.options.fields import option
from srgan_tf.options.groups import (
    DEGRADATIONS,
    Compilation,
    Features,
    Inference,
    ModelFiles,
    Output,
    PhotoSet,
)
from srgan_tf.options.training import TrainOptions

# Phones make photos of 200.
MAX_MEGAPIXELS = 250.0
RESULT_FORMATS = ("png", "jpg", "webp", "tiff", "bmp", "gif", "avif", "heic", "jxl")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareOptions(PhotoSet):
    """Preparation"""

    output: str | None = option(None, "Folder to make, for --dataset of train.")
    size: int = option(
        512,
        "About the side of the sub-pictures that larger photos are cut into, in "
        "pixels; smaller ones are read faster.",
        least=64,
    )
    min_size: int = option(
        96, "Smallest side of a sub-picture: that of the crops.", least=16
    )
    min_detail: float = option(
        1.0,
        "Mean difference between neighbouring pixels in levels of 0..255; what has "
        "less is flat and left out.",
        least=0,
    )
    compression: int = option(
        1,
        "Of PNG, 0 to 9. 0 leaves no photo as JPEG either: it takes about three times "
        "the room and half the time to read.",
        least=0,
        most=9,
    )

    def check(self) -> None:
        if not self.output:
            raise UserError("prepare needs --output; see --help.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateOptions(ModelFiles, Inference, Features):
    """Evaluation"""

    benchmarks: tuple[str, ...] = option(
        (), "Folders with HR/ and, unless LR is to be made from HR, LR/."
    )
    scale: int = option(4, "Factor between LR and HR.", least=2, most=8)
    report: tuple[str, ...] = option((), "Files to write, .json or .md.")
    save_images: str | None = option(
        None, "Folder for the SR pictures, and for degraded LR."
    )
    degradation: tuple[str, ...] = option(
        (),
        "Make LR from HR by each of these, even where LR is given: "
        f"{', '.join(DEGRADATIONS)}.",
    )
    degradation_seed: int = option(
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

    scale: int | None = option(
        None,
        "Factor of the size: the model's if left out; whole numbers below it are "
        "reached by downsizing.",
        least=2,
        most=8,
    )
    realism: float | None = option(
        None,
        "Blend SRResNet (0, most faithful) and SRGAN (1, most photo-realistic), or the "
        "two files of --model=FAITHFUL,REALISTIC.",
        least=0,
        most=1,
    )
    format: str | None = option(
        None,
        "png, jpg, webp, tiff, bmp, gif, avif, heic, jxl, or same: that of the photo; "
        "if left out, that of --output, or png. gif and webp take all frames of an "
        "animation.",
        choices=(*RESULT_FORMATS, "same"),
    )
    quality: int = option(
        95, "Of JPEG, WebP, AVIF, HEIC and JPEG XL, 1 to 100.", least=1, most=100
    )
    lossless: bool = option(False, "Lose nothing in WebP and JPEG XL.")
    overwrite: bool = option(
        False, "Make results anew, and replace files that have their names."
    )
    compare: bool = option(False, "Also write ..._compare.png: bicubic left, SR right.")
    keep_times: bool = option(
        False, "Give results the modification times of their photos."
    )
    max_megapixels: float = option(
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

    format: str = option(
        "saved_model",
        "saved_model, litert or onnx.",
        choices=("saved_model", "litert", "onnx"),
    )
    quantize: str | None = option(
        None,
        "Of litert: smaller numbers, float16, dynamic or int8; the last two look at "
        "photos of --dataset.",
        choices=("float16", "dynamic", "int8"),
    )
    input_size: str | None = option(None, "Of litert: fixed LR size, HEIGHTxWIDTH.")

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

    dataset: str = option(
        "bundled", "HR photos to draw crops from, named as for training."
    )

    def check(self) -> None:
        super().check()
        if len(self.model) > 1:
            raise UserError("benchmark takes one --model.")
