import csv

import keras
import numpy as np
import pytest

from srgan_tf.models import Generator
from srgan_tf.training.run_folder import RunFolder
from srgan_tf.training.train import save_result


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.write_flags({"scale": 4, "num_blocks": 1, "filters": 4, "crop_size": 16})
    return folder


def compiled() -> Generator:
    generator = Generator(num_blocks=1, filters=4)
    generator.compile(keras.optimizers.Adam(1e-3), "mse", jit_compile=False)
    generator.optimizer.build(generator.trainable_variables)
    return generator


def step(generator: Generator) -> None:
    generator.train_on_batch(np.zeros((2, 4, 4, 3)), np.ones((2, 16, 16, 3)))


def test_flags_are_recorded_for_a_replay(folder):
    assert folder.recorded_flags()["crop_size"] == "16"
    lines = (folder.path / "run.flags").read_text().splitlines()
    assert lines[0] == "--scale=4"


def test_a_checkpoint_continues_weights_and_optimizer(folder):
    generator = compiled()
    step(generator)
    folder.checkpoints.save(generator, "pretrain", 1)
    step(generator)
    again = compiled()
    assert folder.checkpoints.restore(again, "pretrain") == 1
    step(again)
    for ours, theirs in zip(generator.variables, again.variables):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_old_checkpoints_go_and_stages_are_apart(folder):
    generator = compiled()
    folder.checkpoints.save(generator, "gan", 1)
    for step in range(1, 6):
        folder.checkpoints.save(generator, "pretrain", step)
    names = sorted(path.name for path in folder.checkpoints.path.iterdir())
    assert names == ["gan-00000001.weights.h5"] + [
        f"pretrain-{step:08d}.weights.h5" for step in (3, 4, 5)
    ]
    assert folder.checkpoints.latest_step("pretrain") == 5
    assert folder.checkpoints.latest_step("gan") == 1


def test_a_damaged_checkpoint_gives_way_to_the_one_before(folder, caplog):
    generator = compiled()
    for step in (1, 2):
        folder.checkpoints.save(generator, "pretrain", step)
    newest = folder.checkpoints.path / "pretrain-00000002.weights.h5"
    newest.write_bytes(newest.read_bytes()[:1000])
    assert folder.checkpoints.restore(compiled(), "pretrain") == 1
    assert "is damaged" in caplog.text


def test_metrics_are_appended_and_rewound(folder):
    for step in (1, 2, 3):
        folder.metrics.record("pretrain", step, {"loss": step / 10})
    folder.metrics.record("gan", 1, {"loss": 1.0, "d_hr": 0.5, "unlisted": 3.0})
    folder.metrics.rewind("pretrain", 2)
    with folder.metrics.path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["stage"], r["step"], r["loss"]) for r in rows] == [
        ("pretrain", "1", "0.1"),
        ("pretrain", "2", "0.2"),
        ("gan", "1", "1.0"),
    ]


def test_tensorboard_gets_scalars_and_pictures(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder.metrics.record("gan", 7, {"d_hr": 0.75})
    folder.sample("one", np.zeros((8, 24, 3), np.uint8), "gan", 7)
    folder.metrics.record("gan", 8, {"d_hr": 0.5})
    board = EventAccumulator(str(folder.path / "logs"))
    board.Reload()
    tags = board.Tags()["tensors"]
    assert tags == ["_hparams_/session_start_info", "gan/d_hr", "gan/bicubic_sr_hr"]
    assert [event.step for event in board.Tensors("gan/d_hr")] == [7, 8]
    assert (folder.samples / "one.png").exists()
    columns = board.SummaryMetadata("gan/bicubic_sr_hr").summary_description
    assert "bicubic, SR, HR" in columns


def test_tensorboard_gets_the_flags_as_hyper_parameters(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    folder = RunFolder(tmp_path)
    folder.write_flags({"filters": 8, "dataset": "photos", "jit_compile": False})
    folder.metrics.record("gan", 1, {"d_hr": 0.75})
    board = EventAccumulator(str(folder.path / "logs"))
    board.Reload()
    metadata = board.SummaryMetadata("_hparams_/session_start_info")
    data = HParamsPluginData.FromString(metadata.plugin_data.content)
    values = data.session_start_info.hparams
    assert values["filters"].number_value == 8
    assert values["dataset"].string_value == "photos"
    assert values["jit_compile"].bool_value is False


def test_results_are_whole_and_mark_the_end(folder):
    generator = Generator(num_blocks=1, filters=4)
    assert not folder.finished
    save_result(folder, generator)
    assert folder.finished
    again = keras.saving.load_model(folder.path / "generator.keras")
    again.load_weights(folder.path / "generator.weights.h5")
    lr = np.random.default_rng(0).random((1, 5, 5, 3), np.float32)
    np.testing.assert_array_equal(generator(lr), again(lr))
    assert not list(folder.path.glob("*partial*"))
