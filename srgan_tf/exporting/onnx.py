"""ONNX models: pictures of any size."""

import tensorflow as tf

from srgan_tf.errors import optional
from srgan_tf.exporting.serving import images_spec, served
from srgan_tf.inference.exported import INFO_NAME, Info
from srgan_tf.inference.layers import network
from srgan_tf.models import Generator
from srgan_tf.quiet import quiet_log

OPSET = 18


def onnx_model(generator: Generator, info: Info) -> bytes:
    """An `.onnx` file's content; see `srgan_tf.exporting.export`.

    Raises:
        UserError: If the optional package is missing.
    """
    tf2onnx = optional("tf2onnx", "onnx")
    function = tf.function(
        served(network(generator)), input_signature=[images_spec()], autograph=False
    )
    with quiet_log():
        model, _ = tf2onnx.convert.from_function(
            function, input_signature=function.input_signature, opset=OPSET
        )
    (result,) = model.graph.output
    for node in model.graph.node:
        if result.name in node.output:
            node.output[:] = ["sr"]
    result.name = "sr"
    entry = model.metadata_props.add()
    entry.key, entry.value = INFO_NAME, info.to_json()
    return model.SerializeToString()
