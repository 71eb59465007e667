"""ONNX models: pictures of any size, or of one."""

import tensorflow as tf

import srgan_tf
from srgan_tf.errors import optional
from srgan_tf.exporting.serving import images_spec, served
from srgan_tf.inference.exported import INFO_NAME, Info
from srgan_tf.inference.layers import network
from srgan_tf.models import Generator
from srgan_tf.quiet import quiet_log

OPSET = 18


def onnx_model(generator: Generator, info: Info, *, half: bool = False) -> bytes:
    """An `.onnx` file's content; see `srgan_tf.exporting.export`.

    Args:
        generator: The model.
        info: What the file is to say of it.
        half: Whether to compute in float16.

    Raises:
        UserError: If the optional package is missing.
    """
    tf2onnx = optional("tf2onnx", "onnx")
    function = tf.function(
        served(network(generator)),
        input_signature=[images_spec(info.window)],
        autograph=False,
    )
    with quiet_log():
        model, _ = tf2onnx.convert.from_function(
            function, input_signature=function.input_signature, opset=OPSET
        )
        if half:
            float16 = optional("onnxruntime.transformers.float16", "onnx")
            # All operations: some runtimes lack the usual exceptions, Min and Max.
            model = float16.convert_float_to_float16(
                model, disable_shape_infer=True, op_block_list=[]
            )
    _name_result(model.graph)
    if info.window is None:
        s = info.scale
        _name_sizes(model.graph.input[0], ("N", "H", "W"))
        _name_sizes(model.graph.output[0], ("N", f"{s}*H", f"{s}*W"))
    del model.graph.value_info[:]  # sizes by names that say nothing
    model.producer_name, model.producer_version = "srgan_tf", srgan_tf.__version__
    model.doc_string = (
        f"{info.facts['name']} enlarges photos {info.scale} times. "
        f"Licence of the weights: {info.facts['licence']}."
    )
    entry = model.metadata_props.add()
    entry.key, entry.value = INFO_NAME, info.to_json()
    return model.SerializeToString()


def _name_result(graph) -> None:
    (result,) = graph.output
    for node in graph.node:
        if result.name in node.output:
            node.output[:] = ["sr"]
    result.name = "sr"


def _name_sizes(value, names: tuple[str, ...]) -> None:
    for size, name in zip(value.type.tensor_type.shape.dim, names):
        size.dim_param = name
