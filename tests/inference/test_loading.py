"""From names, files and wishes to a model."""

import hashlib
import json
import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from samples import lr_noise, trained_like, values

import srgan_tf
from srgan_tf.errors import UserError
from srgan_tf.exporting.export import export
from srgan_tf.inference import loading
from srgan_tf.inference.choosing import choose
from srgan_tf.inference.loading import load_model
from srgan_tf.models import pretrained

PRECISIONS = ("float32", "mixed_bfloat16")


@pytest.fixture
def two_files(tmp_path):
    files = []
    for seed in (1, 2):
        files.append(str(tmp_path / f"{seed}.weights.h5"))
        trained_like(seed=seed).save_weights(files[-1])
    return files


def test_realism_blends_two_models(two_files):
    pixels = values(8, 8, 3)
    for realism, file in ((0, two_files[0]), (1, two_files[1])):
        mixed = srgan_tf.upscale(pixels, ",".join(two_files), realism=realism)
        np.testing.assert_array_equal(mixed, srgan_tf.upscale(pixels, file))
    half = srgan_tf.upscale(pixels, ",".join(two_files), realism=0.5)
    for file in two_files:
        assert (half != srgan_tf.upscale(pixels, file)).any()
    with pytest.raises(UserError, match="FAITHFUL,REALISTIC"):
        srgan_tf.upscale(pixels, two_files[0], realism=0.5)


@pytest.fixture
def released(tmp_path, monkeypatch):
    """Puts other models, each of its own seed, in the place of the released ones."""
    monkeypatch.setattr(pretrained, "WEIGHTS", tmp_path)

    def make(*names: str) -> None:
        facts = {}
        for seed, name in enumerate(names):
            path = tmp_path / f"{name}.weights.h5"
            model = trained_like(pretrained.released_scale(name), seed=seed)
            model.save_weights(path)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            facts[name] = {"sha256": digest}
        (tmp_path / "facts.json").write_text(json.dumps({"models": facts}))

    return make


FOUR = ("srresnet_x4", "srgan_x4", "srresnet_x4_photo", "srgan_x4_photo")


def test_released_models_are_chosen_by_scale(released):
    with pytest.raises(UserError, match="no model srgan_x4"):
        load_model()
    clean = ("srresnet_x2", "srgan_x2", "srresnet_x4", "srgan_x4")
    released(*clean)
    assert load_model().scale == 4
    with pytest.raises(UserError, match="the model's scale is 4"):
        srgan_tf.upscale(values(4, 4, 3), scale=8)
    assert [load_model(scale=s).scale for s in (2, 3, 4)] == [2, 4, 4]
    released(*clean, *FOUR[2:], "srresnet_x8", "srgan_x8")
    assert load_model("srgan_x2").scale == 2
    assert load_model(realism=0.5).scale == 4
    with pytest.raises(UserError, match=r"make up to x4\. With --denoise=0"):
        srgan_tf.upscale(values(4, 4, 3), scale=8, denoise=1)
    assert load_model(scale=2, denoise=0.5).scale == 4  # of photos there is none at x2


def test_a_model_for_photos_goes_before_one_of_the_scale(released):
    released("srresnet_x2", "srgan_x2", *FOUR, "srresnet_x8", "srgan_x8")

    def chosen(scale, denoise=None):
        return {share.model for share in choose(None, scale=scale, denoise=denoise)}

    assert [chosen(s) for s in (None, 2, 3, 4)] == [{"srgan_x4_photo"}] * 4
    assert [chosen(s) for s in (5, 8)] == [{"srgan_x8"}] * 2  # none for photos
    clean = [chosen(s, denoise=0) for s in (2, 3, 4, 8)]
    assert clean == [{"srgan_x2"}, {"srgan_x4"}, {"srgan_x4"}, {"srgan_x8"}]
    released("srgan_x2", "srgan_x2_photo", *FOUR, "srresnet_x8", "srresnet_x8_photo")
    assert [chosen(s) for s in (2, 3, 5)] == [
        {"srgan_x2_photo"},
        {"srgan_x4_photo"},
        {"srresnet_x8_photo"},
    ]


