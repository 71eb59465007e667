"""The command line: `python -m srgan_tf.main [COMMAND] [--flagfile=F] [--flags]`.

The flags are in `command_flags`. TensorFlow is imported only after they are known to be
good.
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
from srgan_tf.command_flags import define_flags, flags_help
from srgan_tf.errors import UserError

FLAGS = flags.FLAGS
SCALES = (2, 4, 8)


def _help() -> str:
    lines = [
        "srgan_tf: SRGAN in TensorFlow and Keras.",
        "",
        "  python -m srgan_tf.main [COMMAND] [--flagfile=FILE] [--FLAG=VALUE ...]",
        "",
        "Commands:",
        *(f"  {name:10}{function.__doc__}" for name, function in COMMANDS.items()),
        *flags_help(),
    ]
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
    from srgan_tf.training.train import train

    train(config)


def _evaluate() -> None:
    """Measure models on benchmarks, by the paper's protocol."""
    for name in ("model", "benchmarks"):
        if not FLAGS[name].value:
            raise UserError(f"evaluate needs --{name}; see --help.")
    from srgan_tf.evaluation.evaluate import evaluate

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
    from srgan_tf.inference.upscale import check_scale, load_model
    from srgan_tf.inference.upscale_files import find_sources, plan, upscale_files

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
    from srgan_tf.exporting.command import export_model

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
    from srgan_tf.evaluation.speed import benchmark
    from srgan_tf.evaluation.training_speed import benchmark_training
    from srgan_tf.models.pretrained import load_generator

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
    define_flags()
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
