"""The release script that writes weights in half precision."""

import runpy

import numpy as np
from samples import REPOSITORY

from srgan_tf import Discriminator
from srgan_tf.models.pretrained import load_discriminator_weights

SCRIPT = REPOSITORY / "experiments" / "release" / "half.py"


def test_the_file_is_read_as_any_other(tmp_path):
    saved = Discriminator(crop_size=None, filters=4, dense_units=8)
    saved.save_weights(tmp_path / "discriminator.weights.h5")
    out = tmp_path / "half.weights.h5"
    runpy.run_path(str(SCRIPT))["main"](tmp_path / "discriminator.weights.h5", out)
    loaded = Discriminator(crop_size=None, filters=4, dense_units=8)
    load_discriminator_weights(loaded, out)
    for ours, theirs in zip(saved.get_weights(), loaded.get_weights()):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)
    assert out.stat().st_size < (tmp_path / "discriminator.weights.h5").stat().st_size
