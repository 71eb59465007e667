"""The model card: facts, signatures, and commands that run as written."""

import re

import numpy as np
import pytest
import tensorflow as tf
from samples import smooth_photo, trained_like

from srgan_tf.errors import UserError
from srgan_tf.exporting.export import export
from srgan_tf.exporting.facts import Facts, facts_of
from srgan_tf.training.run_folder import RunFolder


def test_facts_of_released_models():
    facts = facts_of("srgan_x4")
    assert "DIV2K" in facts.made
    number = r"\d\d\.\d\d dB"
    pattern = f"{number} on Set5, {number} on Set14, {number} on BSD100"
    assert re.fullmatch(pattern, facts.psnr)
    assert facts.licence == "Apache-2.0"
    assert facts_of("srresnet_x4").psnr.startswith("32.14 dB on Set5")


def test_facts_of_a_run_and_of_a_bare_file(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.write_flags(
        {
            "dataset": "div2k",
            "valid_dataset": "bundled",
            "pretrain_loss": "mse",
            "content_loss": "vgg54",
        }
    )
    folder.metrics.record("gan", 1, {"val_psnr": 20.0})
    folder.metrics.record("gan", 2, {"val_psnr": 25.126})
    folder.metrics.record("gan", 3, {"loss": 1.0})
    folder.facts().write(folder.path)
    facts = facts_of(tmp_path / "run")
    assert facts == folder.facts()
    assert facts.made == "trained on div2k (mse, then vgg54)"
    assert facts.psnr == "25.13 dB on the validation photos, bundled"
    assert facts.licence == "not recorded"
    assert facts_of("some/file.h5") == Facts("file.h5")
    assert facts_of(tmp_path).psnr == "not recorded"


def test_facts_of_stage_1_alone_are_those_of_its_best(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.write_flags(
        {
            "dataset": "photos",
            "valid_dataset": "valid",
            "degradation": "photo",
            "init": "srresnet_x4",
            "pretrain_loss": "mae",
            "content_loss": "vgg54",
            "gan_steps": 0,
        }
    )
    for step, value in enumerate((24.0, 25.0, 24.5)):
        folder.metrics.record("pretrain", step, {"val_psnr": value})
    assert folder.facts() == Facts(
        "run",
        made="trained from srresnet_x4 on photos (mae)",
        scores={"the validation photos, valid, degraded as photo": {"psnr": 25.0}},
    )


def test_damaged_facts_are_named(tmp_path):
    (tmp_path / "facts.json").write_text('{"name": "run", ')
    with pytest.raises(UserError, match=r"facts\.json is damaged"):
        facts_of(tmp_path)


def test_exports_of_one_folder_share_a_card(tmp_path):
    generator, facts = trained_like(), Facts("x", licence="MIT")
    for name in ("a.tflite", "b.tflite", "a.tflite"):
        export(generator, tmp_path / name, file_format="litert", facts=facts)
    card = (tmp_path / "model_card.md").read_text()
    assert re.findall("^# .*", card, re.MULTILINE) == ["# b.tflite", "# a.tflite"]
    assert card.count("| MIT |") == 2


@pytest.mark.parametrize("name", ["m", "m.tflite", "m.onnx"])
def test_the_python_commands_run_as_written(tmp_path, monkeypatch, name):
    formats = {"m": "saved_model", "m.tflite": "litert", "m.onnx": "onnx"}
    export(trained_like(), tmp_path / name, file_format=formats[name])
    folder = tmp_path / name if name == "m" else tmp_path
    card = (folder / "model_card.md").read_text()
    assert "| `serving_default` | `images`: uint8 RGB [N, H, W, 3]" in card
    (code,) = re.findall("```python\n(.*?)```", card, re.DOTALL)
    picture = smooth_photo(0, 6, 7)
    names = {"photo": picture, "jpeg": tf.io.encode_jpeg(picture).numpy()}
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "model_card.md", "exec"), names)
    assert np.shape(names["sr"]) == (1, 24, 28, 3)
    assert name != "m" or names["png"][0].numpy().startswith(b"\x89PNG")


def test_a_fixed_size_is_in_the_signature(tmp_path):
    export(trained_like(), tmp_path / "m.tflite", file_format="litert", window=(8, 6))
    card = (tmp_path / "model_card.md").read_text()
    assert "[1, 8, 6, 3]" in card and "[1, 32, 24, 3]" in card
