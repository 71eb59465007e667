"""Fine-tuning: measured before the first step, and the best generator is kept."""

import csv
import hashlib
import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from samples import trained_like

from srgan_tf.errors import UserError
from srgan_tf.inference.compiled import CompiledGenerator
from srgan_tf.models import Discriminator, VGGFeatures, pretrained
from srgan_tf.models.pretrained import load_generator
from srgan_tf.training import auto, stages
from srgan_tf.training.run_folder import RunFolder
from srgan_tf.training.train import train
from srgan_tf.training.validation import FeatureDistance, validate


def rows(run: str) -> list[dict[str, str]]:
    with (Path(run) / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def results(run: str, name: str) -> dict[int, float]:
    return {int(row["step"]): float(row[name]) for row in rows(run) if row[name]}


def measured(run: str, **options) -> dict[str, float]:
    """What the result of a run reaches on the validation photo."""
    photo = np.asarray(Image.open(Path(run).parent / "photos" / "0.png"))
    return validate(CompiledGenerator(load_generator(run)), [photo], **options)


@pytest.fixture
def gray_file(tmp_path) -> str:
    """A generator of gray pictures, which few are worse than by PSNR."""
    generator = trained_like()
    generator.tail.kernel.assign(np.zeros(generator.tail.kernel.shape))
    generator.save(tmp_path / "gray.keras")
    return str(tmp_path / "gray.keras")


@pytest.fixture
def tune(config, gray_file):
    """Options of stage 2 alone, from a generator that a high rate makes worse."""

    def make(**flags):
        usual = {"init": gray_file, "pretrain_steps": 0, "gan_steps": 4}
        return config(**{**usual, "gan_learning_rate": 1.0, "save_every": 1, **flags})

    return make


def test_the_start_is_measured_and_kept_where_nothing_is_better(
    tune, gray_file, caplog
):
    c = tune(keep="psnr")
    train(c)
    psnr = results(c.run_dir, "val_psnr")
    assert list(psnr) == [0, 1, 2, 3, 4]
    assert max(psnr, key=psnr.__getitem__) == 0
    start = load_generator(gray_file).get_weights()
    for ours, theirs in zip(load_generator(c.run_dir).get_weights(), start):
        np.testing.assert_array_equal(ours, theirs)
    assert "Kept by --keep=psnr: the generator of step 0 of stage 2" in caplog.text
    assert RunFolder(c.run_dir).facts().psnr.startswith(f"{psnr[0]:.2f} dB")
    assert (Path(c.run_dir) / "samples" / "step_gan_00000000.png").exists()
    assert "SRGAN, step 0" in (Path(c.run_dir) / "report.html").read_text("utf-8")


def test_the_best_is_kept_over_interruptions(tune, tmp_path):
    base = {"keep": "psnr", "gan_learning_rate": 1e-3}
    whole = tune(run_dir=str(tmp_path / "whole"), **base)
    train(whole)
    psnr = results(whole.run_dir, "val_psnr")
    assert measured(whole.run_dir)["val_psnr"] == pytest.approx(
        max(psnr.values()), abs=1e-3
    )
    parts = str(tmp_path / "parts")
    for gan_steps in (2, 4):
        train(tune(run_dir=parts, gan_steps=gan_steps, **base))
    assert rows(parts) == rows(whole.run_dir)
    for ours, theirs in zip(
        *(load_generator(run).get_weights() for run in (parts, whole.run_dir))
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_the_last_is_the_result_unless_asked(tune):
    c = tune()
    train(c)
    psnr = results(c.run_dir, "val_psnr")
    assert measured(c.run_dir)["val_psnr"] == pytest.approx(psnr[4], abs=1e-3)
    assert psnr[4] < psnr[0]
    assert "val_phi34" not in rows(c.run_dir)[0]


def test_without_init_there_is_no_start_to_measure(config):
    c = config()
    train(c)
    assert [row["step"] for row in rows(c.run_dir)] == ["1", "2", "1", "2"]


def test_the_start_is_measured_once(tune):
    """Also where a run ends before its first checkpoint."""
    c = tune(gan_steps=2, save_every=2)
    train(c)
    shutil.rmtree(Path(c.run_dir) / "checkpoints")
    (Path(c.run_dir) / "generator.keras").unlink()
    train(c)
    assert [row["step"] for row in rows(c.run_dir)] == ["0", "1", "2"]


def test_the_best_by_phi34(tune, monkeypatch, vgg_file):
    c = tune(keep="phi34", vgg_weights=vgg_file, gan_learning_rate=1e-3)
    train(c)
    phi34 = results(c.run_dir, "val_phi34")
    assert list(phi34) == [0, 1, 2, 3, 4]
    distance = FeatureDistance(VGGFeatures("3,4", vgg_file))
    found = measured(c.run_dir, phi34=distance)
    assert found["val_phi34"] == pytest.approx(min(phi34.values()), rel=1e-3)
    assert "phi 3,4" in (Path(c.run_dir) / "report.html").read_text("utf-8")


def test_a_measure_that_begins_later(tune, vgg_file, caplog):
    """Rows of before have none, and are no candidates."""
    base = {"vgg_weights": vgg_file, "gan_learning_rate": 1e-3}
    train(tune(gan_steps=2, **base))
    c = tune(keep="phi34", **base)
    train(c)
    assert "--keep changed at step 2 of the stage gan: last -> phi34" in caplog.text
    assert list(results(c.run_dir, "val_psnr")) == [0, 1, 2, 3, 4]
    assert list(results(c.run_dir, "val_phi34")) == [3, 4]
    assert RunFolder(c.run_dir).best_step("gan", "phi34") in (3, 4)


@pytest.fixture(scope="session")
def vgg_file(tmp_path_factory):
    """VGG19 with random weights, as far as phi_{3,4}."""
    path = tmp_path_factory.mktemp("vgg") / "vgg.h5"
    model = VGGFeatures("3,4", None).model
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [weight.name for weight in layer.weights]
            group.attrs["weight_names"] = names
            for name, value in zip(names, layer.get_weights()):
                group.create_dataset(name, data=value)
    return str(path)


# ---- a released discriminator


@pytest.fixture
def released(tmp_path, monkeypatch):
    """A folder of the package with a small discriminator in half precision."""
    monkeypatch.setattr(stages, "POOLED_FILTERS", 4)
    folder = tmp_path / "weights"
    shutil.copytree(pretrained.WEIGHTS, folder)
    path = folder / "srgan_x4_photo_discriminator.weights.h5"
    whole = tmp_path / "float32.weights.h5"
    Discriminator(crop_size=None, filters=4).save_weights(whole)

    def halve(name, item):
        if isinstance(item, h5py.Dataset):
            half.create_dataset(name, data=item[()].astype(np.float16))

    with h5py.File(whole) as file, h5py.File(path, "w") as half:
        file.visititems(halve)
    facts = json.loads((folder / "facts.json").read_text("utf-8"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    facts["discriminators"] = {path.name.split(".")[0]: {"sha256": digest}}
    (folder / "facts.json").write_text(json.dumps(facts))
    monkeypatch.setattr(pretrained, "WEIGHTS", folder)
    return path


def test_a_released_discriminator_is_no_generator(released, tmp_path):
    name = "srgan_x4_photo_discriminator"
    assert name not in pretrained.released_models()
    assert list(pretrained.released_discriminators()) == [name]
    loaded = Discriminator(crop_size=None, filters=4)
    pretrained.load_discriminator_weights(loaded, name)
    whole = Discriminator(crop_size=None, filters=4)
    whole.load_weights(tmp_path / "float32.weights.h5")
    for ours, exact in zip(loaded.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, exact.astype(np.float16))
    released.write_bytes(released.read_bytes()[:-1] + b"?")
    with pytest.raises(UserError, match="is damaged or not ours"):
        pretrained.load_discriminator_weights(loaded, name)


def test_a_discriminator_that_is_not_there_is_found_before_stage_1(config):
    c = config(init_discriminator="nobodys_discriminator")
    with pytest.raises(UserError, match=r"^There is no discriminator nobodys_.*\)\.$"):
        train(c)
    assert not Path(c.run_dir).exists()


def test_fine_tuning_by_its_flagfile(
    released, tmp_path, photo_folder, model_file, monkeypatch, command_line
):
    """Held-out photos are not worse than at the start, with VGG19 or without."""
    monkeypatch.setattr(auto, "imagenet_is_at_hand", lambda: False)
    size = ["--num_blocks=1", "--filters=4", "--crop_size=32", "--batch_size=2"]
    done = command_line(
        "train",
        "--flagfile=@fine_tune",
        f"--init={model_file}",
        f"--dataset={photo_folder}",
        f"--valid_dataset={photo_folder / '0.png*'}",
        f"--run_dir={tmp_path / 'run'}",
        "--gan_steps=4",
        "--log_every=1",
        "--save_every=2",
        "--strategy=one",
        *size,
    )
    assert done.code == 0, done.stderr
    run = RunFolder(tmp_path / "run")
    flags = run.recorded_flags()
    assert flags["freeze_batch_norm"] == "True"
    assert flags["gan_learning_rate"] == "1e-05"
    assert flags["content_loss"] == "mse" and flags["keep"] == "psnr"
    assert flags["adversarial_weight"] == "0.001"  # 10 is for sums of features
    asked = {row["flag"]: row["old"] for row in run.history()}
    assert asked["keep"] == "phi34" and asked["adversarial_weight"] == "10.0"
    psnr = dict(run.validations("gan"))
    assert list(psnr) == [0, 2, 4]
    assert psnr[run.best_step("gan", "psnr")] >= psnr[0]
    norms = [load_generator(x).batch_norm_layers() for x in (model_file, run.path)]
    for old, new in zip(*norms):
        for array, same in zip(old.get_weights(), new.get_weights()):
            np.testing.assert_array_equal(array, same)
    again = command_line("train", f"--flagfile={run.path / 'run.flags'}")
    assert again.code == 0 and "is finished" in again.stderr


def test_the_model_that_is_measured_is_not_needed(tune, tmp_path):
    """What a run began from may be gone when it goes on."""
    trained_like().save(tmp_path / "start.keras")
    train(tune(init=str(tmp_path / "start.keras"), gan_steps=1))
    (tmp_path / "start.keras").unlink()
    c = tune(init=str(tmp_path / "start.keras"), gan_steps=2)
    train(c)
    assert rows(c.run_dir)[-1]["step"] == "2"
