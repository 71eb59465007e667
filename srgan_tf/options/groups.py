"""Options that several commands share; a docstring is the heading in `--help`."""

import dataclasses

from srgan_tf.errors import UserError
from srgan_tf.options.fields import Options, option

DEGRADATIONS = (
    *("bicubic", "photo", "jpeg90", "jpeg70", "jpeg50", "jpeg30", "area", "bilinear"),
    *("lanczos", "aliased", "blur1", "blur2", "noise3", "noise8", "web", "sharpened"),
    "thumbnail",
)
CODECS = ("h264", "hevc", "vp9", "av1")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelFiles(Options):
    """Model files"""

    model: tuple[str, ...] = option(
        (),
        "Released names, .keras or .h5 files (also krasserm's), run folders or exports."
        " For evaluate several, also bicubic, and for serve; else one or the default.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inference(Options):
    """Inference"""

    self_ensemble: bool = option(
        False, "Average 8 flips and turns: 8 times slower, fewer errors."
    )
    precision: str = option(
        "auto",
        "Arithmetic of the convolutions; auto: mixed_bfloat16 where the device "
        "computes in it, else float32.",
        choices=("auto", "float32", "mixed_bfloat16"),
    )
    fast: bool = option(
        False,
        "8-bit arithmetic, for CPUs: less exact, needs LiteRT.",
    )
    tile: int | None = option(
        None,
        "Side of the tiles in LR pixels, for less memory; the result is the same.",
        least=16,
    )

    def check(self) -> None:
        super().check()
        if self.fast and self.precision != "auto":
            raise UserError(
                f"--fast computes in 8 bits, --precision={self.precision} does not: "
                "choose one."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Output(Options):
    """Output"""

    output: str | None = option(
        None, "A file or a folder; beside the photo, or here, if left out."
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Engine(Options):
    """Apache Beam"""

    beam: bool = option(
        False,
        "Run as a pipeline of Apache Beam, on all cores or on other machines, too.",
    )
    runner: str | None = option(
        None, "Beam's runner, such as DataflowRunner; if left out, this machine."
    )
    beam_options: str | None = option(
        None, "Flags for it, in quotes, such as '--direct_num_workers=2'."
    )

    def check(self) -> None:
        super().check()
        for name in ("runner", "beam_options"):
            if getattr(self, name) is not None and not self.beam:
                raise UserError(f"--{name} is for --beam.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Videos(Options):
    """Videos"""

    codec: str | None = option(
        None,
        "h264, hevc, vp9 or av1; if left out h264, which plays everywhere (hevc for 10 "
        "bits; in webm vp9, with 10 bits av1).",
        choices=CODECS,
    )
    crf: int | None = option(
        None,
        "Quality, lower is better: 0 to 51 of h264 (18 if left out) and hevc (20), 0 "
        "to 63 of vp9 and av1 (24).",
        least=0,
        most=63,
    )
    preset: str | None = option(
        None, "Of the encoder, such as fast or slow; medium if left out."
    )
    frames: str | None = option(
        None, "START:END, only these frames of each video, to try it."
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PhotoSet(Options):
    """Photos"""

    dataset: str = option(
        "auto",
        "HR photos: a folder, a glob, a file, bundled, a TensorFlow data set such as "
        "div2k, or auto: div2k where it is or can be fetched, else bundled. For "
        "training also a folder of prepare, or one with pairs in HR/ and LR/.",
        resume="applied",
    )
    split: str = option("train", "Split of a TensorFlow data set.", resume="applied")
    data_dir: str | None = option(
        None,
        "Where TensorFlow Datasets keeps its files; its own default if left out.",
        resume="harmless",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Features(Options):
    """VGG19"""

    vgg_weights: str = option(
        "auto",
        "imagenet (downloaded by Keras), a Keras VGG19 .h5 file, or auto: imagenet or, "
        "where that cannot be had, content loss mse in training and no distances phi in"
        " evaluate, which leaves them out if it is empty, too.",
        empty=True,
        resume="applied",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compilation(Options):
    """Compilation"""

    jit_compile: bool = option(
        False,
        "Compile by XLA: the training step, or an exported SavedModel (anew for every "
        "size).",
        resume="harmless",
    )
