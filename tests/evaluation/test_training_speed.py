"""The benchmark of training."""

import re

import keras
import pytest

from srgan_tf.errors import UserError
from srgan_tf.evaluation import training_speed as module
from srgan_tf.evaluation.training_speed import benchmark_training


@pytest.fixture
def quick(config, monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.2)
    monkeypatch.setattr(module, "MATRIX", 64)

    def make(**changes):
        return config(**{"crop_size": 32, "batch_size": 4, **changes})

    return make


def table(text: str) -> dict[tuple[str, str], list[float]]:
    """The numbers of each row, by network and precision."""
    rows = [line.split() for line in text.splitlines()]
    return {
        (row[0], row[1]): [float(cell.rstrip("%x")) for cell in row[2:]]
        for row in rows
        if row and row[0] in ("SRResNet", "SRGAN")
    }


def generator_products() -> int:
    """One block of 4 filters, x4, for a crop of 32 px."""
    low = 9 * 9 * 3 * 4 + 3 * (3 * 3 * 4 * 4)
    up = 3 * 3 * 4 * 16 * (1 + 4)
    return (low + up + 9 * 9 * 4 * 3 * 16) * (32 // 4) ** 2


def discriminator_products() -> int:
    filters = (3, 64, 64, 128, 128, 256, 256, 512, 512)
    sides = (32, 16, 16, 8, 8, 4, 4, 2)
    convs = (9 * a * b * s**2 for a, b, s in zip(filters, filters[1:], sides))
    return sum(convs) + 2 * 2 * 512 * 1024 + 1024


@pytest.mark.slow
def test_both_stages_in_each_precision(quick, capfd):
    benchmark_training(quick(), ["float32", "mixed_bfloat16"])
    text = capfd.readouterr().out
    rows = table(text)
    assert list(rows) == [
        (network, precision)
        for precision in ("float32", "mixed_bfloat16")
        for network in ("SRResNet", "SRGAN")
    ]
    assert "4 crops of 32 px, x4, 1 blocks of 4 filters, content loss mse" in text
    assert re.search(r"GFLOP/s: float32 \d+, bfloat16 \d+\n", text)
    supply = float(re.search(r"crops/s in one thread, (\d+) in \d+", text)[1])
    gan = 3 * generator_products() + 8 * discriminator_products()
    for (network, _), (seconds, rate, gigaflop, _, patches, surplus) in rows.items():
        expected = gan if network == "SRGAN" else 3 * generator_products()
        assert gigaflop == round(2 * 4 * expected / 1e9)
        assert seconds * rate == pytest.approx(1, rel=0.3)
        assert patches == pytest.approx(4 * rate, rel=0.3)
        assert surplus == pytest.approx(supply / patches, rel=0.1, abs=1)
    assert keras.config.dtype_policy().name == "float32"


def test_vgg19_is_counted_and_needs_no_file(quick, capfd):
    options = quick(content_loss="vgg22", vgg_weights="imagenet")
    benchmark_training(options, ["float32"])
    gigaflop = table(capfd.readouterr().out)["SRGAN", "float32"][2]
    vgg = 9 * ((3 * 64 + 64 * 64) * 32**2 + (64 * 128 + 128 * 128) * 16**2)
    products = 3 * generator_products() + 8 * discriminator_products() + 3 * vgg
    assert gigaflop == round(2 * 4 * products / 1e9)


def test_an_unknown_loss_is_refused(quick):
    with pytest.raises(UserError, match="--content_loss: Unknown content loss 'l3'"):
        benchmark_training(quick(content_loss="l3"), ["float32"])