def test_srgan_of_clean_pictures_alone_is_not_mixed_with_srresnet_of_photos(released):
    released(*FOUR, "srresnet_x8", "srgan_x8", "srresnet_x8_photo")

    def chosen(denoise=None):
        return [share.model for share in choose(None, scale=8, denoise=denoise)]

    assert chosen() == ["srresnet_x8_photo"]
    assert chosen(0) == ["srgan_x8"]
    assert chosen(0.5) == ["srresnet_x8", "srresnet_x8_photo"]
    with pytest.raises(UserError, match=r"no two models for photos at x8\. With --den"):
        choose(None, scale=8, realism=0.5)


def test_without_srgan_of_the_scale_srresnet_is_what_there_is(released):
    released("srresnet_x8", *FOUR)
    assert [share.model for share in choose(None, scale=8)] == ["srresnet_x8"]
    with pytest.raises(UserError, match="no model srgan_x8"):
        load_model(scale=8, realism=0.5)


def test_dials_end_at_the_released_models_and_lead_from_one_to_the_other(released):
    released(*FOUR)
    pixels = values(8, 8, 3)
    ends = {name: srgan_tf.upscale(pixels, name) for name in FOUR}
    dials: list[tuple[dict[str, float], str]] = [
        ({}, "srgan_x4_photo"),
        ({"realism": 0}, "srresnet_x4_photo"),
        ({"denoise": 0}, "srgan_x4"),
        ({"realism": 0, "denoise": 0}, "srresnet_x4"),
        ({"realism": 1, "denoise": 1}, "srgan_x4_photo"),
    ]
    for wishes, name in dials:
        result = srgan_tf.upscale(pixels, **wishes)
        np.testing.assert_array_equal(result, ends[name], str(wishes))
    half = srgan_tf.upscale(pixels, realism=0.5, denoise=0.5)
    assert all((half != end).any() for end in ends.values())


def test_between_clean_and_photo_results_are_blended_not_weights(released):
    released(*FOUR)
    pixels = values(8, 8, 3)
    for realism in (0, 0.5, 1):
        clean, quarter, photo = (
            srgan_tf.upscale(pixels, realism=realism, denoise=denoise).astype(float)
            for denoise in (0, 0.25, 1)
        )
        np.testing.assert_allclose(quarter, 0.75 * clean + 0.25 * photo, atol=1.01)


def test_half_of_each_dial_is_the_mean_of_the_four(released):
    released(*FOUR)
    shares = choose(None, realism=0.5, denoise=0.5)
    assert {share.model: share.share for share in shares} == dict.fromkeys(FOUR, 0.25)


def test_denoise_is_for_the_released_models(two_files):
    with pytest.raises(UserError, match="--denoise blends the released models"):
        load_model(",".join(two_files), realism=0.5, denoise=0.5)


@pytest.mark.parametrize("device", ["float32", "mixed_bfloat16"])
def test_precision_is_what_the_device_is_fastest_in(monkeypatch, device):
    monkeypatch.setattr(loading, "fastest_precision", lambda: device)
    generator, lr = trained_like(filters=16), lr_noise(12, 12)
    sr = {p: load_model(generator, precision=p)(lr) for p in ("auto", *PRECISIONS)}
    np.testing.assert_array_equal(sr["auto"], sr[device])
    error = 127.5 * (sr["float32"] - sr["mixed_bfloat16"])
    assert 0 < np.mean(error**2) < 1


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"tile": 15}, "--tile=15: must be at least 16."),
        ({"scale": 1}, "--scale=1: must be 2 to 8."),
        ({"realism": 1.5}, "--realism=1.5: must be 0 to 1."),
        ({"denoise": -1.0}, "--denoise=-1.0: must be 0 to 1."),
        ({"realism": math.nan}, "--realism=nan: must be a finite number."),
        (
            {"precision": "mixed_float16"},
            "--precision=mixed_float16: must be auto, float32 or mixed_bfloat16.",
        ),
        (
            {"fast": True, "precision": "float32"},
            "--fast computes in 8 bits, --precision=float32 does not: choose one.",
        ),
    ],
)
def test_wishes_out_of_their_bounds_are_refused_before_loading(wishes, message):
    with pytest.raises(UserError) as caught:
        load_model("none.keras", **wishes)
    assert str(caught.value) == message


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """A model of each kind that can be named, and the wishes for it."""
    folder = tmp_path_factory.mktemp("kinds")
    generator, other = trained_like(seed=1), trained_like(seed=2)
    generator.save(folder / "m.keras")
    other.save_weights(folder / "m.weights.h5")
    export(generator, folder / "saved")
    export(generator, folder / "m.onnx", file_format="onnx")
    export(generator, folder / "m.tflite", file_format="litert")
    keras_file = str(folder / "m.keras")
    return {
        "keras": (keras_file, {}),
        "fast": (keras_file, {"fast": True}),
        "blend": (f"{keras_file},{folder / 'm.weights.h5'}", {"realism": 0.5}),
        "saved_model": (folder / "saved", {}),
        "onnx": (folder / "m.onnx", {}),
        "litert": (folder / "m.tflite", {"self_ensemble": True}),
    }


