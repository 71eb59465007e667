"""`evaluate --degradation`: reproducible LR, one table by degradation."""

import numpy as np
import pytest
from PIL import Image
from samples import smooth_photo

from srgan_tf.data.degradations import KINDS
from srgan_tf.errors import UserError
from srgan_tf.evaluation.evaluate import evaluate
from srgan_tf.options import DEGRADATIONS, EvaluateOptions


@pytest.fixture
def benchmark(tmp_path):
    folder = tmp_path / "Set1" / "HR"
    folder.mkdir(parents=True)
    for i in range(2):
        Image.fromarray(smooth_photo(i)).save(folder / f"{i}.png")
    Image.fromarray(smooth_photo(2)[..., 0]).save(folder / "gray.png")
    return folder.parent


def measured(benchmark, **options):
    asked = {"model": ("bicubic",), "vgg_weights": "", **options}
    result = evaluate(EvaluateOptions(benchmarks=(str(benchmark),), **asked))
    return {
        name: content["models"]["bicubic"]["mean"]["psnr"]
        for name, content in result["benchmarks"].items()
    }


def test_options_name_every_degradation():
    assert set(DEGRADATIONS) == set(KINDS)


def test_each_degradation_is_measured_and_bicubic_is_matlabs(benchmark, capsys):
    kinds = ("bicubic", "noise8", "jpeg30")
    found = measured(benchmark, degradation=kinds)
    assert list(found) == [f"Set1, {kind}" for kind in kinds]
    assert found["Set1, bicubic"] == measured(benchmark)["Set1"]
    assert found["Set1, noise8"] < found["Set1, bicubic"] - 1
    assert "| PSNR (dB) x4" in capsys.readouterr().out  # degradations by models


def test_lr_of_another_scale_is_not_looked_at(benchmark):
    alone = measured(benchmark, scale=2)
    (benchmark / "LR").mkdir()
    for photo in (benchmark / "HR").iterdir():
        with Image.open(photo) as hr:
            hr.resize((5, 5)).save(benchmark / "LR" / photo.name)
    found = measured(benchmark, scale=2, degradation=("bicubic",))
    assert found == {"Set1, bicubic": alone["Set1"]}


def test_equal_seeds_give_equal_lr_which_is_saved(benchmark, tmp_path):
    lrs = []
    for run, seed in enumerate((0, 0, 1)):
        folder = tmp_path / str(run)
        measured(
            benchmark,
            degradation=("noise8",),
            degradation_seed=seed,
            save_images=str(folder),
        )
        saved = sorted((folder / "Set1_noise8" / "LR").iterdir())
        lrs.append([np.asarray(Image.open(path)) for path in saved])
    assert lrs[0][2].ndim == 2  # a picture of one channel stays one
    assert all(np.array_equal(a, b) for a, b in zip(lrs[0], lrs[1]))
    assert not any(np.array_equal(a, b) for a, b in zip(lrs[0], lrs[2]))


def test_an_unknown_degradation_is_refused():
    with pytest.raises(UserError, match="--degradation=fog: must be one of bicubic"):
        EvaluateOptions(model=("bicubic",), benchmarks=("x",), degradation=("fog",))
