"""Kernels that cannot draw a checkerboard."""

import keras
import numpy as np
from keras import ops


class EqualPhases(keras.constraints.Constraint):
    """Holds a kernel such that each phase of a lattice weighs the same in it.

    A pixel shuffle makes each of its `period**2` sub-pixels by kernels of its own. What
    they do not agree in lies at the period of the shuffle: a checkerboard. A kernel
    whose taps have the same sum in each phase answers exactly nothing to such a pattern
    (Sugawara, Shiota and Kiya, APSIPA Transactions 8, 2019, give the condition).

    Applied, it takes the nearest such kernel; the sum of all taps stays.

    Args:
        period: Of the lattice, in pixels; at most the kernel's size.

    Example:
        >>> kernel = EqualPhases(2)(ops.reshape(ops.arange(9.0), (3, 3, 1, 1)))
        >>> float(kernel[1, 1, 0, 0]), float(ops.sum(kernel))
        (9.0, 36.0)
    """

    def __init__(self, period: int):
        self.period = period

    def __call__(self, value):
        taps = ops.reshape(value, (value.shape[0] * value.shape[1], -1))
        row, column = np.indices(value.shape[:2]).reshape(2, -1) % self.period
        phases = np.eye(self.period**2, dtype="float32")[row * self.period + column]
        sums = ops.matmul(phases.T, taps)
        missing = (ops.mean(sums, 0) - sums) / phases.sum(0)[:, np.newaxis]
        return ops.reshape(taps + ops.matmul(phases, missing), value.shape)

    def get_config(self):
        return {"period": self.period}
