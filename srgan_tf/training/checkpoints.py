"""Checkpoints of both stages: weights, optimizers and metrics, the newest three."""

import logging
from pathlib import Path

import h5py
import keras

from srgan_tf.errors import UserError, reason
from srgan_tf.files import whole_file
from srgan_tf.training.optimizer_state import load_state, name_state, optimizers

log = logging.getLogger(__name__)

KEPT = 3  # of each stage


class Checkpoints:
    """The folder of `STAGE-STEP.weights.h5` files.

    Args:
        path: The folder.
        chief: Whether this process writes it. Other workers read it only.
    """

    def __init__(self, path: Path, chief: bool = True):
        self.path = path
        self.chief = chief

    def _saved(self, stage: str) -> list[Path]:
        return sorted(self.path.glob(f"{stage}-*.weights.h5"))

    def latest_step(self, stage: str) -> int:
        """The step of the newest checkpoint of the stage; 0 if there is none."""
        saved = self._saved(stage)
        return _step(saved[-1]) if saved else 0

    def save(self, model: keras.Model, stage: str, step: int) -> None:
        """Saves weights, optimizer state and metrics; the stage's oldest goes.

        Raises:
            UserError: If it cannot be written; those before are still there.
        """
        # Reading a metric brings the workers' parts together, so all must do it.
        metrics = [float(value.numpy()) for value in model.metrics_variables]
        if not self.chief:
            return
        # Adam's two moments and, perhaps, the average make four of each weight.
        size = 4 * sum(variable.numpy().nbytes for variable in model.variables)
        path = self.path / f"{stage}-{step:08d}.weights.h5"
        with whole_file(path, size) as partial:
            model.save_weights(partial)
            with h5py.File(partial, "a") as file:
                file.attrs["metrics"] = metrics  # Keras leaves them out
                name_state(file, model)
        for old in self._saved(stage)[:-KEPT]:
            old.unlink()

    def remove(self, stage: str) -> None:
        """Removes those of a stage that begins anew."""
        for path in self._saved(stage) if self.chief else ():
            path.unlink()

    def restore(self, model: keras.Model, stage: str) -> int:
        """Loads the newest checkpoint of the stage that is whole.

        Returns:
            Its step; 0 if there is none.

        Raises:
            UserError: If there are checkpoints and none of them is whole, or the flags
                do not fit one of an earlier version.
        """
        saved = self._saved(stage)
        for path in reversed(saved):
            try:
                skipped = [optimizer for optimizer, _ in optimizers(model).values()]
                model.load_weights(path, objects_to_skip=skipped)
                with h5py.File(path) as file:
                    load_state(file, model)
                    metrics = file.attrs["metrics"]
            except UserError:
                raise
            except (OSError, KeyError, ValueError) as error:
                log.warning("Checkpoint %s is damaged (%s).", path, reason(error))
                continue
            for variable, value in zip(model.metrics_variables, metrics):
                variable.assign(value)
            return _step(path)
        if saved:
            raise UserError(
                f"No checkpoint of the stage {stage} in {self.path} is whole: "
                "choose another --run_dir, or remove them to begin the stage anew."
            )
        return 0


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.split("-")[1].split(".")[0])
