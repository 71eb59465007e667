"""Looks at the pictures that `fit` is given, before it begins."""

import keras
import numpy as np
from keras import ops

from srgan_tf.errors import UserError

SLACK = 0.01  # rounding, and noise that augmentation adds


class PictureModel(keras.Model):
    """A model of LR and HR pictures, which looks at the first before it begins.

    Raises:
        UserError: From `fit`, `evaluate`, `predict` and `train_on_batch`, if values or
            sizes cannot be meant so.
    """

    scale: int
    channels: int

    def fit(self, x=None, y=None, *args, **kwargs):
        self._check_first(x, y, training=True)
        valid = kwargs.get("validation_data")
        self._check_first(
            *(valid[:2] if isinstance(valid, (tuple, list)) else (valid,))
        )
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        if "_use_cached_eval_dataset" not in kwargs:  # within `fit`, which has looked
            self._check_first(x, y)
        return super().evaluate(x, y, *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        self._check_first(x)
        return super().predict(x, *args, **kwargs)

    def train_on_batch(self, x, y=None, *args, **kwargs):
        self._check_first(x, y, training=True)
        return super().train_on_batch(x, y, *args, **kwargs)

    def _check_first(self, x, y=None, *, training: bool = False) -> None:
        """Checks the first batch of whatever Keras takes, but of generators."""
        if hasattr(x, "element_spec"):  # tf.data
            x = next(iter(x))
        elif isinstance(x, keras.utils.PyDataset):
            x = x[0]
        if isinstance(x, (tuple, list)) and y is None:
            x, y = (*x, None)[:2]
        if hasattr(x, "shape"):
            self.check_pictures(_first(x), None if y is None else _first(y), training)

    def check_pictures(
        self, lr: np.ndarray, hr: np.ndarray | None, training: bool
    ) -> None:
        """Refuses values out of range, and sizes that do not go together."""
        _check_range(lr, "LR", 0, "lr_from_255")
        if lr.ndim != 4 or lr.shape[-1] != self.channels:
            raise UserError(
                f"LR pictures are [N, H, W, {self.channels}]. Received: {lr.shape}"
            )
        if hr is None:
            return
        _check_range(hr, "HR", -1, "hr_from_255")
        size = [self.scale * side for side in lr.shape[1:3]]
        if list(hr.shape[1:]) != [*size, self.channels]:
            raise UserError(
                f"HR pictures are {self.scale} times as large as LR ones, here [N, "
                f"{size[0]}, {size[1]}, {self.channels}]. Received: {hr.shape}"
            )


def _first(pictures) -> np.ndarray:
    """The first four pictures of a batch."""
    return np.asarray(ops.convert_to_numpy(pictures[:4]))


def _check_range(pictures: np.ndarray, name: str, least: int, maker: str) -> None:
    low, high = pictures.min(initial=1), pictures.max(initial=least)
    if low < least - SLACK or high > 1 + SLACK:
        raise UserError(
            f"{name} pictures hold {least} to 1, not {low:.4g} to {high:.4g}: see "
            f"srgan_tf.pictures.ranges.{maker}."
        )
