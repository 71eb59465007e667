"""The command line: `python -m srgan_tf [COMMAND] [--flagfile=F] [--flags]`.

What each command can be told is in `options`. TensorFlow is imported only after that is
known to be good.
"""

import contextlib
import dataclasses
import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

import srgan_tf
from srgan_tf.command_line import flags_help, parse
from srgan_tf.errors import UserError, optional
from srgan_tf.options import (
    BenchmarkOptions,
    EvaluateOptions,
    ExportOptions,
    Options,
    PrepareOptions,
    ServeOptions,
    TrainOptions,
    UpscaleOptions,
)
from srgan_tf.quiet import quiet_start


def _train(options: TrainOptions, arguments: Sequence[str]) -> None:
    """Train both stages into a run folder, or continue there (the default)."""
    from srgan_tf.training.train import train

    train(options)


def _prepare(options: PrepareOptions, arguments: Sequence[str]) -> None:
    """Cut photos into sub-pictures that training reads from the disk."""
    if options.beam:
        optional("apache_beam", "beam")
        from srgan_tf.beam.preparing import prepare_by_beam

        prepare_by_beam(options)
        return
    from srgan_tf.data.prepare import prepare

    prepare(options)


def _evaluate(options: EvaluateOptions, arguments: Sequence[str]) -> None:
    """Measure models on benchmarks, by the paper's protocol."""
    from srgan_tf.evaluation.evaluate import evaluate

    evaluate(options)


def _upscale(options: UpscaleOptions, arguments: Sequence[str]) -> None:
    """Upscale photos, videos, folders and globs."""
    if options.beam:
        optional("apache_beam", "beam")
        from srgan_tf.beam.upscaling import upscale_by_beam

        upscale_by_beam(arguments, options)
        return
    from srgan_tf.inference.upscale_files import upscale_files

    upscale_files(arguments, options)


def _export(options: ExportOptions, arguments: Sequence[str]) -> None:
    """Write a model as a SavedModel, for LiteRT or as ONNX, with a model card."""
    from srgan_tf.exporting.command import export_model

    export_model(options)


def _serve(options: ServeOptions, arguments: Sequence[str]) -> None:
    """Serve a page that upscales photos, and its HTTP API."""
    from srgan_tf.serving.command import serve

    serve(options)


def _benchmark(options: BenchmarkOptions, arguments: Sequence[str]) -> None:
    """Measure the speed of upscaling and training on this machine."""
    from srgan_tf.evaluation.benchmark import benchmark

    benchmark(options)


COMMANDS: dict[str, tuple[type[Options], Callable]] = {
    "train": (TrainOptions, _train),
    "prepare": (PrepareOptions, _prepare),
    "evaluate": (EvaluateOptions, _evaluate),
    "upscale": (UpscaleOptions, _upscale),
    "export": (ExportOptions, _export),
    "serve": (ServeOptions, _serve),
    "benchmark": (BenchmarkOptions, _benchmark),
}
OPTIONS = {name: options for name, (options, _) in COMMANDS.items()}
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _help(command: str) -> str:
    """What can be done; or, for one command, its flags."""
    start = "python -m srgan_tf"
    if not command:
        lines = [
            "srgan_tf: SRGAN in TensorFlow and Keras.",
            "",
            f"  {start} [COMMAND] [--flagfile=FILE] [--FLAG=VALUE ...]",
            "",
            "FILE is a path, or @x4 and the like for those of the package.",
            "",
            "Commands:",
            *(f"  {name:11}{run.__doc__}" for name, (_, run) in COMMANDS.items()),
            "",
            f"The flags of one: {start} COMMAND --help",
        ]
        return "\n".join(lines)
    options, purpose = OPTIONS[command], COMMANDS[command][1].__doc__
    usage = f"  {start} {command} [--flagfile=FILE] [--FLAG=VALUE ...]"
    return "\n".join([f"{purpose}", "", usage, *flags_help(options)])


def _run_dir(flagfile: Path | None) -> str | None:
    """The folder of a run by its flagfile, which may be the one in such a folder."""
    if flagfile is None:
        return None
    # A run has its logs before it has a checkpoint.
    if flagfile.name == "run.flags" and (flagfile.parent / "logs").is_dir():
        return str(flagfile.parent)
    return os.path.join("runs", flagfile.stem)


def run(words: Sequence[str]) -> None:
    """Runs a command line, without its program's name; can be called repeatedly.

    Raises:
        UserError: If something in it is wrong or cannot be done.
    """
    command = parse(words, OPTIONS, default="train")
    if command.asked == "version":
        print(f"srgan_tf {srgan_tf.__version__}")
        return
    if command.options is None:
        print(_help(command.name))
        return
    name, options, arguments = command.name, command.options, command.arguments
    if arguments and name != "upscale":
        raise UserError(f"{name} takes flags only. Received: {' '.join(arguments)}")
    if isinstance(options, TrainOptions) and options.run_dir is None:
        options = dataclasses.replace(options, run_dir=_run_dir(command.flagfile))
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    with _ended_at_once(), quiet_start():
        import tensorflow

        # Each makes TensorFlow say, once, the rest of what it has to say.
        tensorflow.config.list_physical_devices()
        tensorflow.transpose(tensorflow.zeros((2, 2), "uint8"))
    COMMANDS[name][1](options, arguments)


@contextlib.contextmanager
def _ended_at_once() -> Iterator[None]:
    """Within it SIGINT and SIGTERM end the process without Python's help.

    C++ code that takes seconds to load keeps Python from hearing them, and libraries
    that try imports and go on without what fails could swallow its exceptions.
    """
    heard = [n for n in SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, signal.SIG_DFL) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Ends the work by an exception; while something is being imported, at once."""
    while frame:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            os._exit(128 + number)
        frame = frame.f_back
    raise KeyboardInterrupt


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; exits with code 1 and one line on bad input.

    Args:
        argv: The program's name and its words; `sys.argv` if None.
    """
    words = (sys.argv if argv is None else argv)[1:]
    if isinstance(sys.stdout, io.TextIOWrapper):
        # As stderr has it: names of files can be any bytes.
        sys.stdout.reconfigure(errors="backslashreplace")
    # As an exception it passes the places that remove half-written files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        run(words)
    except UserError as error:
        sys.exit(f"Error: {error}")
    except BrokenPipeError:
        # Whoever read the output, such as `head`, has enough; Python would flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
