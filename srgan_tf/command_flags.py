"""The flags of the command line, each defined here, once.

The other modules take keyword arguments.
"""

import contextlib

from absl import flags

FLAGS = flags.FLAGS
GROUPS: dict[str, list[str]] = {}


@contextlib.contextmanager
def _group(title: str):
    """Shows the flags defined inside under a title in `--help`."""
    before = set(FLAGS)
    yield
    GROUPS[title] = [name for name in FLAGS if name not in before]


def define_flags() -> None:
    """Defines every flag of every command."""
    integer, number = flags.DEFINE_integer, flags.DEFINE_float
    text, choice = flags.DEFINE_string, flags.DEFINE_enum

    with _group("The run"):
        text("run_dir", None, "Run folder; runs/NAME of the flagfile if left out.")
        text("init", None, "Start from this generator: a file or a run folder.")
        text("init_discriminator", None, "Start stage 2 from this .h5 file.")
        flags.DEFINE_bool(
            "freeze_batch_norm",
            False,
            "Leave the generator's BatchNorm as --init has it: for fine-tuning.",
        )
        integer("seed", 0, "Fixes start weights and the sequence of crops.", 0)
        integer("log_every", 100, "Steps between rows of metrics.csv.", 1)
        integer(
            "save_every",
            1000,
            "Steps between checkpoints, with validation and sample pictures.",
            1,
        )
    with _group("Data"):
        text(
            "dataset",
            "auto",
            "HR photos: a folder, a glob, bundled, a TensorFlow data set such as "
            "div2k, or auto: div2k where it is or can be fetched, else bundled.",
        )
        text("split", "train", "Split of a TensorFlow data set.")
        text("data_dir", None, "Where TensorFlow Datasets keeps its files.")
        text("valid_dataset", "bundled", "Validation photos, named like --dataset.")
        integer("crop_size", 96, "Side of the HR crops in pixels.", 16)
        integer("batch_size", 16, "Crops per step.", 1)
        choice(
            "degradation",
            "bicubic",
            ("bicubic", "photo"),
            "How LR is made from HR: MATLAB's bicubic alone, or what happens to real "
            "photos: blur, other filters, sharpening, noise and JPEG, each at times.",
        )
        number("cache_gib", 8.0, "Memory for decoded photos, GiB.", 0)
    with _group("Model"):
        integer(
            "scale",
            4,
            "Factor between LR and HR: 2, 4 or 8; upscale also reaches the whole "
            "numbers below its model's by downsizing.",
            2,
            8,
        )
        integer("num_blocks", 16, "Residual blocks of the generator.", 1)
        integer("filters", 64, "Filters of the generator.", 1)
    with _group("Stage 1, SRResNet"):
        integer("pretrain_steps", 1_000_000, "Steps; 0 skips the stage.", 0)
        text("pretrain_loss", "mse", "mse, mae, vgg22, vgg54, ...")
        number("pretrain_learning_rate", 1e-4, "Adam's.", 0)
        number("total_variation", 0.0, "Its weight beside a VGG loss.", 0)
    with _group("Stage 2, SRGAN"):
        integer("gan_steps", 200_000, "Steps; 0 skips the stage.", 0)
        text(
            "content_loss", "vgg54", "vgg54, vgg22, a sum such as vgg22,vgg34, or mse."
        )
        text(
            "vgg_weights",
            "auto",
            "imagenet (downloaded by Keras), a Keras VGG19 .h5 file, or auto: imagenet "
            "or, where that cannot be had, content loss mse. For evaluate it may be "
            "empty, which leaves out the distances phi, as auto does without imagenet.",
        )
        number(
            "colour_weight",
            0.0,
            "Beside a VGG loss: weight of the squared distance of 8x8 means, which "
            "keeps colours.",
            0,
        )
        number("adversarial_weight", 1e-3, "In equation 3.", 0)
        number("gan_learning_rate", 1e-4, "Adam's, of both networks.", 0)
        integer("gan_decay_step", 100_000, "Step from which it is a tenth.", 0)
    with _group("Learning rates"):
        choice(
            "schedule",
            "paper",
            ("paper", "cosine"),
            "paper: constant in stage 1, a step to a tenth in stage 2. cosine: both "
            "stages fall along half a cosine to a hundredth.",
        )
        integer("warmup_steps", 0, "Steps of each stage in which the rate rises.", 0)
    with _group("Model files"):
        flags.DEFINE_list(
            "model",
            [],
            "Released names, .keras or .h5 files (also krasserm's), run folders or "
            "exports. For evaluate several, and bicubic; else one, or srgan_x4.",
        )
        flags.DEFINE_bool(
            "self_ensemble", False, "Average 8 flips and turns: 8 times slower."
        )
        flags.DEFINE_bool("fast", False, "8-bit arithmetic: less exact, needs LiteRT.")
    with _group("Evaluation"):
        flags.DEFINE_list(
            "benchmarks",
            [],
            "Folders with HR/ and, unless LR is to be made from HR, LR/.",
        )
        flags.DEFINE_list("report", [], "Files to write, .json or .md.")
        text("save_images", None, "Folder for the SR pictures.")
    with _group("Computation"):
        choice(
            "precision",
            "auto",
            ("auto", "float32", "mixed_bfloat16", "mixed_float16"),
            "Arithmetic of the networks in training; auto: mixed_bfloat16 where the "
            "device has it, else float32.",
        )
        choice(
            "strategy",
            "auto",
            ("auto", "one", "mirrored", "multi_worker", "tpu"),
            "Devices for training: one; all GPUs of this machine (mirrored); all "
            "machines in TF_CONFIG (multi_worker); a TPU; auto: what there is, but "
            "no TPU.",
        )
        flags.DEFINE_bool(
            "jit_compile",
            False,
            "Compile by XLA: the training step, or an exported SavedModel (anew for "
            "every size).",
        )
        integer(
            "steps_per_execution",
            1,
            "Steps between looks at the losses, a divisor of --log_every and "
            "--save_every: more of them spare a GPU or TPU some waiting.",
            1,
        )
        number(
            "clip_norm",
            0.0,
            "Above 0 the gradients of each network are scaled down to this norm.",
            0,
        )
        number(
            "ema_decay",
            0.0,
            "Above 0 the result is a running average of the weights, such as 0.999.",
            0,
            1,
        )
    with _group("Upscaling"):
        text("output", None, "A file or a folder; beside the photo if left out.")
        text(
            "format",
            None,
            "Of upscale: png, jpg, webp, tiff or bmp; png if left out. Of export: "
            "saved_model, litert or onnx; saved_model if left out.",
        )
        integer("quality", 95, "Of JPEG and WebP, 1 to 100.", 1, 100)
        flags.DEFINE_bool("overwrite", False, "Replace results that are there.")
        flags.DEFINE_bool(
            "compare", False, "Also write ..._compare.png: bicubic left, SR right."
        )
        number(
            "realism",
            None,
            "Blend SRResNet (0, most faithful) and SRGAN (1, most photo-realistic), or "
            "the two files of --model=FAITHFUL,REALISTIC.",
            0,
            1,
        )
        integer(
            "tile",
            None,
            "Side of the tiles in LR pixels, for less memory; the result is the same.",
            16,
        )
    with _group("Exports"):
        choice(
            "quantize",
            None,
            ("float16", "dynamic", "int8"),
            "Of litert: smaller numbers; the last two look at photos of --dataset.",
        )
        text("input_size", None, "Of litert: fixed LR size, HEIGHTxWIDTH.")
    flags.DEFINE_bool("help", False, "Show this help.", short_name="h")
    flags.DEFINE_bool("version", False, "Show the version.")


def flags_help() -> list[str]:
    """The lines of `--help` that tell the flags, by group."""
    lines = []
    for group, names in GROUPS.items():
        lines += ["", f"{group}:"]
        for name in names:
            flag = FLAGS[name]
            default = "" if flag.default in (None, []) else f" [{flag.default}]"
            lines.append(f"  --{name}: {flag.help}{default}")
    return lines
