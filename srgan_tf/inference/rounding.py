"""What rounded weights add to whole colours, by up to two levels.

Correction of the bias: Nagel et al. 2019, arXiv 1906.04721, section 4.2.
"""

from collections.abc import Callable, Iterable

import numpy as np


def mean_error(
    rounded: Callable[[np.ndarray], np.ndarray],
    exact: Callable[[np.ndarray], np.ndarray],
    lrs: Iterable[np.ndarray],
) -> np.ndarray:
    """How much brighter each channel comes out than it should, `[3]`.

    Args:
        rounded: A network with rounded weights.
        exact: The same one without.
        lrs: LR pictures, `[..., 3]`; each counts alike.
    """
    errors = [rounded(lr) - exact(lr) for lr in lrs]
    return np.mean([error.reshape(-1, 3).mean(axis=0) for error in errors], axis=0)
