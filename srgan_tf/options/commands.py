"""What the commands beside `train` can be told."""

import dataclasses
import re
from typing import Any

from srgan_tf.errors import UserError
from srgan_tf.options.fields import option
from srgan_tf.options.groups import (
    DEGRADATIONS,
    Compilation,
    Engine,
    Features,
    Inference,
    ModelFiles,
    Output,
    PhotoSet,
    Videos,
)
from srgan_tf.options.training import TrainOptions

# Phones make photos of 200.
MAX_MEGAPIXELS = 250.0
RESULT_FORMATS = ("png", "jpg", "webp", "tiff", "bmp", "avif", "heic", "jxl")
ANIMATION_FORMATS = ("gif",)
VIDEO_FORMATS = ("mp4", "mov", "mkv", "webm")
_FRAMES = re.compile(r"(\d*):(\d*)")
_SIZE = re.compile(r"[1-9]\d*x[1-9]\d*", re.ASCII)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareOptions(PhotoSet, Engine):
    """Preparation"""

    output: str | None = option(None, "Folder to make, for --dataset of train.")
    size: int = option(
        256,
        "About the side of the sub-pictures that larger photos are cut into, in "
        "pixels; larger ones are read more slowly.",
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
    min_quality: int = option(
        0, "Leave out JPEGs of less quality, by their tables.", least=0, most=100
    )
    near_duplicates: bool = option(
        False, "Leave out photos that show the same as one before them."
    )
    unlike: tuple[str, ...] = option(
        (), "Folders, such as of benchmarks: leave out photos that resemble theirs."
    )
    likeness: int = option(
        6,
        "Bits, of the 64 of perceptual hashes, in which photos differ at most that "
        "show the same.",
        least=0,
        most=16,
    )

    def check(self) -> None:
        super().check()
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
        0,
        "Of what is left to chance in it: equal seeds give equal LR.",
        least=0,
        most=2**32 - 1,
    )

    def check(self) -> None:
        super().check()
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
class UpscaleOptions(ModelFiles, Inference, Output, Videos, Engine):
    """Upscaling"""

    scale: int | None = option(
        None,
        "Factor of the size: the model's if left out; whole numbers below it are "
        "reached by downsizing.",
        least=2,
        most=8,
    )
    size: str | None = option(
        None,
        "Of the result in pixels, WIDTHxHEIGHT, instead of --scale, for photos of that "
        "shape; for others see --fit.",
    )
    long_side: int | None = option(
        None,
        "Longer side of the result in pixels, instead of --scale, for photos.",
        least=1,
    )
    fit: bool = option(False, "Make results as large as they fit into --size.")
    realism: float | None = option(
        None,
        "Blend SRResNet (0, most faithful) and SRGAN (1, most photo-realistic), or the "
        "two files of --model=FAITHFUL,REALISTIC. If left out 1; for videos 0, which "
        "flickers less.",
        least=0,
        most=1,
    )
    denoise: float | None = option(
        None,
        "Blend the models for clean pictures (0, as --model=srgan_x4) and for photos "
        "with noise, JPEG and the like (1, the default).",
        least=0,
        most=1,
    )
    format: str | None = option(
        None,
        "png, jpg, webp, tiff, bmp, avif, heic, jxl, or same: that of the photo; if "
        "left out, that of --output, or png. Of videos mp4, mov, mkv or webm; if left "
        "out that of the video, or mp4. Of animations gif or webp; if left out their "
        "own.",
        choices=(*RESULT_FORMATS, *ANIMATION_FORMATS, *VIDEO_FORMATS, "same"),
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

    def dials(self) -> dict[str, Any]:
        """What decides which models are used, and how much of each: see `choose`."""
        return {name: getattr(self, name) for name in ("scale", "realism", "denoise")}

    def check(self) -> None:
        super().check()
        if self.lossless and self.format in ("jpg", "avif", "heic"):
            raise UserError(
                f"--lossless is for webp and jxl, and --format={self.format} always "
                "loses something; png loses nothing."
            )
        self._check_size()
        if self.frames is not None:
            match = _FRAMES.fullmatch(self.frames)
            if not match or (match[2] and int(match[1] or 0) >= int(match[2])):
                raise UserError(
                    f"--frames={self.frames}: must be START:END, such as 0:250."
                )

    def _check_size(self) -> None:
        given = [name for name in ("scale", "size", "long_side") if getattr(self, name)]
        if len(given) > 1:
            raise UserError(f"--{given[0]} and --{given[1]}: choose one.")
        if self.size is not None and not _SIZE.fullmatch(self.size):
            raise UserError(
                f"--size={self.size}: must be WIDTHxHEIGHT, such as 1920x1080."
            )
        if self.fit and not self.size:
            raise UserError("--fit is for --size.")


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
        "Smaller numbers: float16 of litert and onnx, dynamic or int8 of litert; the "
        "last two look at photos of --dataset.",
        choices=("float16", "dynamic", "int8"),
    )
    input_size: str | None = option(
        None, "Of litert and onnx: fixed LR size, HEIGHTxWIDTH."
    )

    def check(self) -> None:
        if len(self.model) > 1:
            raise UserError("export takes one --model.")
        for name, formats in (
            ("quantize", ("litert", "onnx")),
            ("input_size", ("litert", "onnx")),
            ("jit_compile", ("saved_model",)),
        ):
            if getattr(self, name) and self.format not in formats:
                raise UserError(
                    f"--{name} is for --format={' and '.join(formats)}, not for "
                    f"{self.format}."
                )
        if self.format == "onnx" and self.quantize not in (None, "float16"):
            raise UserError(
                f"--quantize={self.quantize} is for --format=litert, not for onnx."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServeOptions(ModelFiles):
    """Serving"""

    host: str = option(
        "127.0.0.1",
        "Address to listen on; with another than this one others can use the page.",
    )
    port: int = option(7860, "Port to listen on.", least=1, most=65535)
    max_megapixels: float = option(
        25.0, "Refuse requests whose photos have more together.", least=0
    )
    queue: int = option(
        8, "Requests that wait while one is computed; others are refused.", least=1
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
