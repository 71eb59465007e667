"""SavedModels in the hands of others: without this package, with wrong input."""

import io
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from samples import REPOSITORY, keras_8bit, levels_apart, smooth_photo, trained_like

from srgan_tf.exporting.export import export


def encoded(picture, file_format="PNG", **options):
    buffer = io.BytesIO()
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def decoded(png):
    assert png.startswith(b"\x89PNG")
    return np.asarray(Image.open(io.BytesIO(png)))


@pytest.fixture(scope="module")
def generator():
    return trained_like(filters=8)


@pytest.fixture(scope="module")
def saved(generator, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "saved"
    export(generator, path)
    return path


@pytest.fixture(scope="module")
def signatures(saved):
    loaded = tf.saved_model.load(saved)
    yield loaded.signatures


@pytest.mark.parametrize("shape", [(1, 7, 9), (2, 16, 5), (1, 1, 1)])
def test_serving_default_equals_keras_at_any_size(signatures, generator, shape):
    images = np.stack([smooth_photo(seed, *shape[1:]) for seed in range(shape[0])])
    sr = signatures["serving_default"](images=tf.constant(images))["sr"]
    assert sr.dtype == tf.uint8
    assert levels_apart(sr, keras_8bit(generator, images)).max() <= 1


CLEAN_PROCESS = """
import sys
sys.modules["srgan_tf"] = None
sys.path = [p for p in sys.path if p not in ("", sys.argv[2])]
import numpy as np, tensorflow as tf
try:
    import srgan_tf
except ImportError:
    pass
else:
    raise SystemExit("srgan_tf is here")
model = tf.saved_model.load(sys.argv[1])
given = np.load(sys.argv[3])
sr = model.signatures["serving_default"](images=tf.constant(given["odd"][None]))
jpeg = given["jpeg"].tobytes()
png = given["png"].tobytes()
out = model.signatures["serving_bytes"](image_bytes=tf.constant([jpeg, png]))
one, two = (np.frombuffer(x, np.uint8) for x in out["sr_bytes"].numpy())
np.savez(sys.argv[4], odd=sr["sr"].numpy()[0], jpeg=one, png=two)
"""


def test_a_process_without_this_package_serves_it(saved, generator, tmp_path):
    odd, small = smooth_photo(0, 37, 23), smooth_photo(1, 11, 30)
    jpeg, png = encoded(smooth_photo(2, 19, 26), "JPEG"), encoded(small)
    np.savez(
        tmp_path / "in.npz",
        odd=odd,
        jpeg=np.frombuffer(jpeg, np.uint8),
        png=np.frombuffer(png, np.uint8),
    )
    done = subprocess.run(
        [
            *(sys.executable, "-I", "-c", CLEAN_PROCESS, str(saved), str(REPOSITORY)),
            *(str(tmp_path / "in.npz"), str(tmp_path / "out.npz")),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    out = np.load(tmp_path / "out.npz")
    assert levels_apart(out["odd"], keras_8bit(generator, odd)).max() <= 1
    assert (
        levels_apart(decoded(out["png"].tobytes()), keras_8bit(generator, small)).max()
        <= 1
    )
    seen = np.asarray(Image.open(io.BytesIO(jpeg)))
    result = decoded(out["jpeg"].tobytes())
    assert levels_apart(result, keras_8bit(generator, seen)).max() <= 1


def test_no_strings_give_none(signatures):
    none = signatures["serving_bytes"](image_bytes=tf.constant([], tf.string))
    assert not len(none["sr_bytes"])


def test_floats_are_not_rounded(signatures, generator):
    picture = smooth_photo(0, 7, 9)[None]
    sr = signatures["serving_float"](images=tf.constant(picture, tf.float32))["sr"]
    assert sr.dtype == tf.float32
    assert np.abs(np.round(sr) - keras_8bit(generator, picture)).max() <= 1
    assert np.any(np.abs(sr - np.round(sr)) > 0.1)


def test_what_converters_read_is_known_to_them(saved):
    """No operation that TensorFlow.js and Core ML do not have."""
    function = tf.saved_model.load(saved).signatures["serving_float"]
    graph = function.graph.as_graph_def()
    used = {node.op for part in graph.library.function for node in part.node_def}
    assert used <= {
        *("AddV2", "BiasAdd", "Const", "Conv2D", "DepthToSpace", "Identity", "Maximum"),
        *("Minimum", "Mul", "NoOp", "Pack", "RealDiv", "Reshape", "Shape", "Sub"),
        *("StridedSlice", "Tanh", "Unpack", "Cast", "PartitionedCall"),
        *("StatefulPartitionedCall",),
    }, used


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"no picture",
        encoded(smooth_photo(0, 30, 30))[:-300],
        encoded(smooth_photo(0, 30, 30), "JPEG")[:-200],
    ],
    ids=["empty", "text", "half a PNG", "half a JPEG"],
)
def test_a_corrupt_string_is_an_error_for_the_whole_call(signatures, bad):
    good = encoded(smooth_photo(0, 5, 5))
    with pytest.raises(tf.errors.InvalidArgumentError):
        signatures["serving_bytes"](image_bytes=tf.constant([good, bad]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("images", tf.zeros((1, 5, 5, 3))),
        ("images", tf.zeros((1, 5, 5, 4), tf.uint8)),
        ("images", tf.zeros((5, 5, 3), tf.uint8)),
        ("images", tf.zeros((1, 1, 5, 5, 3), tf.uint8)),
        ("images", tf.constant(["text"])),
        ("image_bytes", tf.zeros((1, 5, 5, 3), tf.uint8)),
        ("image_bytes", tf.constant([["nested"]])),
    ],
)
def test_wrong_types_and_shapes_are_errors(signatures, name, value):
    signature = "serving_default" if name == "images" else "serving_bytes"
    with pytest.raises((TypeError, ValueError, tf.errors.InvalidArgumentError)):
        signatures[signature](**{name: value})


def test_jit_compiled_gives_the_same(generator, tmp_path):
    export(generator, tmp_path / "jit", jit_compile=True)
    loaded = tf.saved_model.load(tmp_path / "jit")
    picture = smooth_photo(0, 6, 9)[None]
    sr = loaded.signatures["serving_default"](images=tf.constant(picture))["sr"]
    assert levels_apart(sr, keras_8bit(generator, picture)).max() <= 1
    assert b"_XlaMustCompile" in (tmp_path / "jit" / "saved_model.pb").read_bytes()
