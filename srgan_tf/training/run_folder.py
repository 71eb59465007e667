"""The files of a training run. All but logs are written whole or not at all."""

import csv
import functools
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from tensorboard.plugins.hparams import api as hp

from srgan_tf.errors import UserError, reason
from srgan_tf.exporting.export import export
from srgan_tf.exporting.facts import Facts
from srgan_tf.files import whole_file
from srgan_tf.models import Generator

log = logging.getLogger(__name__)

STAGES = ("pretrain", "gan")
COLUMNS = (
    "stage",
    "step",
    "learning_rate",
    "loss",
    "content_loss",
    "adversarial_loss",
    "d_loss",
    "d_hr",
    "d_sr",
    "val_psnr",
    "val_ssim",
)
# Flags that fix the shapes of the weights in a run folder.
MODEL_FLAGS = ("scale", "num_blocks", "filters", "crop_size")


def _by_chief(method):
    """Makes a method that writes do nothing on all workers but one."""

    @functools.wraps(method)
    def chosen(self, *args, **kwargs):
        if self.chief:
            method(self, *args, **kwargs)

    return chosen


class RunFolder:
    """`run.flags`, `checkpoints/`, `logs/`, `metrics.csv`, `samples/` and the models.

    Args:
        path: The folder, made if needed.
        chief: Whether this process writes it. Other workers read it only.
    """

    keep_checkpoints = 3

    def __init__(self, path: str | os.PathLike, chief: bool = True):
        self.path = Path(path)
        self.chief = chief
        self.checkpoints = self.path / "checkpoints"
        self.samples = self.path / "samples"
        self.metrics = self.path / "metrics.csv"
        self._writer = None

    def recorded_flags(self) -> dict[str, str]:
        """The flags of the run that is in the folder; empty if there is none."""
        try:
            lines = (self.path / "run.flags").read_text().splitlines()
        except FileNotFoundError:
            return {}
        pairs = (line[2:].split("=", 1) for line in lines if line.startswith("--"))
        return {name: value for name, value in pairs}

    def check_model_flags(self, flags: Mapping[str, object]) -> None:
        """Refuses to continue a run with another model.

        Raises:
            UserError: If a flag of the model differs from the recorded one.
        """
        recorded = self.recorded_flags()
        for name in MODEL_FLAGS:
            if name in recorded and recorded[name] != str(flags[name]):
                raise UserError(
                    f"--{name}={flags[name]}: the run in {self.path} was made with "
                    f"--{name}={recorded[name]}; keep that or choose another --run_dir."
                )

    @_by_chief
    def write_flags(self, flags: Mapping[str, object]) -> None:
        """Writes `run.flags`, which `--flagfile` replays; TensorBoard gets them too."""
        for folder in (self.checkpoints, self.samples):
            folder.mkdir(parents=True, exist_ok=True)
        lines = [f"--{name}={value}" for name, value in flags.items()]
        with whole_file(self.path / "run.flags") as partial:
            partial.write_text("\n".join(lines) + "\n")
        with self._board().as_default():
            hp.hparams(dict(flags))

    def _saved(self, stage: str) -> list[Path]:
        return sorted(self.checkpoints.glob(f"{stage}-*.weights.h5"))

    def save(self, model: keras.Model, stage: str, step: int) -> None:
        """Saves weights, optimizer state and metrics; the stage's oldest goes.

        Raises:
            UserError: If it cannot be written; those before are still there.
        """
        # Reading a metric brings the workers' parts together, so all must do it.
        metrics = [float(value.numpy()) for value in model.metrics_variables]
        self._write_checkpoint(model, stage, step, metrics)

    @_by_chief
    def _write_checkpoint(self, model, stage, step, metrics) -> None:
        # Adam's two moments and, perhaps, the average make four of each weight.
        size = 4 * sum(variable.numpy().nbytes for variable in model.variables)
        path = self.checkpoints / f"{stage}-{step:08d}.weights.h5"
        with whole_file(path, size) as partial:
            model.save_weights(partial)
            with h5py.File(partial, "a") as file:  # Keras leaves metrics out
                file.attrs["metrics"] = metrics
        for old in self._saved(stage)[: -self.keep_checkpoints]:
            old.unlink()

    def restore(self, model: keras.Model, stage: str) -> int:
        """Loads the newest checkpoint of the stage that is whole.

        Returns:
            Its step; 0 if there is none.

        Raises:
            UserError: If there are checkpoints and none of them is whole.
        """
        saved = self._saved(stage)
        for path in reversed(saved):
            try:
                model.load_weights(path)
                with h5py.File(path) as file:
                    metrics = file.attrs["metrics"]
            except (OSError, KeyError, ValueError) as error:
                log.warning("Checkpoint %s is damaged (%s).", path, reason(error))
                continue
            for variable, value in zip(model.metrics_variables, metrics):
                variable.assign(value)
            return _step(path)
        if saved:
            raise UserError(
                f"No checkpoint of the stage {stage} in {self.checkpoints} is whole: "
                "choose another --run_dir, or remove them to begin the stage anew."
            )
        return 0

    def latest_step(self, stage: str) -> int:
        """The step of the newest checkpoint of the stage; 0 if there is none."""
        saved = self._saved(stage)
        return _step(saved[-1]) if saved else 0

    def rows(self) -> list[dict[str, str]]:
        """The rows of `metrics.csv`; a last one that was cut off is left out."""
        if not self.metrics.exists():
            return []
        with self.metrics.open(newline="") as file:
            return [row for row in csv.DictReader(file) if row[COLUMNS[-1]] is not None]

    @_by_chief
    def rewind(self, stage: str, step: int) -> None:
        """Drops what was logged after a checkpoint that is being continued."""
        now = STAGES.index(stage), step
        kept = [
            row
            for row in self.rows()
            if (STAGES.index(row["stage"]), int(row["step"])) <= now
        ]
        with whole_file(self.metrics) as partial, partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(kept)

    def best_psnr(self, stage: str) -> float:
        """The highest validation PSNR of the stage so far; -inf before the first."""
        logged = (row["val_psnr"] for row in self.rows() if row["stage"] == stage)
        return max((float(psnr) for psnr in logged if psnr), default=float("-inf"))

    @_by_chief
    def record(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Appends a row to `metrics.csv` and scalars to the TensorBoard log.

        Raises:
            UserError: If the disk is full.
        """
        try:
            with self.metrics.open("a", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
                if file.tell() == 0:
                    writer.writeheader()
                writer.writerow({"stage": stage, "step": step, **values})
        except OSError as error:
            raise UserError(
                f"{self.metrics} cannot be written: {reason(error)}"
            ) from None
        with self._board().as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(f"{stage}/{name}", value)
        self._board().flush()

    @_by_chief
    def sample(self, name: str, picture: np.ndarray, stage: str, step: int) -> None:
        """Writes uint8 `[H, W, 3]` to `samples/NAME.png` and to TensorBoard."""
        with whole_file(self.samples / f"{name}.png") as partial:
            Image.fromarray(picture).save(partial)
        with self._board().as_default(step=step):
            tf.summary.image(
                f"{stage}/bicubic_sr_hr",
                picture[None],
                description="Left to right: bicubic, SR, HR. Choose *Show actual image "
                "size* for 100 %.",
            )

    def _board(self):
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.path / "logs"))
        return self._writer

    @_by_chief
    def save_model(self, model: keras.Model, name: str) -> None:
        """Writes `NAME`, a `.keras` or `.weights.h5` file."""
        save = model.save_weights if name.endswith(".weights.h5") else model.save
        size = sum(variable.numpy().nbytes for variable in model.variables)
        with whole_file(self.path / name, size) as partial:
            save(partial)

    @_by_chief
    def save_result(self, generator: Generator) -> None:
        """Writes the trained generator in its three forms, and what is known of it."""
        facts = self.facts()
        facts.write(self.path)
        self.save_model(generator, "generator.weights.h5")
        export(generator, self.path / "saved_model", facts=facts)
        self.save_model(generator, "generator.keras")  # last: it marks a finished run

    def facts(self) -> Facts:
        """What the run knows of its model: for `facts.json` and the model card."""
        facts = Facts(self.path.resolve().name)
        flags = self.recorded_flags()
        if "dataset" in flags:
            losses = f"{flags.get('pretrain_loss')}, then {flags.get('content_loss')}"
            facts = facts._replace(made=f"trained on {flags['dataset']} ({losses})")
        measured = [row["val_psnr"] for row in self.rows() if row["val_psnr"]]
        if measured:
            photos = f"the validation photos, {flags.get('valid_dataset', 'unnamed')}"
            scores = {photos: {"psnr": float(measured[-1])}}
            facts = facts._replace(scores=scores)
        return facts

    @property
    def finished(self) -> bool:
        """Whether the result has been written."""
        return (self.path / "generator.keras").exists()


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.split("-")[1].split(".")[0])
