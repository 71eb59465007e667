"""The default model for videos."""

import dataclasses

import pytest

from srgan_tf.inference import steady as module
from srgan_tf.inference.steady import steady
from srgan_tf.options import UpscaleOptions


def test_srresnet_where_nothing_else_is_said():
    assert steady(UpscaleOptions()) == UpscaleOptions(realism=0.0)
    assert steady(UpscaleOptions(scale=2)).realism == 0.0


@pytest.mark.parametrize("said", [{"model": ("a.keras",)}, {"realism": 1.0}])
def test_what_is_said_stays(said):
    options = dataclasses.replace(UpscaleOptions(), **said)
    assert steady(options) == options


def test_without_srresnet_it_is_the_model_that_is_there(monkeypatch):
    monkeypatch.setattr(module, "released_models", lambda: {"srgan_x4": None})
    assert steady(UpscaleOptions()) == UpscaleOptions()
