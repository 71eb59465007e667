"""`model_card.md`: what an export is, and the commands that use it."""

import re
from pathlib import Path

import numpy as np

from srgan_tf.exporting.decoding import MAX_MEGAPIXELS
from srgan_tf.exporting.facts import Facts
from srgan_tf.files import whole_file
from srgan_tf.inference.exported import Info
from srgan_tf.models import Generator

ARITHMETIC = {
    None: "float32",
    "float16": "float16 weights, float32 activations",
    "dynamic": "8-bit weights, activations rounded to 8 bits as they come",
    "int8": "8-bit convolutions with ranges measured on photos",
}
# Two cores of an AMD EPYC with AVX-512, as an example.
EXAMPLE = 4e11
# GiB for a megapixel of SR, as `experiments/serving_memory.py` measured it.
MEMORY = 0.011


def multiplications(generator: Generator) -> int:
    """Products that the generator's convolutions need per LR pixel.

    Example:
        >>> multiplications(Generator(scale=4))
        2218176
    """

    def size(layer):
        return int(np.prod(layer.kernel.shape))

    blocks = [conv for b in generator.blocks for conv in (b.conv1, b.conv2)]
    total = sum(size(conv) for conv in (generator.head, *blocks, generator.body))
    for level, block in enumerate(generator.upsample):
        total += size(block.conv) * 4**level
    return total + size(generator.tail) * generator.scale**2


def card_text(
    name: str,
    info: Info,
    facts: Facts,
    *,
    file_format: str,
    quantize: str | None = None,
    products: int,
) -> str:
    """The section of one export: a heading of its name, facts, signatures, commands.

    Args:
        name: Of the file or folder.
        info: What its file says of it.
        facts: Of the model.
        file_format: `saved_model`, `litert` or `onnx`.
        quantize: As in `srgan_tf.exporting.export.export`.
        products: What `multiplications` says.
    """
    size = "{}, {}".format(*info.window) if info.window else "H, W"
    size_sr = (
        "{}, {}".format(*(info.scale * side for side in info.window))
        if info.window
        else f"{info.scale}H, {info.scale}W"
    )
    number = "1" if info.window else "N"
    work = 2 * products * 1e6
    arithmetic = ARITHMETIC[quantize]
    if file_format == "onnx" and quantize:
        arithmetic = "float16"
    text = f"""# {name}

A generator of SRGAN (Ledig et al. 2017, arXiv 1609.04802), exported by srgan_tf.

| | |
|---|---|
| model | {facts.name} |
| does | enlarges photos {info.scale} times |
| how it was made | {facts.made} |
| PSNR before the export | {facts.psnr} |
| licence of the weights | {facts.licence} |
| arithmetic | {arithmetic} |
| work | {work / 1e12:.2g} TFLOP for a megapixel of LR: {work / EXAMPLE:.2g} s at \
{EXAMPLE / 1e9:.0f} GFLOP/s, as two cores of an AMD EPYC do |
| context | a result pixel depends on {info.radius} LR pixels to each side |

Conversions are inside and BatchNorm is folded. The file itself says all of the above:
{_WHERE[file_format]}

"""
    if file_format != "saved_model":
        text += f"""Memory grows with the picture: cut large ones into windows that
overlap by {2 * info.radius} pixels, and keep what is {info.radius}
from the inner edges, as `python -m srgan_tf upscale --model={name}` does.

"""
    text += f"""| signature | takes | returns |
|---|---|---|
| `serving_default` | `images`: uint8 RGB [{number}, {size}, 3] | \
`sr`: uint8 RGB [{number}, {size_sr}, 3] |
"""
    return text + _USES[file_format].format(
        name=name,
        scale=info.scale,
        megapixels=MAX_MEGAPIXELS,
        memory=MEMORY * info.scale**2,
    )


def write_card(path: Path, name: str, text: str) -> None:
    """Puts a section into a card; those of other exports in the folder stay."""
    sections = []
    if path.exists():
        sections = re.split(r"^(?=# )", path.read_text("utf-8"), flags=re.MULTILINE)
    others = [s for s in sections if s.strip() and not s.startswith(f"# {name}\n")]
    card = "\n".join([*(section.rstrip() + "\n" for section in others), text])
    with whole_file(path) as partial:
        partial.write_text(card, "utf-8")


_WHERE = {
    "saved_model": "`assets.extra/srgan_tf.json`.",
    "litert": "`srgan_tf.json`, which `unzip` takes out of it.",
    "onnx": "`srgan_tf.json` of its metadata.",
}
_USES = {
    "saved_model": """\
| `serving_bytes` | `image_bytes`: encoded JPEG or PNG strings [N], of any sizes | \
`sr_bytes`: encoded PNG strings [N] |
| `serving_float` | `images`: float32 RGB [N, H, W, 3] of 0 to 255 | \
`sr`: float32 RGB [N, {scale}H, {scale}W, 3] of 0 to 255, not rounded |

`serving_bytes` gives the pixels of `upscale --precision=float32`: gray stays gray, 16
bit stay 16 bit, flat areas stay flat, edges see mirrored pixels, and photos are turned
upright by their EXIF orientation. It drops transparency and metadata, a colour profile
among it. The others are the network alone. A string that is no whole JPEG or PNG, or
has more than {megapixels} megapixels, is an error for the whole call.

`serving_default` and `serving_bytes` cut pictures into windows themselves, which
changes no pixel, so that memory grows with the result alone: about {memory:.1g} GiB for
a megapixel of LR, beside 1.3 GiB for TensorFlow and one window. `serving_float` is the
plain network, of layers that converters to other formats know:

```sh
tensorflowjs_converter --input_format=tf_saved_model \\
    --signature_name=serving_float --control_flow_v2=True {name} web_model
```

In Python, with TensorFlow alone:

```python
import tensorflow as tf

model = tf.saved_model.load("{name}")
sr = model.signatures["serving_default"](images=photo[None])["sr"]
png = model.signatures["serving_bytes"](image_bytes=tf.constant([jpeg]))["sr_bytes"]
```

With TensorFlow Serving:

```sh
docker run --rm -p 8501:8501 -e MODEL_NAME=sr -v "$PWD/{name}:/models/sr/1" \\
    tensorflow/serving
```

and, from another terminal:

```sh
(printf '{{"signature_name": "serving_bytes", "instances": [{{"b64": "'
base64 < photo.jpg | tr -d '\\n'; printf '"}}]}}') |
curl -s -d @- http://localhost:8501/v1/models/sr:predict |
python3 -c 'import base64, json, sys
answer = json.load(sys.stdin)["predictions"][0]["b64"]
sys.stdout.buffer.write(base64.b64decode(answer))' > photo_x{scale}.png
```
""",
    "litert": """
Of any size, an interpreter is told the size first, as below; LiteRT.js and the
`CompiledModel` of LiteRT cannot be told: give them an export with `--input_size`.

In Python, `pip install ai-edge-litert`:

```python
from ai_edge_litert.interpreter import Interpreter

model = Interpreter("{name}")
index = model.get_input_details()[0]["index"]
model.resize_tensor_input(index, photo[None].shape)
model.allocate_tensors()
model.set_tensor(index, photo[None])
model.invoke()
sr = model.get_tensor(model.get_output_details()[0]["index"])
```
""",
    "onnx": """
In Python, `pip install onnxruntime`:

```python
import onnxruntime

model = onnxruntime.InferenceSession("{name}")
(sr,) = model.run(["sr"], {{"images": photo[None]}})
```
""",
}
