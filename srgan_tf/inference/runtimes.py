"""What layers over constant weights are compiled by: TensorFlow or LiteRT."""

import os
import tempfile
import threading
import warnings
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from srgan_tf.errors import UserError
from srgan_tf.quiet import quiet_log, quiet_start


def graph(layers: Callable, channels: int) -> Callable:
    """Layers over constant weights as one TensorFlow graph for any size."""
    function = tf.function(
        layers,
        input_signature=[tf.TensorSpec((None, None, None, channels), tf.float32)],
        autograph=False,
    )
    return one_at_a_time(function)


def one_at_a_time(function: Callable) -> Callable[[np.ndarray], np.ndarray]:
    """A TensorFlow function as one of arrays that threads can share.

    Two sizes at once in several threads end in wrong pixels and segmentation faults
    inside TensorFlow's oneDNN. One call takes all cores, so that waiting costs nothing.
    """
    lock = threading.Lock()

    def run(x: np.ndarray) -> np.ndarray:
        with lock:
            return function(x).numpy()

    return run


def litert(layers: Callable, channels: int) -> Callable:
    """Layers in LiteRT, their convolutions in 8 bits: see `tflite`."""
    spec = tf.TensorSpec((None, None, None, channels), tf.float32)
    return litert_runner(tflite(layers, spec, eight_bits=True))


def tflite(
    layers: Callable,
    spec: tf.TensorSpec,
    *,
    half: bool = False,
    eight_bits: bool = False,
) -> bytes:
    """The content of a `.tflite` file: layers of one input and one output.

    Args:
        layers: Over constant weights.
        spec: Of the input.
        half: Keep weights as float16.
        eight_bits: Keep weights as int8. What convolutions get is rounded to 8 bits:
            by the ranges that `rounding.in_8_bits` gave them or, without, as it comes.
    """
    module = tf.Module()
    module.serve = tf.function(layers, input_signature=[spec], autograph=False)
    # Through a SavedModel: a concrete function converts to a file without weights.
    with tempfile.TemporaryDirectory() as folder, quiet_log():
        tf.saved_model.save(module, folder, signatures=module.serve)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if half or eight_bits:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if half:
            converter.target_spec.supported_types = [tf.float16]
        return converter.convert()


def litert_runner(content: bytes) -> Callable:
    """Runs a `.tflite` model of one input and one output, of any size if it allows.

    Threads take turns: an interpreter has room for one picture, and uses all cores.

    Raises:
        UserError: If LiteRT is missing.
        ValueError: If the content is no model.
    """
    interpreter_class = _litert_interpreter()
    with quiet_start(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that TensorFlow's own interpreter will go
        interpreter = interpreter_class(
            model_content=content, num_threads=os.cpu_count()
        )
    source = interpreter.get_input_details()[0]
    result = interpreter.get_output_details()[0]["index"]
    shape, turn = None, threading.Lock()

    def run(x):
        nonlocal shape
        with turn:
            if x.shape != shape:
                interpreter.resize_tensor_input(source["index"], x.shape)
                interpreter.allocate_tensors()
                shape = x.shape
            interpreter.set_tensor(source["index"], np.ascontiguousarray(x))
            interpreter.invoke()
            return interpreter.get_tensor(result)

    return run


def _litert_interpreter():
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        # TensorFlow up to 2.21 brings one.
        Interpreter = getattr(tf.lite, "Interpreter", None)
        if Interpreter is None:
            raise UserError(
                "This needs LiteRT: pip install 'srgan_tf[litert]'."
            ) from None
    return Interpreter
