"""`model_card.md`: what an export is, and the commands that use it."""

import re
from pathlib import Path

from srgan_tf.exporting.facts import Facts
from srgan_tf.files import whole_file
from srgan_tf.inference.exported import Info

ARITHMETIC = {
    None: "float32",
    "float16": "float16 weights, float32 activations",
    "dynamic": "8-bit weights, activations rounded to 8 bits as they come",
    "int8": "8-bit convolutions with ranges measured on photos",
}


def card_text(
    name: str,
    info: Info,
    facts: Facts,
    *,
    file_format: str,
    quantize: str | None = None,
) -> str:
    """The section of one export: a heading of its name, facts, signatures, commands.

    Args:
        name: Of the file or folder.
        info: What its file says of it.
        facts: Of the model.
        file_format: `saved_model`, `litert` or `onnx`.
        quantize: As in `srgan_tf.exporting.export.export`.
    """
    size = "{}, {}".format(*info.window) if info.window else "H, W"
    size_sr = (
        "{}, {}".format(*(info.scale * side for side in info.window))
        if info.window
        else f"{info.scale}H, {info.scale}W"
    )
    number = "1" if info.window else "N"
    context = info.radius
    text = f"""# {name}

A generator of SRGAN (Ledig et al. 2017, arXiv 1609.04802), exported by srgan_tf.

| | |
|---|---|
| model | {facts.name} |
| does | enlarges photos {info.scale} times |
| how it was made | {facts.made} |
| PSNR before the export | {facts.psnr} |
| licence of the weights | {facts.licence} |
| arithmetic | {ARITHMETIC[quantize]} |
| context | a result pixel depends on {context} LR pixels to each side |

Conversions are inside and BatchNorm is folded. Memory grows with the picture: cut large
ones into windows that overlap by {2 * context} pixels and keep what is {context} from
the inner edges, as `srgan_tf.main upscale --model={name}` does.

| signature | takes | returns |
|---|---|---|
| `serving_default` | `images`: uint8 RGB [{number}, {size}, 3] | \
`sr`: uint8 RGB [{number}, {size_sr}, 3] |
"""
    return text + _USES[file_format].format(name=name, scale=info.scale)


def write_card(path: Path, name: str, text: str) -> None:
    """Puts a section into a card; those of other exports in the folder stay."""
    sections = []
    if path.exists():
        sections = re.split(r"^(?=# )", path.read_text("utf-8"), flags=re.MULTILINE)
    others = [s for s in sections if s.strip() and not s.startswith(f"# {name}\n")]
    card = "\n".join([*(section.rstrip() + "\n" for section in others), text])
    with whole_file(path) as partial:
        partial.write_text(card, "utf-8")


_USES = {
    "saved_model": """\
| `serving_bytes` | `image_bytes`: encoded JPEG or PNG strings [N], of any sizes | \
`sr_bytes`: encoded PNG strings [N] |

`serving_bytes` reads gray, palette and 16-bit pictures as 8-bit RGB and drops
transparency and metadata. It does not turn pictures by their EXIF orientation: turn
such photos before. A string that is no whole picture is an error for the whole call.

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