KINDS = ["keras", "fast", "blend", "saved_model", "onnx", "litert"]


@pytest.mark.parametrize("kind", KINDS)
def test_threads_share_a_model(kinds, kind):
    source, wishes = kinds[kind]
    model = load_model(source, **wishes)
    pictures = [values(10 + i % 3, 9, 3, seed=i) for i in range(32)]
    expected = [srgan_tf.upscale(picture, model) for picture in pictures]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda x: srgan_tf.upscale(x, model), 8 * pictures))
    for sr, sr_alone in zip(found, 8 * expected, strict=True):
        np.testing.assert_array_equal(sr, sr_alone)


@pytest.mark.parametrize("kind", KINDS)
def test_many_calls_take_no_more_memory(kinds, kind):
    source, wishes = kinds[kind]
    picture = values(8, 8, 3)
    for _ in range(20):
        srgan_tf.upscale(picture, source, **wishes)
    before = _resident()
    for _ in range(300):
        srgan_tf.upscale(picture, source, **wishes)
    assert _resident() - before < 4e6


def _resident() -> float:
    """Bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_threads_wait_for_one_to_load(two_files, monkeypatch):
    calls = []

    def counted(source):
        calls.append(source)
        return pretrained.load_generator(source)

    monkeypatch.setattr(loading, "load_generator", counted)
    with ThreadPoolExecutor(4) as threads:
        models = list(threads.map(loading.kept_model, [two_files[0]] * 8))
    assert len(calls) == 1 and len(set(map(id, models))) == 1


def test_a_file_that_changed_is_loaded_anew(two_files):
    pixels = values(8, 8, 3)
    first = srgan_tf.upscale(pixels, two_files[0])
    second = srgan_tf.upscale(pixels, two_files[1])
    Path(two_files[1]).replace(two_files[0])
    np.testing.assert_array_equal(srgan_tf.upscale(pixels, two_files[0]), second)
    assert (first != second).any()
    Path(two_files[0]).unlink()
    with pytest.raises(UserError, match="There is no model"):
        srgan_tf.upscale(pixels, two_files[0])


def test_a_generator_is_taken_as_it_is_now():
    generator, pixels = trained_like(), values(8, 8, 3)
    first = srgan_tf.upscale(pixels, generator)
    generator.tail.bias.assign_add([0.5, 0.5, 0.5])
    assert (srgan_tf.upscale(pixels, generator) > first).any()


def test_what_is_not_finite_is_never_a_picture(tmp_path, command_line):
    generator = trained_like()
    generator.tail.bias.assign([np.nan, 0, 0])
    generator.save(tmp_path / "nan.keras")
    Image.fromarray(values(8, 8, 3)).save(tmp_path / "x.png")
    done = command_line("upscale", tmp_path / "x.png", f"--model={tmp_path}/nan.keras")
    assert done.code == 1 and "is not finite" in done.stderr
    assert not (tmp_path / "x_x4.png").exists()
