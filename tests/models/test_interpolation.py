import numpy as np
import pytest
from samples import trained_like

from srgan_tf.errors import UserError
from srgan_tf.models.interpolation import interpolate


def test_interpolate():
    a, b = trained_like(seed=1), trained_like(seed=2)
    for realism in (0, 0.25, 1):
        mixed = interpolate([a, b], [1 - realism, realism]).get_weights()
        for x, y, z in zip(a.get_weights(), b.get_weights(), mixed):
            np.testing.assert_allclose(z, (1 - realism) * x + realism * y, rtol=1e-6)
    with pytest.raises(UserError, match="one size"):
        interpolate([a, trained_like(num_blocks=2)], [0.5, 0.5])
