"""The command line: `python -m srgan_tf.main [COMMAND] [--flagfile=F] [--flags]`.

Every flag is defined here, once. The other modules take keyword arguments. TensorFlow
is imported only after the flags are known to be good.
"""

import contextlib
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Sequence

from absl import flags

import srgan_tf
from srgan_tf.errors import UserError

FLAGS = flags.FLAGS
SCALES = (2, 4, 8)
GROUPS: dict[str, list[str]] = {}


@contextlib.contextmanager
def _group(title: str):
    """Shows the flags defined inside under a title in `--help`."""
    before = set(FLAGS)
    yield
    GROUPS[title] = [name for name in FLAGS if name not in before]


def _define_flags() -> None:
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


def _help() -> str:
    lines = [
        "srgan_tf: SRGAN in TensorFlow and Keras.",
        "",
        "  python -m srgan_tf.main [COMMAND] [--flagfile=FILE] [--FLAG=VALUE ...]",
        "",
        "Commands:",
        *(f"  {name:10}{function.__doc__}" for name, function in COMMANDS.items()),
    ]
    for group, names in GROUPS.items():
        lines += ["", f"{group}:"]
        for name in names:
            flag = FLAGS[name]
            default = "" if flag.default in (None, []) else f" [{flag.default}]"
            lines.append(f"  --{name}: {flag.help}{default}")
    return "\n".join(lines)


@contextlib.contextmanager
def _quiet_start():
    """Keeps what TensorFlow and LiteRT say at their start, in C++, off stderr."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    saved = os.dup(2)
    with tempfile.TemporaryFile() as chatter:
        os.dup2(chatter.fileno(), 2)
        try:
            yield
        except BaseException:
            chatter.seek(0)
            os.write(saved, chatter.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _config():
    """What the flags say of training, checked.

    Raises:
        UserError: If they do not go together.
    """
    if FLAGS.scale not in SCALES:
        raise UserError(f"--scale={FLAGS.scale}: must be 2, 4 or 8.")
    if FLAGS.crop_size % FLAGS.scale:
        raise UserError(
            f"--crop_size={FLAGS.crop_size} must be a multiple of "
            f"--scale={FLAGS.scale}."
        )
    for name in ("log_every", "save_every"):
        if FLAGS[name].value % FLAGS.steps_per_execution:
            raise UserError(
                f"--{name}={FLAGS[name].value} must be a multiple of "
                f"--steps_per_execution={FLAGS.steps_per_execution}."
            )
    from srgan_tf.config import Config

    values = {name: FLAGS[name].value for name in Config.__dataclass_fields__}
    if not values["run_dir"]:
        values["run_dir"] = os.path.join("runs", _flagfile_name(sys.argv) or "default")
    return Config(**values)


def _train() -> None:
    """Train both stages into a run folder, or continue there (the default)."""
    config = _config()
    from srgan_tf.training import train

    train(config)


def _evaluate() -> None:
    """Measure models on benchmarks, by the paper's protocol."""
    for name in ("model", "benchmarks"):
        if not FLAGS[name].value:
            raise UserError(f"evaluate needs --{name}; see --help.")
    from srgan_tf.evaluate import evaluate

    evaluate(
        FLAGS.model,
        FLAGS.benchmarks,
        report=FLAGS.report,
        save_images=FLAGS.save_images,
        self_ensemble=FLAGS.self_ensemble,
        fast=FLAGS.fast,
        scale=FLAGS.scale,
        vgg_weights=FLAGS.vgg_weights or None,
    )


def _upscale(*arguments: str) -> None:
    """Upscale photos, folders and globs."""
    from srgan_tf.upscale_files import find_sources, plan, upscale_files
    from srgan_tf.upscaling import check_scale, load_model

    sources = find_sources(arguments, FLAGS.output)
    wanted = FLAGS.scale if FLAGS["scale"].present else None
    plan(sources, wanted or 1, FLAGS.output, FLAGS.format)  # before the model loads
    with _quiet_start():
        model = load_model(
            ",".join(FLAGS.model) or None, wanted, FLAGS.realism, FLAGS.fast
        )
    scale = check_scale(model, wanted)
    if scale < model.scale:
        print(f"The model makes x{model.scale}; bicubic downsizing to x{scale}.")
    jobs, file_format = plan(sources, scale, FLAGS.output, FLAGS.format)
    upscale_files(
        jobs,
        model,
        scale,
        file_format,
        FLAGS.quality,
        FLAGS.overwrite,
        FLAGS.compare,
        FLAGS.self_ensemble,
        FLAGS.tile,
    )


def _export() -> None:
    """Write a model as a SavedModel, for LiteRT or as ONNX, with a model card."""
    from srgan_tf.export_command import export_model

    if len(FLAGS.model) > 1:
        raise UserError("export takes one --model.")
    export_model(
        FLAGS.model[0] if FLAGS.model else "srgan_x4",
        FLAGS.format or "saved_model",
        FLAGS.output,
        FLAGS.quantize,
        FLAGS.input_size,
        FLAGS.jit_compile,
        FLAGS.dataset,
        FLAGS.split,
        FLAGS.data_dir,
    )


def _benchmark() -> None:
    """Measure the speed of upscaling and training on this machine."""
    config = _config()
    from srgan_tf.benchmark import benchmark
    from srgan_tf.benchmark_training import benchmark_training
    from srgan_tf.pretrained import load_generator

    benchmark(load_generator(FLAGS.model[0] if FLAGS.model else "srgan_x4"))
    print(flush=True)
    both = ["float32", "mixed_bfloat16"]
    benchmark_training(
        config, both if config.precision == "auto" else [config.precision]
    )


def _flagfile_name(argv: Sequence[str]) -> str | None:
    """`x4` for `--flagfile=experiments/x4.flags`. (absl forgets the name.)"""
    files = [arg.split("=", 1)[1] for arg in argv if arg.startswith("--flagfile=")]
    return os.path.splitext(os.path.basename(files[-1]))[0] if files else None


COMMANDS = {
    "train": _train,
    "evaluate": _evaluate,
    "upscale": _upscale,
    "export": _export,
    "benchmark": _benchmark,
}


def _run(argv: Sequence[str]) -> None:
    _define_flags()
    try:
        rest = FLAGS(argv)[1:]
    except flags.Error as error:
        raise UserError(" ".join(str(error).split())) from None
    if FLAGS.help:
        print(_help())
        return
    if FLAGS.version:
        print(f"srgan_tf {srgan_tf.__version__}")
        return
    command, arguments = (rest[0], rest[1:]) if rest else ("train", [])
    if command not in COMMANDS:
        raise UserError(
            f"There is no command {command}: choose from {', '.join(COMMANDS)}, or see "
            "--help."
        )
    if arguments and command != "upscale":
        raise UserError(f"{command} takes flags only. Received: {' '.join(arguments)}")
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    with _quiet_start():
        import tensorflow

        tensorflow.config.list_physical_devices()  # says the rest of what it has to say
    COMMANDS[command](*arguments)


def main() -> None:
    """Runs the command line; exits with code 1 and one line on bad input."""
    # As an exception it passes the places that remove half-written files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        _run(sys.argv)
    except UserError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
