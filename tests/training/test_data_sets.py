"""Training on a prepared set and on pairs of one's own."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from samples import smooth_photo

from srgan_tf.data.pairs import training_pairs
from srgan_tf.data.prepare import prepare
from srgan_tf.errors import UserError
from srgan_tf.options import PrepareOptions
from srgan_tf.pictures.imresize import imresize
from srgan_tf.training import stages
from srgan_tf.training.train import train


@pytest.fixture
def prepared(photo_folder, tmp_path) -> Path:
    """The six photos, whole."""
    folder = tmp_path / "set"
    prepare(PrepareOptions(dataset=str(photo_folder), output=str(folder), min_size=16))
    return folder


@pytest.fixture
def paired(tmp_path) -> Path:
    """Six pairs whose LR is darker than what would be made from HR."""
    for part in ("HR", "LR"):
        (tmp_path / "pairs" / part).mkdir(parents=True)
    for i in range(6):
        hr = smooth_photo(i)
        lr = np.asarray(imresize(hr, 1 / 4)).astype(np.uint8) // 2
        for part, picture in (("HR", hr), ("LR", lr)):
            Image.fromarray(picture).save(tmp_path / "pairs" / part / f"{i}.png")
    return tmp_path / "pairs"


def result(run: str) -> list[np.ndarray]:
    return keras.saving.load_model(Path(run) / "generator.keras").get_weights()


def test_a_prepared_set_trains_as_its_photos_do(config, prepared, tmp_path, caplog):
    from_files = config(run_dir=str(tmp_path / "files"), gan_steps=0)
    from_records = dataclasses.replace(
        from_files, run_dir=str(tmp_path / "records"), dataset=str(prepared)
    )
    for c in (from_files, from_records):
        train(c)
    for one, other in zip(result(from_files.run_dir), result(from_records.run_dir)):
        np.testing.assert_array_equal(one, other)
    assert f"{from_files.dataset}: 6 photos, 0.0 megapixels, all in m" in caplog.text
    assert f"{prepared}: 6 sub-pictures, 0.0 megapixels, prepared" in caplog.text


def test_on_a_prepared_set_two_goes_equal_one(config, prepared, tmp_path):
    whole = config(run_dir=str(tmp_path / "whole"), dataset=str(prepared), gan_steps=0)
    parts = dataclasses.replace(whole, run_dir=str(tmp_path / "parts"))
    for c, steps in ((whole, 4), (parts, 2), (parts, 4)):
        train(dataclasses.replace(c, pretrain_steps=steps))
    for one, other in zip(result(whole.run_dir), result(parts.run_dir)):
        np.testing.assert_array_equal(one, other)


def test_a_shard_that_vanishes_is_named(config, prepared, monkeypatch):
    (shard,) = prepared.glob("*.tfrecord-*")

    def breaks(*args, **kwargs):
        shard.unlink()
        return training_pairs(*args, **kwargs)

    monkeypatch.setattr(stages, "training_pairs", breaks)
    with pytest.raises(UserError, match="00000-of-00001 cannot be read: No such file"):
        train(config(dataset=str(prepared)))


def test_a_damaged_shard_is_named_and_the_run_continues(config, prepared, tmp_path):
    whole = config(run_dir=str(tmp_path / "whole"), dataset=str(prepared), gan_steps=0)
    parts = dataclasses.replace(whole, run_dir=str(tmp_path / "parts"))
    for c, steps in ((whole, 4), (parts, 2)):
        train(dataclasses.replace(c, pretrain_steps=steps))
    (shard,) = prepared.glob("*.tfrecord-*")
    content = shard.read_bytes()
    shard.write_bytes(content[:100] + bytes(len(content) - 100))
    more = dataclasses.replace(parts, pretrain_steps=4)
    with pytest.raises(UserError, match="00000-of-00001 is damaged after 0 sub-pict"):
        train(more)
    shard.write_bytes(content)
    train(more)
    for one, other in zip(result(whole.run_dir), result(parts.run_dir)):
        np.testing.assert_array_equal(one, other)


def test_pairs_are_trained_and_validated_on_as_they_are(config, paired, caplog):
    c = config(dataset=str(paired), valid_dataset=str(paired), gan_steps=0)
    train(c)
    assert "6 pairs. HR: 6 photos" in caplog.text
    sample = Image.open(Path(c.run_dir) / "samples" / "step_pretrain_00000002.png")
    bicubic, _, hr = np.split(np.asarray(sample, float), 3, axis=1)
    assert bicubic.mean() == pytest.approx(hr.mean() / 2, rel=0.05)


def test_pairs_are_not_degraded(config, paired):
    c = config(dataset=str(paired), degradation="photo")
    with pytest.raises(UserError, match="these photos have LR of their own"):
        train(c)
    assert not Path(c.run_dir, "run.flags").exists()
