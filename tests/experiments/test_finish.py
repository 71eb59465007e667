"""The release script that blends SRResNet in and sets colours right."""

import runpy

import numpy as np
import pytest
from PIL import Image
from samples import REPOSITORY, smooth_photo, trained_like

from srgan_tf import load_generator

SCRIPT = REPOSITORY / "experiments" / "release" / "finish.py"


@pytest.fixture
def finish(monkeypatch):
    script = runpy.run_path(str(SCRIPT))
    settings = script["main"].__globals__
    for name, value in {"BATCH_SIZE": 2, "BATCHES": 1}.items():
        monkeypatch.setitem(settings, name, value)
    return lambda *words: script["main"](list(map(str, words)))


@pytest.fixture
def models(tmp_path):
    """Two files of one size, the second trained from the first, as it were."""
    paths = [tmp_path / f"{name}.weights.h5" for name in ("faithful", "realistic")]
    for seed, path in enumerate(paths):
        trained_like(seed=seed).save_weights(path)
    return paths


def test_blends(finish, models, tmp_path):
    faithful, realistic = models
    out = tmp_path / "out.weights.h5"
    finish(realistic, out, f"--faithful={faithful}", "--realism=0.75")
    weights = [load_generator(path).get_weights() for path in (*models, out)]
    for a, b, blend in zip(*weights):
        np.testing.assert_allclose(blend, 0.25 * a + 0.75 * b, rtol=1e-5, atol=1e-7)


def test_sets_colours_right(finish, tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(3):
        Image.fromarray(smooth_photo(i, 200, 208)).save(photos / f"{i}.png")
    right, wrong = load_generator("srresnet_x4"), load_generator("srresnet_x4")
    factor, offset = np.array([0.9, 1.0, 1.1]), np.array([0.05, -0.05, 0.0])
    wrong.tail.kernel.assign(right.tail.kernel * factor)
    wrong.tail.bias.assign(right.tail.bias * factor + offset)
    wrong.save_weights(tmp_path / "wrong.weights.h5")

    finish(
        tmp_path / "wrong.weights.h5",
        tmp_path / "out.weights.h5",
        f"--colours={photos}",
    )
    printed = capsys.readouterr().out.splitlines()
    assert float(printed[0].split()[1]) > 2 * float(printed[4].split()[1])
    *same, kernel, bias = zip(
        right.get_weights(), load_generator(tmp_path / "out.weights.h5").get_weights()
    )
    for a, b in same:
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(kernel[1], kernel[0], rtol=0.02)
    np.testing.assert_allclose(bias[1], bias[0], atol=0.01)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--realism=0.5"], "go together"),
        (["--faithful=srresnet_x4", "--realism=1.5"], "0 to 1"),
        (["--colours=nothing"], "nothing"),
    ],
)
def test_bad_input_gets_one_line_and_leaves_no_file(
    finish, models, tmp_path, capsys, words, message
):
    out = tmp_path / "out.weights.h5"
    with pytest.raises(SystemExit) as ending:
        finish(models[0], out, *words)
    assert message in f"{ending.value}{capsys.readouterr().err}"
    assert not out.exists()
