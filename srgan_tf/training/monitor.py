"""What a training run shows and keeps as it goes."""

import logging
from collections.abc import Sequence

import keras
import numpy as np

from srgan_tf.data.paired_photos import PhotoPair
from srgan_tf.errors import UserError
from srgan_tf.inference.compiled import CompiledGenerator
from srgan_tf.models import Generator
from srgan_tf.options import TrainOptions
from srgan_tf.progress import progress
from srgan_tf.training.report import write_report
from srgan_tf.training.run_folder import RunFolder
from srgan_tf.training.signals import HeldSignals
from srgan_tf.training.validation import FeatureDistance, comparison, validate

log = logging.getLogger(__name__)

SATURATED_ROWS = 10  # of metrics.csv
BEST = {"pretrain": "srresnet.keras", "gan": "srgan.keras"}


class Monitor(keras.callbacks.Callback):
    """Shows, logs, validates and saves a stage as it goes, counting steps.

    It works on a copy of the generator that has the averaged weights where these are
    on, so that training is not disturbed. It stops the stage after a whole step, with a
    checkpoint, where a signal asks for that.

    Raises:
        UserError: From `fit`, where a loss or a weight is no number any more.
    """

    def __init__(
        self,
        options: TrainOptions,
        folder: RunFolder,
        valid: Sequence[np.ndarray | PhotoPair],
        stage: str,
        start: int,
        generator: Generator,
        optimizer: keras.optimizers.Optimizer,
        signals: HeldSignals,
        phi34: FeatureDistance | None = None,
        measure_start: bool = False,
    ):
        super().__init__()
        self.options = options
        self.folder = folder
        self.valid = valid
        self.stage = stage
        self.start = self.step = self.saved = start
        self.total = options.steps(stage)
        self.generator = generator
        self.optimizer = optimizer
        self.signals = signals
        self.phi34 = phi34
        self.measure_start = measure_start and not start
        by_phi34 = stage == "gan" and options.keep == "phi34"
        self.measure, self.sign = ("val_phi34", -1) if by_phi34 else ("val_psnr", 1)
        found = folder.validations(stage, self.measure)
        self.scores = [self.sign * value for _, value in found]  # higher is better
        self.saturated = 0
        with generator.distribute_strategy.scope():
            self.copy = Generator.from_config(generator.get_config())
        if options.freeze_batch_norm:
            self.copy.freeze_batch_norm()

    def on_train_begin(self, logs=None):
        batch = self.options.batch_size
        self.bar = progress(
            self.stage, done=self.step * batch, total=self.total * batch
        )
        self.restored = [value.numpy() for value in self.model.metrics_variables]
        if self.measure_start:
            self.folder.metrics.record(self.stage, 0, self._validate())

    def on_epoch_begin(self, epoch, logs=None):
        # `fit` has just reset what the checkpoint brought.
        for variable, value in zip(self.model.metrics_variables, self.restored):
            variable.assign(value)

    def on_train_batch_end(self, batch, logs=None):
        # Where several steps are executed at once, Keras counts the last ones as full.
        before, self.step = self.step, min(self.start + batch + 1, self.total)
        self.bar.set_postfix(
            {name: f"{value:.4g}" for name, value in logs.items()}, refresh=False
        )
        self.bar.update((self.step - before) * self.options.batch_size)
        self._check_finite(logs)

        def due(every):
            return self.step // every > before // every or self.step == self.total

        save = due(self.options.save_every)
        if save or self.signals.received:
            self._check_weights()
        if save or due(self.options.log_every):
            self._hint(logs)
            rate = keras.ops.convert_to_numpy(self.optimizer.learning_rate)
            values = {**logs, "learning_rate": float(rate)}
            if save:
                values |= self._validate()
            self.folder.metrics.record(self.stage, self.step, values)
            self.model.reset_metrics()
        if save or self.signals.received:
            self.folder.checkpoints.save(self.model, self.stage, self.step)
            self.saved = self.step
            write_report(self.folder)
        if self.signals.received or (save and self._out_of_patience()):
            self.model.stop_training = True

    def _out_of_patience(self) -> bool:
        patience = self.options.patience if self.stage == "pretrain" else 0
        stale = len(self.scores) - 1 - int(np.argmax(self.scores))
        if not patience or stale < patience or self.step == self.total:
            return False
        log.warning(
            "Stage 1 ends after step %d of %d: no better PSNR in %d validations.",
            self.step,
            self.total,
            stale,
        )
        return True

    def on_train_end(self, logs=None):
        self.bar.close()

    def result(self) -> Generator:
        """The generator to evaluate and ship: averaged if that is on."""
        self.copy.set_weights(self.generator.get_weights())
        if self.options.ema_decay and self.optimizer.iterations.numpy():
            self.optimizer.finalize_variable_values(self.copy.trainable_variables)
        if self.options.forbid_checkerboard:
            # Keras averages what a step gives before it is constrained.
            self.copy.forbid_checkerboard()
        return self.copy

    def _validate(self) -> dict[str, float]:
        generator = self.result()
        model = CompiledGenerator(generator)
        valid, degradation = self.valid, self.options.degradation
        values = validate(model, valid, degradation=degradation, phi34=self.phi34)
        picture = comparison(model, valid, degradation=degradation)
        name = f"step_{self.stage}_{self.step:08d}"
        self.folder.sample(name, picture, self.stage, self.step)
        score = self.sign * values[self.measure]
        keeps_best = self.stage == "pretrain" or self.options.keep != "last"
        if keeps_best and score > max(self.scores, default=-np.inf):
            self.folder.save_model(generator, BEST[self.stage])
        self.scores.append(score)
        return values

    def _check_weights(self):
        for variable in self.model.trainable_variables:
            if not np.isfinite(variable.numpy()).all():
                self._stop_for(f"the weight {variable.path}")

    def _check_finite(self, logs):
        bad = [name for name, value in logs.items() if not np.isfinite(value)]
        if bad:
            # The terms tell more than their sum.
            terms = [name for name in bad if name.endswith("_loss")] or bad
            self._stop_for(", ".join(terms))

    def _stop_for(self, names: str):
        kept = f"The checkpoint of step {self.saved} is kept" if self.saved else ""
        raise UserError(
            f"Not finite at step {self.step} of the stage {self.stage}: {names}. "
            f"{kept or 'There is no checkpoint yet'}; lower the learning rate, set "
            "--clip_norm=1, or leave out mixed_float16."
        )

    def _hint(self, logs):
        """Says once what a discriminator that wins for long means."""
        wins = logs.get("d_hr", 0) - logs.get("d_sr", 0) > 0.98
        self.saturated = self.saturated + 1 if wins else 0
        if self.saturated == SATURATED_ROWS:
            log.warning(
                "D(HR) - D(SR) has been above 0.98 for %d rows of metrics.csv: the "
                "discriminator tells all crops apart and teaches the generator little. "
                "A longer stage 1, a larger --adversarial_weight or a lower "
                "--gan_learning_rate helps; D(HR) 0.6 to 0.9 is healthy.",
                SATURATED_ROWS,
            )
