"""The arithmetic of the networks in training."""

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def layers_in(precision: str) -> Iterator[None]:
    """Within it layers are made in a policy of Keras, such as `mixed_bfloat16`.

    Behind it as before: what else the process does must not change.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
