"""What several test modules share: tiny configurations, photos and the golden data."""

import dataclasses
import functools
import logging
import os
import signal
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image
from samples import REPOSITORY, smooth_photo, trained_like

from srgan_tf.main import main
from srgan_tf.options import TrainOptions

# Few examples, the same in every run, however slow the machine is.
settings.register_profile(
    "same",
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Photos, benchmarks and VGG19 weights that are kept beside the repository."""
    home = os.environ.get("SRGAN_TF_SHARED", REPOSITORY.parent / "shared")
    folder = Path(home) / "data"
    if not folder.is_dir():
        pytest.skip(
            f"NOT TESTED: there is no {folder} with real data on this machine; "
            "SRGAN_TF_SHARED names another place"
        )
    return folder


@pytest.fixture(autouse=True)
def same_seed():
    import keras

    keras.utils.set_random_seed(1)
    yield
    keras.config.set_dtype_policy("float32")


class Outcome(NamedTuple):
    """What a command leaves for the one who called it."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture
def command_line(capfd):
    """Runs words as `python -m srgan_tf.main` does, but in this process."""

    def run(*words: object) -> Outcome:
        capfd.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            # With pytest's handlers there the log would not go to stderr.
            patch.setattr(logging.root, "handlers", [])
            before = signal.getsignal(signal.SIGTERM)
            code = None
            try:
                main(["srgan_tf", *map(str, words)])
            except SystemExit as end:
                code = end.code
            finally:
                signal.signal(signal.SIGTERM, before)
        stdout, stderr = capfd.readouterr()
        if isinstance(code, str):  # as Python does at its end
            code, stderr = 1, f"{stderr}{code}\n"
        return Outcome(code or 0, stdout, stderr)

    return run


@pytest.fixture(scope="session")
def model_file(tmp_path_factory) -> str:
    """A generator that upscales small photos in no time."""
    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    trained_like().save(path)
    return str(path)


@pytest.fixture(scope="session", autouse=True)
def exact():
    """Models load in float32, whatever the machine is fastest in."""
    with pytest.MonkeyPatch.context() as patch:
        name = "srgan_tf.inference.loading.fastest_precision"
        patch.setattr(name, lambda: "float32")
        yield


@pytest.fixture
def photo_folder(tmp_path) -> Path:
    """Six small PNG photos."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(6):
        Image.fromarray(smooth_photo(i)).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def config(request, tmp_path, photo_folder, monkeypatch):
    """Makes the options of a run that takes seconds; keywords change them.

    Without the mark `saved_model` a run leaves no SavedModel: a sixth of its time.
    """
    if not request.node.get_closest_marker("saved_model"):
        monkeypatch.setattr("srgan_tf.training.train.export", lambda *_, **__: None)
    tiny = TrainOptions(
        run_dir=str(tmp_path / "run"),
        num_blocks=1,
        filters=4,
        dataset=str(photo_folder),
        valid_dataset=str(photo_folder / "0.png*"),
        crop_size=16,
        batch_size=2,
        cache_gib=1.0,
        seed=3,
        pretrain_steps=2,
        pretrain_learning_rate=1e-3,
        gan_steps=2,
        content_loss="mse",
        gan_learning_rate=1e-3,
        gan_decay_step=100,
        strategy="one",
        precision="float32",
        log_every=1,
        save_every=2,
    )
    return functools.partial(dataclasses.replace, tiny)
