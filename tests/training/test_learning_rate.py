import numpy as np
import pytest

from srgan_tf.training.learning_rate import learning_rate


def rates(config, stage: str, steps) -> list[float]:
    rate = learning_rate(config, stage)
    return [float(rate(step)) if callable(rate) else rate for step in steps]


def test_the_papers_rates(config):
    c = config(pretrain_learning_rate=1e-4, gan_learning_rate=1e-4, gan_decay_step=100)
    assert rates(c, "pretrain", (0, 10**6)) == [1e-4, 1e-4]
    np.testing.assert_allclose(rates(c, "gan", (0, 100, 101)), [1e-4, 1e-4, 1e-5])


@pytest.mark.parametrize("stage", ["pretrain", "gan"])
def test_a_cosine_falls_to_a_hundredth(config, stage):
    c = config(
        schedule="cosine",
        pretrain_steps=200,
        gan_steps=200,
        pretrain_learning_rate=1e-4,
        gan_learning_rate=1e-4,
    )
    found = rates(c, stage, (0, 100, 200, 300))
    np.testing.assert_allclose(found, [1e-4, 0.505e-4, 1e-6, 1e-6], rtol=1e-4)


@pytest.mark.parametrize("schedule", ["paper", "cosine"])
@pytest.mark.parametrize("stage", ["pretrain", "gan"])
def test_a_warm_up_rises_to_the_rate(config, schedule, stage):
    size = {"pretrain_steps": 10**6, "gan_steps": 10**6, "gan_decay_step": 10**5}
    c = config(schedule=schedule, warmup_steps=9, **size)
    np.testing.assert_allclose(
        rates(c, stage, (0, 4, 9, 20)), [1e-4, 5e-4, 1e-3, 1e-3], rtol=1e-3
    )
