"""Exports in the hands of others' programs: the table of docs/exports.md.

    python experiments/clients/table.py --model=srgan_x4 [--node=FOLDER] [--tfjs=PYTHON]

What is not installed is left out, and said; a result that is more than a level off, but
for 8-bit weights, ends in exit code 1. `--node` is a folder with a `node_modules`
that holds onnxruntime-node, @litertjs/core and @tensorflow/tfjs; `--tfjs` a Python that
can run `tensorflowjs.converters.converter` (docs/exports.md says how to make one).
"""

import argparse
import functools
import http.server
import importlib
import importlib.metadata
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import tensorflow as tf

import srgan_tf
from srgan_tf.data.listing import find_photos
from srgan_tf.models import Generator
from srgan_tf.pictures.ranges import to_uint8

SIZE = (40, 56)
PICTURE = skimage.data.astronaut()[20 : 20 + SIZE[0], 200 : 200 + SIZE[1]]
LONG = 120  # seconds
EXPORTS: dict[str, dict[str, Any]] = {
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
# `quantize` to 8 bits, which costs more than a level.
ROUNDED = ("dynamic", "int8")


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
        tool = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", "run"]
        words = ["--dir", path, "--tag_set", "serve", "--signature_def"]
        words += ["serving_default", "--inputs", f"images={folder}/x.npy"]
        subprocess.run(
            [*tool, *words, "--outdir", folder], check=True, capture_output=True
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


class _Page(http.server.SimpleHTTPRequestHandler):
    """A page that runs a model in a browser, what it asks for, and what it tells."""

    def __init__(self, *arguments, files: dict, told: queue.Queue, **more):
        self.files, self.told = files, told
        super().__init__(*arguments, **more)

    def translate_path(self, path):
        return str(self.files.get(path) or super().translate_path(path))

    def do_POST(self):
        self.told.put(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def litert_js(path: Path, modules: Path) -> np.ndarray:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser or not (modules / "node_modules/@litertjs/core").is_dir():
        raise FileNotFoundError("Chromium or @litertjs/core is not here")
    told: queue.Queue[bytes] = queue.Queue()
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "picture"
        picture.write_bytes(PICTURE.tobytes())
        files = {"/": Path(__file__).with_name("litert.html")}
        files |= {"/model": path, "/picture": picture}
        answer = functools.partial(_Page, directory=modules, files=files, told=told)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        words = ["--headless", "--no-sandbox", "--disable-gpu"]
        words += [f"--user-data-dir={folder}/profile", "--remote-debugging-port=0"]
        page = "http://127.0.0.1:{}/#{},{}".format(server.server_port, *SIZE)
        running = subprocess.Popen([browser, *words, page], stderr=subprocess.DEVNULL)
        try:
            found = told.get(timeout=LONG)
        except queue.Empty:
            raise TimeoutError(f"no answer within {LONG} s") from None
        finally:
            running.terminate()
            running.wait()
            server.shutdown()
    if len(found) != 16 * PICTURE.size:
        raise RuntimeError(found.decode(errors="replace"))
    return np.frombuffer(found, np.uint8).reshape(4 * SIZE[0], 4 * SIZE[1], 3)


Row = tuple[str, Callable[[], str], str, Callable[[], np.ndarray], str]


def rows(folder: Path, modules: Path, tfjs_python: str) -> Iterator[Row]:
    """Client, its version, export, how it is run, what it needs."""

    def of(client, tell, names, run, *more, needs="nothing"):
        for name in names:
            yield client, tell, name, lambda name=name: run(folder / name, *more), needs

    def python(package):
        return lambda: importlib.metadata.version(package)

    def javascript(package):
        path = modules / "node_modules" / package / "package.json"
        return lambda: json.loads(path.read_text())["version"]

    onnx = ("m.onnx", "fixed.onnx", "half.onnx")
    yield from of("saved_model_cli", python("tensorflow"), ["saved"], saved_model_cli)
    yield from of("onnxruntime", python("onnxruntime"), onnx, onnxruntime)
    yield from of(
        *("onnxruntime-node", javascript("onnxruntime-node"), onnx),
        *(lambda path: node("onnxruntime", path, modules),),
    )
    yield from of(
        *("OpenVINO", python("openvino")),
        ("saved", "m.onnx", "half.onnx", "m.tflite", "int8.tflite"),
        openvino,
        needs="`INFERENCE_PRECISION_HINT=f32`",
    )
    lite = python("ai-edge-litert")
    yield from of(
        *("LiteRT `Interpreter`", lite),
        [name for name in EXPORTS if name.endswith(".tflite")],
        litert,
    )
    fixed = ("fixed.tflite", "int8_fixed.tflite")
    size = "`--input_size`"
    yield from of("LiteRT `CompiledModel`", lite, fixed, litert_compiled, needs=size)
    web = javascript("@litertjs/core")
    yield from of("LiteRT.js (in Chromium)", web, fixed, litert_js, modules, needs=size)
    yield from of(
        *("TensorFlow.js (in Node)", javascript("@tensorflow/tfjs"), ["saved"]),
        *(tfjs, tfjs_python, modules),
        needs="`serving_float`, converted",
    )


def write(generator: Generator, folder: Path) -> None:
    """All exports."""
    for name, wishes in EXPORTS.items():
        photos = find_photos("bundled") if "quantize" in wishes else ()
        srgan_tf.export(generator, folder / name, photos=photos, **wishes)


def words(name: str) -> str:
    """What `export` was told, as the table has it."""
    wishes = EXPORTS[name]
    told = [wishes.get("file_format", "saved_model")]
    told += [f"--quantize={wishes['quantize']}"] if "quantize" in wishes else []
    told += ["--input_size={}x{}".format(*SIZE)] if "window" in wishes else []
    return f"`{' '.join(told)}`"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="srgan_x4")
    parser.add_argument("--node", type=Path, default=Path())
    parser.add_argument("--tfjs", default="python")
    given = parser.parse_args(arguments)
    generator = srgan_tf.load_generator(given.model)
    exact = to_uint8(generator(np.float32(PICTURE[None]) / 255))[0].astype(int)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(generator, folder)
        print("| client | version | export | largest difference | mean | needs |")
        print("|---|---|---|---|---|---|")
        wrong = []
        for client, tell, export, run, needs in rows(
            folder, given.node.absolute(), given.tfjs
        ):
            try:
                apart = np.abs(run().astype(int) - exact)
                told = f"{apart.max()} | {apart.mean():.4f} | {needs}"
                if apart.max() > 1 and EXPORTS[export].get("quantize") not in ROUNDED:
                    wrong.append(f"{client}, {export}: {apart.max()} levels off")
            except (ImportError, OSError, subprocess.CalledProcessError) as error:
                print(f"{client}, {export}: {error}", file=sys.stderr)
                continue
            except RuntimeError as error:  # who reads it says that it cannot
                print(f"{client}, {export}: {error}", file=sys.stderr)
                told = "not read | | "
            print(f"| {client} | {tell()} | {words(export)} | {told} |", flush=True)
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    tf.get_logger().setLevel("ERROR")
    main()
