"""Exports in the hands of others: other processes, other runtimes, wrong input."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from samples import smooth_photo, trained_like

from srgan_tf.data.listing import find_photos
from srgan_tf.data.photos import read_photo
from srgan_tf.errors import UserError
from srgan_tf.exporting.export import export
from srgan_tf.inference.exported import ExportedModel, is_export
from srgan_tf.inference.upscale import load_model, upscale
from srgan_tf.models.pretrained import load_generator
from srgan_tf.pictures.ranges import lr_from_255, to_uint8


def photo(height, width, seed=0):
    return smooth_photo(seed, height, width)


def keras_sr(generator, pictures):
    return to_uint8(generator(lr_from_255(np.asarray(pictures, np.float32))))


def off(a, b):
    return np.abs(np.asarray(a).astype(int) - b)


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
    images = np.stack([photo(*shape[1:], seed) for seed in range(shape[0])])
    sr = signatures["serving_default"](images=tf.constant(images))["sr"]
    assert sr.dtype == tf.uint8
    assert off(sr, keras_sr(generator, images)).max() <= 1


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
    odd, small = photo(37, 23), photo(11, 30, seed=1)
    jpeg, png = encoded(photo(19, 26, seed=2), "JPEG"), encoded(small)
    np.savez(
        tmp_path / "in.npz",
        odd=odd,
        jpeg=np.frombuffer(jpeg, np.uint8),
        png=np.frombuffer(png, np.uint8),
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [
            *(sys.executable, "-I", "-c", CLEAN_PROCESS, str(saved), root),
            *(str(tmp_path / "in.npz"), str(tmp_path / "out.npz")),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    out = np.load(tmp_path / "out.npz")
    assert off(out["odd"], keras_sr(generator, odd[None])[0]).max() <= 1
    assert (
        off(decoded(out["png"].tobytes()), keras_sr(generator, small[None])[0]).max()
        <= 1
    )
    seen = tf.io.decode_jpeg(jpeg).numpy()  # JPEG decoders differ by a level or two
    result = decoded(out["jpeg"].tobytes())
    assert off(result, keras_sr(generator, seen[None])[0]).max() <= 1


def test_bytes_of_every_kind_become_rgb(signatures, generator):
    rgb = photo(9, 12)
    image = Image.fromarray(rgb)
    gray16 = np.asarray(image.convert("L")).astype(np.uint16) * 257
    alpha = np.full((9, 12, 1), 128, np.uint8)
    kinds = {
        "rgb": encoded(rgb),
        "alpha": encoded(np.concatenate([rgb, alpha], axis=-1)),
        "gray": encoded(image.convert("L")),
        "palette": encoded(image.quantize(32)),
        "gray16": encoded(Image.fromarray(gray16)),
        "gray jpeg": encoded(image.convert("L"), "JPEG"),
        "cmyk jpeg": encoded(image.convert("CMYK"), "JPEG", quality=95),
    }
    serve = signatures["serving_bytes"]
    pngs = serve(image_bytes=tf.constant(list(kinds.values())))["sr_bytes"].numpy()
    gray = np.stack([np.asarray(image.convert("L"))] * 3, axis=-1)
    palette = np.asarray(image.quantize(32).convert("RGB"))
    expected = {
        "rgb": rgb, "alpha": rgb, "gray": gray, "palette": palette, "gray16": gray,
    }  # fmt: skip
    for kind, png in zip(kinds, pngs):
        sr = decoded(png)
        assert sr.shape == (36, 48, 3) and sr.dtype == np.uint8
        if kind in expected:
            assert off(sr, keras_sr(generator, expected[kind][None])[0]).max() <= 1
    assert not len(serve(image_bytes=tf.constant([], tf.string))["sr_bytes"])


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"no picture",
        encoded(photo(30, 30))[:-300],
        encoded(photo(30, 30), "JPEG")[:-200],
    ],
    ids=["empty", "text", "half a PNG", "half a JPEG"],
)
def test_a_corrupt_string_is_an_error_for_the_whole_call(signatures, bad):
    good = encoded(photo(5, 5))
    with pytest.raises(tf.errors.InvalidArgumentError):
        signatures["serving_bytes"](image_bytes=tf.constant([good, bad]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("images", tf.zeros((1, 5, 5, 3))),
        ("images", tf.zeros((1, 5, 5, 4), tf.uint8)),
        ("images", tf.zeros((5, 5, 3), tf.uint8)),
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
    picture = photo(6, 9)[None]
    sr = loaded.signatures["serving_default"](images=tf.constant(picture))["sr"]
    assert off(sr, keras_sr(generator, picture)).max() <= 1
    assert b"_XlaMustCompile" in (tmp_path / "jit" / "saved_model.pb").read_bytes()


def test_an_export_replaces_the_old_one_whole(tmp_path):
    for scale in (2, 4):
        export(trained_like(scale), tmp_path / "saved")
    assert ExportedModel(tmp_path / "saved").scale == 4
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_other_folders_and_names_are_refused(generator, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    for path, file_format in (
        (mine, "saved_model"),
        (mine / "thesis.tex", "saved_model"),
        (mine / "model.onnx", "litert"),
        (mine, "onnx"),
    ):
        with pytest.raises(UserError, match="--output="):
            export(generator, path, file_format)
    assert [path.name for path in mine.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("file_format", "quantize", "module", "extra"),
    [
        ("onnx", None, "tf2onnx", "onnx"),
        ("litert", "int8", "ai_edge_quantizer", "litert"),
    ],
)
def test_a_missing_package_names_its_extra(
    generator, tmp_path, monkeypatch, photo_folder, file_format, quantize, module, extra
):
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "out" / ("m.onnx" if extra == "onnx" else "m.tflite")
    with pytest.raises(
        UserError, match=rf"{module}: pip install 'srgan_tf\[{extra}\]'"
    ):
        export(generator, path, file_format, quantize)
    assert not path.parent.exists()


@pytest.fixture(scope="module")
def files(generator, saved, tmp_path_factory):
    """One export of each kind that is exact."""
    folder = tmp_path_factory.mktemp("files")
    export(generator, folder / "m.onnx", "onnx")
    export(generator, folder / "m.tflite", "litert")
    export(generator, folder / "half.tflite", "litert", "float16")
    return {
        "saved_model": saved,
        **{path.name: path for path in folder.glob("*.*") if path.suffix != ".md"},
    }


@pytest.mark.parametrize("name", ["saved_model", "m.onnx", "m.tflite", "half.tflite"])
def test_exports_are_models_again(files, generator, name):
    path = files[name]
    assert is_export(path)
    model = load_model(path)
    assert (model.scale, model.radius) == (4, generator.receptive_radius)
    picture = photo(31, 44)
    near = off(upscale(picture, model), keras_sr(generator, picture[None])[0]) <= 1
    assert near.mean() >= (0.99 if name.startswith("half") else 1)
    np.testing.assert_array_equal(
        upscale(picture, model, tile=9), upscale(picture, model)
    )


def test_a_smaller_radius_would_show_in_tiles(files):
    model = load_model(files["m.onnx"])
    picture = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    whole = upscale(picture, model)
    model.radius = 2
    assert (upscale(picture, model, tile=9) != whole).any()


@pytest.mark.slow
def test_the_released_model_gives_the_same_on_real_photos(shared_data, tmp_path):
    generator = load_generator("srgan_x4")
    formats = {"saved_model": "m", "onnx": "m.onnx", "litert": "m.tflite"}
    for file_format, name in formats.items():
        export(generator, tmp_path / name, file_format)
    models = [ExportedModel(tmp_path / name) for name in formats.values()]
    for path in sorted((shared_data / "benchmarks" / "Set5" / "LR").glob("*.png"))[1:4]:
        lr = np.asarray(Image.open(path))
        expected = keras_sr(generator, lr[None])[0]
        for model in models:
            assert off(upscale(lr, model), expected).max() <= 1


@pytest.mark.parametrize("quantize", ["dynamic", "int8"])
def test_8_bit_is_near_and_smaller(tmp_path, quantize):
    wide = trained_like(filters=32)
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed in range(3):
        Image.fromarray(photo(300, 300, seed)).save(photos / f"{seed}.png")
    paths = sorted(map(str, photos.iterdir()))
    export(wide, tmp_path / "m.tflite", "litert")
    export(wide, tmp_path / "q.tflite", "litert", quantize, photos=paths)
    size = (tmp_path / "m.tflite").stat().st_size
    assert (tmp_path / "q.tflite").stat().st_size < 0.6 * size
    picture = photo(30, 47, seed=9)
    exact = keras_sr(wide, picture[None])[0]
    error = off(upscale(picture, load_model(tmp_path / "q.tflite")), exact)
    assert 0 < np.sqrt(np.mean(error**2.0)) < 0.1 * exact.std()


def test_8_bit_weights_keep_colours(tmp_path):
    released = load_generator("srresnet_x4")
    photos = find_photos("bundled")
    export(released, tmp_path / "q.tflite", "litert", "dynamic", photos=photos)
    picture = read_photo(find_photos("bundled", "validation")[0])[100:300:2, 100:350:2]
    error = upscale(picture, load_model(tmp_path / "q.tflite")).astype(float)
    error -= keras_sr(released, picture[None])[0]
    # Without correction green is 1.5 levels off.
    assert np.all(np.abs(error.mean(axis=(0, 1))) < 0.7)


@pytest.mark.parametrize("quantize", [None, "int8"])
def test_a_fixed_size_runs_by_tiles_of_it_or_refuses(generator, tmp_path, quantize):
    Image.fromarray(photo(300, 300)).save(tmp_path / "0.png")
    path = tmp_path / "m.tflite"
    photos = [str(tmp_path / "0.png")]
    export(generator, path, "litert", quantize, window=(40, 32), photos=photos)
    model = load_model(path)
    picture = photo(57, 101)
    sr = upscale(picture, model)
    if quantize is None:
        assert off(sr, keras_sr(generator, picture[None])[0]).max() <= 1
    exact = photo(40, 32)
    assert upscale(exact, model).shape == (160, 128, 3)
    with pytest.raises(UserError, match=r"takes 40x32 pixels only.*39x50"):
        upscale(photo(39, 50), model)
    with pytest.raises(UserError, match="--self_ensemble"):
        upscale(picture, model, self_ensemble=True)


def test_what_exports_cannot_do_gets_one_line(files, tmp_path):
    with pytest.raises(UserError, match=r"--realism blends weights"):
        load_model(f"{files['m.onnx']},srgan_x4", realism=0.5)
    with pytest.raises(UserError, match="--fast does not apply"):
        load_model(files["m.onnx"], fast=True)
    with pytest.raises(UserError, match=r"There is no model none\.onnx"):
        load_model("none.onnx")
    for suffix in (".onnx", ".tflite"):
        broken = tmp_path / f"broken{suffix}"
        broken.write_bytes(b"not a model at all")
        with pytest.raises(UserError, match="damaged or no export of srgan_tf"):
            load_model(broken)
    foreign = tmp_path / "foreign"
    tf.saved_model.save(tf.Module(), str(foreign))
    with pytest.raises(UserError, match="damaged or no export of srgan_tf"):
        load_model(foreign)


def test_what_a_file_says_of_itself(saved):
    info = json.loads((saved / "assets.extra" / "srgan_tf.json").read_text())
    assert info == {"scale": 4, "radius": 10, "window": None}
