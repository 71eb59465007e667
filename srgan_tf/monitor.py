"""What a training run shows and keeps as it goes."""

import keras
import numpy as np
from tqdm import tqdm

from srgan_tf.config import Config
from srgan_tf.data.imresize import imresize
from srgan_tf.data.pairs import validation_pairs, whole_pair
from srgan_tf.data.sources import Photos
from srgan_tf.metrics import luma_metrics
from srgan_tf.models import Generator
from srgan_tf.ranges import to_uint8
from srgan_tf.run_folder import RunFolder


class Monitor(keras.callbacks.Callback):
    """Shows, logs, validates and saves a stage as it goes, counting steps.

    It works on a copy of the generator that has the averaged weights where these are
    on, so that training is not disturbed.
    """

    def __init__(
        self,
        config: Config,
        folder: RunFolder,
        valid: Photos,
        stage: str,
        start: int,
        generator: Generator,
        optimizer: keras.optimizers.Optimizer,
    ):
        super().__init__()
        self.config = config
        self.folder = folder
        self.valid = valid
        self.stage = stage
        self.start = start
        self.total = config.steps(stage)
        self.generator = generator
        self.optimizer = optimizer
        self.copy = Generator.from_config(generator.get_config())

    def on_train_begin(self, logs=None):
        batch = self.config.batch_size
        self.bar = tqdm(
            desc=self.stage,
            total=self.total * batch,
            initial=self.start * batch,
            unit="img",
        )

    def on_train_batch_end(self, batch, logs=None):
        step = self.start + batch + 1
        self.bar.set_postfix(
            {name: f"{value:.4g}" for name, value in logs.items()}, refresh=False
        )
        self.bar.update((step - self.start) * self.config.batch_size - self._seen())
        last = step == self.total
        save = last or step % self.config.save_every == 0
        if save or step % self.config.log_every == 0:
            values = {**logs, "learning_rate": float(self.optimizer.learning_rate)}
            if save:
                values |= self._validate(step)
            self.folder.record(self.stage, step, values)
            self.model.reset_metrics()
        if save:
            self.folder.save(self.model, self.stage, step)

    def _seen(self) -> int:
        return self.bar.n - self.start * self.config.batch_size

    def on_train_end(self, logs=None):
        self.bar.close()

    def result(self) -> Generator:
        """The generator to evaluate and ship: averaged if that is on."""
        self.copy.set_weights(self.generator.get_weights())
        if self.config.ema_decay and int(self.optimizer.iterations):
            self.optimizer.finalize_variable_values(self.copy.trainable_variables)
        return self.copy

    def _validate(self, step: int) -> dict[str, float]:
        generator = self.result()
        metrics = luma_metrics(generator.scale)
        for lr, hr in validation_pairs(self.valid, generator.scale):
            sr = generator(lr, training=False)
            for metric in metrics:
                metric.update_state(hr, sr)
        picture = comparison(generator, self.valid)
        self.folder.sample(f"step_{self.stage}_{step:08d}", picture, self.stage, step)
        return {f"val_{metric.name}": float(metric.result()) for metric in metrics}


def comparison(generator: Generator, photos, side: int = 320) -> np.ndarray:
    """Bicubic | SR | HR, one row for each of the first four photos, at 100 %.

    Args:
        generator: Upscales the LR pictures made from the photos.
        photos: uint8 `[H, W, 3]` each; the middle is shown.
        side: Side of each part at most, in pixels.

    Returns:
        uint8 `[rows, columns, 3]`.
    """
    scale = generator.scale
    shown = [photos[i] for i in range(min(4, len(photos)))]
    size = min(side, *(min(photo.shape[:2]) for photo in shown)) // scale * scale
    rows = []
    for photo in shown:
        top, left = ((length - size) // 2 for length in photo.shape[:2])
        lr, hr = whole_pair(photo[top : top + size, left : left + size], scale)
        bicubic = np.asarray(imresize(np.rint(lr[0] * 255), scale)).astype(np.uint8)
        sr = to_uint8(generator(lr, training=False))[0]
        rows.append(np.hstack([bicubic, sr, to_uint8(hr)[0]]))
    return np.vstack(rows)
