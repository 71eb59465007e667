"""Exports in the hands of others' programs: the table of docs/exports.md.

    python experiments/clients/table.py --model=srgan_x4 [--node=FOLDER] [--tfjs=PYTHON]

What is not installed is left out, and said. `--node` is a folder with a `node_modules`
that holds onnxruntime-node and @tensorflow/tfjs; `--tfjs` a Python that can run
`tensorflowjs.converters.converter` (docs/exports.md says how to make one).
"""

import argparse
import importlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import skimage.data
import tensorflow as tf

import srgan_tf
from srgan_tf.data.listing import find_photos
from srgan_tf.pictures.ranges import to_uint8

SIZE = (40, 56)
PICTURE = skimage.data.astronaut()[20 : 20 + SIZE[0], 200 : 200 + SIZE[1]]
EXPORTS = {
    "saved": {},
    "m.onnx": {"file_format": "onnx"},
    "fixed.onnx": {"file_format": "onnx", "window": SIZE},
    "half.onnx": {"file_format": "onnx", "quantize": "float16"},
    "m.tflite": {"file_format": "litert"},
    "fixed.tflite": {"file_format": "litert", "window": SIZE},
    "half.tflite": {"file_format": "litert", "quantize": "float16"},
    "dynamic.tflite": {"file_format": "litert", "quantize": "dynamic"},
    "int8.tflite": {"file_format": "litert", "quantize": "int8"},
    "int8_fixed.tflite": {"file_format": "litert", "quantize": "int8", "window": SIZE},
}


def onnxruntime(path: Path) -> np.ndarray:
    runtime = importlib.import_module("onnxruntime")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["sr"], {"images": PICTURE[None]})[0][0]


def openvino(path: Path) -> np.ndarray:
    core = importlib.import_module("openvino").Core()
    model = core.read_model(path)
    if path.is_file() and model.input(0).partial_shape.is_dynamic:
        model.reshape([1, *SIZE, 3])
    exact = {"INFERENCE_PRECISION_HINT": "f32"}  # else bfloat16 where CPUs have it
    return core.compile_model(model, "CPU", exact)(PICTURE[None])[0][0]


def litert(path: Path) -> np.ndarray:
    module = importlib.import_module("ai_edge_litert.interpreter")
    runner = module.Interpreter(str(path)).get_signature_runner("serving_default")
    return runner(images=PICTURE[None])["sr"][0]


def litert_compiled(path: Path) -> np.ndarray:
    module = importlib.import_module("ai_edge_litert.compiled_model")
    model = module.CompiledModel.from_file(str(path))
    inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)
    inputs[0].write(np.ascontiguousarray(PICTURE[None]))
    model.run_by_index(0, inputs, outputs)
    size = 16 * PICTURE.size
    return outputs[0].read(size, np.uint8).reshape(4 * SIZE[0], 4 * SIZE[1], 3)


def saved_model_cli(path: Path) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "x.npy", PICTURE[None])
        tool = Path(sys.executable).with_name("saved_model_cli")
        words = ["run", "--dir", path, "--tag_set", "serve", "--signature_def"]
        words += ["serving_default", "--inputs", f"images={folder}/x.npy"]
        subprocess.run(
            [shutil.which("saved_model_cli") or tool, *words, "--outdir", folder],
            check=True,
            capture_output=True,
        )
        return np.load(Path(folder) / "sr.npy")[0]


def node(kind: str, path: Path, modules: Path) -> np.ndarray:
    script = Path(__file__).with_name("node.mjs")
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder) / "x", Path(folder) / "y"
        source.write_bytes(PICTURE.tobytes())
        subprocess.run(
            ["node", script, kind, path, source, result, *map(str, SIZE)],
            check=True,
            env={**os.environ, "CLIENT_MODULES": str(modules)},
        )
        found = np.fromfile(result, np.uint8)
        return found.reshape(4 * SIZE[0], 4 * SIZE[1], 3)


def tfjs(path: Path, python: str, modules: Path) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        words = ["--input_format=tf_saved_model", "--signature_name=serving_float"]
        words += ["--control_flow_v2=True", path, folder]
        subprocess.run(
            [python, "-m", "tensorflowjs.converters.converter", *words],
            check=True,
            capture_output=True,
        )
        return node("tfjs", Path(folder) / "model.json", modules)


def version(package: str) -> str:
    return importlib.metadata.version(package)


def node_version(modules: Path, package: str) -> str:
    path = modules / "node_modules" / package / "package.json"
    return json.loads(path.read_text())["version"]


Row = tuple[str, Callable[[], str], str, Callable[[], np.ndarray], str]


def rows(folder: Path, modules: Path, tfjs_python: str) -> Iterator[Row]:
    """Client, its version, format, how it is run, what it needs."""

    def of(package):
        return lambda: version(package)

    def of_node(package):
        return lambda: node_version(modules, package)

    def run(client, name, *more):
        return lambda: client(folder / name, *more)

    def run_node(kind, name):
        return lambda: node(kind, folder / name, modules)

    yield (
        *("saved_model_cli", of("tensorflow"), "saved_model"),
        *(run(saved_model_cli, "saved"), "nothing"),
    )
    for name, needs in (
        ("m.onnx", "nothing"),
        ("fixed.onnx", "nothing"),
        ("half.onnx", "nothing"),
    ):
        yield "onnxruntime", of("onnxruntime"), name, run(onnxruntime, name), needs
    for name in ("saved", "m.onnx", "half.onnx", "m.tflite", "int8_fixed.tflite"):
        needs = "`--input_size`" if "fixed" in name else "nothing"
        yield "OpenVINO", of("openvino"), name, run(openvino, name), needs
    for name in ("m.tflite", "half.tflite", "dynamic.tflite", "int8.tflite"):
        yield (
            *("LiteRT Interpreter", of("ai-edge-litert"), name),
            *(run(litert, name), "nothing"),
        )
    for name in ("fixed.tflite", "int8_fixed.tflite"):
        yield (
            *("LiteRT CompiledModel", of("ai-edge-litert"), name),
            *(run(litert_compiled, name), "`--input_size`"),
        )
    for name in ("m.onnx", "half.onnx"):
        yield (
            *("onnxruntime-node", of_node("onnxruntime-node"), name),
            *(run_node("onnxruntime", name), "nothing"),
        )
    yield (
        *("TensorFlow.js", of_node("@tensorflow/tfjs"), "saved_model, converted"),
        run(tfjs, "saved", tfjs_python, modules),
        "`serving_float`",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="srgan_x4")
    parser.add_argument("--node", type=Path, default=Path())
    parser.add_argument("--tfjs", default="python")
    arguments = parser.parse_args()
    generator = srgan_tf.load_generator(arguments.model)
    exact = to_uint8(generator(np.float32(PICTURE[None]) / 255))[0].astype(int)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for export, options in EXPORTS.items():
            photos = find_photos("bundled") if "quantize" in options else ()
            srgan_tf.export(generator, folder / export, photos=photos, **options)
        print("| client | version | export | largest difference | mean | needs |")
        print("|---|---|---|---|---|---|")
        for client, tell, export, run, needs in rows(
            folder, arguments.node.absolute(), arguments.tfjs
        ):
            try:
                apart = np.abs(run().astype(int) - exact)
                told = f"{apart.max()} | {apart.mean():.3f}"
                print(
                    f"| {client} | {tell()} | {export} | {told} | {needs} |", flush=True
                )
            except (ImportError, OSError, subprocess.CalledProcessError) as error:
                print(f"{client}, {export}: {error}", file=sys.stderr)


if __name__ == "__main__":
    tf.get_logger().setLevel("ERROR")
    main()
