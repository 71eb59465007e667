"""What several test modules share: tiny configurations, photos and the golden data."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Photos, benchmarks and VGG19 weights that are kept beside the repository."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"NOT TESTED: there is no {folder} with real data on this machine")
    return folder


@pytest.fixture(autouse=True)
def same_seed():
    import keras

    keras.utils.set_random_seed(1)
    yield
    keras.config.set_dtype_policy("float32")


def smooth_photo(seed: int, height: int = 64, width: int = 80) -> np.ndarray:
    """A photo-like uint8 picture: soft random colours without hard noise."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture
def photo_folder(tmp_path) -> Path:
    """Six small PNG photos."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(6):
        Image.fromarray(smooth_photo(i)).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def config(tmp_path, photo_folder):
    """Makes a `Config` of a run that takes seconds; keywords change it."""
    from srgan_tf.config import Config

    def make(**changes):
        values = {
            "run_dir": str(tmp_path / "run"),
            "scale": 4,
            "num_blocks": 1,
            "filters": 4,
            "dataset": str(photo_folder),
            "split": "train",
            "data_dir": None,
            "valid_dataset": str(photo_folder / "0.png*"),
            "crop_size": 16,
            "batch_size": 2,
            "degradation": "bicubic",
            "cache_gib": 1.0,
            "seed": 3,
            "init": None,
            "init_discriminator": None,
            "pretrain_steps": 2,
            "pretrain_loss": "mse",
            "pretrain_learning_rate": 1e-3,
            "gan_steps": 2,
            "content_loss": "mse",
            "vgg_weights": "auto",
            "total_variation": 0.0,
            "colour_weight": 0.0,
            "adversarial_weight": 1e-3,
            "gan_learning_rate": 1e-3,
            "gan_decay_step": 100,
            "schedule": "paper",
            "warmup_steps": 0,
            "ema_decay": 0.0,
            "freeze_batch_norm": False,
            "clip_norm": 0.0,
            "strategy": "one",
            "precision": "float32",
            "jit_compile": False,
            "steps_per_execution": 1,
            "log_every": 1,
            "save_every": 2,
        }
        return Config(**{**values, **changes})

    return make
