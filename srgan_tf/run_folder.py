"""The files of a training run. All but logs are written whole or not at all."""

import csv
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from srgan_tf.errors import UserError
from srgan_tf.export import export
from srgan_tf.model_card import Facts
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


class RunFolder:
    """`run.flags`, `checkpoints/`, `logs/`, `metrics.csv`, `samples/` and the models.

    Args:
        path: The folder, made if needed.
    """

    keep_checkpoints = 3

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
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

    def write_flags(self, flags: Mapping[str, object]) -> None:
        """Writes `run.flags`, which `--flagfile` replays."""
        for folder in (self.checkpoints, self.samples):
            folder.mkdir(parents=True, exist_ok=True)
        lines = [f"--{name}={value}" for name, value in flags.items()]
        partial = self.path / "run.flags.partial"
        partial.write_text("\n".join(lines) + "\n")
        partial.replace(self.path / "run.flags")

    def _saved(self, stage: str) -> list[Path]:
        return sorted(self.checkpoints.glob(f"{stage}-*.weights.h5"))

    def save(self, model: keras.Model, stage: str, step: int) -> None:
        """Saves weights and optimizer state; older checkpoints of the stage go."""
        partial = self.checkpoints / "partial.weights.h5"
        model.save_weights(partial)
        partial.replace(self.checkpoints / f"{stage}-{step:08d}.weights.h5")
        for old in self._saved(stage)[: -self.keep_checkpoints]:
            old.unlink()

    def restore(self, model: keras.Model, stage: str) -> int:
        """Loads the newest checkpoint of the stage that is whole.

        Returns:
            Its step; 0 if there is none.
        """
        for path in reversed(self._saved(stage)):
            try:
                model.load_weights(path)
            except (OSError, KeyError, ValueError) as error:
                log.warning("Checkpoint %s is damaged (%s).", path, error)
                continue
            return _step(path)
        return 0

    def latest_step(self, stage: str) -> int:
        """The step of the newest checkpoint of the stage; 0 if there is none."""
        saved = self._saved(stage)
        return _step(saved[-1]) if saved else 0

    def rewind(self, stage: str, step: int) -> None:
        """Drops what was logged after a checkpoint that is being continued."""
        if not self.metrics.exists():
            return
        with self.metrics.open(newline="") as file:
            rows = list(csv.DictReader(file))
        now = STAGES.index(stage), step
        kept = [r for r in rows if (STAGES.index(r["stage"]), int(r["step"])) <= now]
        partial = self.metrics.with_suffix(".partial")
        with partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(kept)
        partial.replace(self.metrics)

    def record(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Appends a row to `metrics.csv` and scalars to the TensorBoard log."""
        new = not self.metrics.exists()
        with self.metrics.open("a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
            if new:
                writer.writeheader()
            writer.writerow({"stage": stage, "step": step, **values})
        with self._board().as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(f"{stage}/{name}", value)
        self._board().flush()

    def sample(self, name: str, picture: np.ndarray, stage: str, step: int) -> None:
        """Writes uint8 `[H, W, 3]` to `samples/NAME.png` and to TensorBoard."""
        partial = self.samples / "partial.png"
        Image.fromarray(picture).save(partial)
        partial.replace(self.samples / f"{name}.png")
        with self._board().as_default(step=step):
            tf.summary.image(f"{stage}/bicubic_sr_hr", picture[None])

    def _board(self):
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.path / "logs"))
        return self._writer

    def save_model(self, model: keras.Model, name: str) -> None:
        """Writes `NAME`, a `.keras` or `.weights.h5` file."""
        partial = self.path / f"partial.{name}"
        save = model.save_weights if name.endswith(".weights.h5") else model.save
        save(partial)
        partial.replace(self.path / name)

    def save_result(self, generator: Generator) -> None:
        """Writes the trained generator in its three forms."""
        self.save_model(generator, "generator.weights.h5")
        export(generator, self.path / "saved_model", facts=self.facts())
        self.save_model(generator, "generator.keras")  # last: it marks a finished run

    def facts(self) -> Facts:
        """What the run knows of its model, for the model card."""
        facts = Facts(self.path.resolve().name)
        flags = self.recorded_flags()
        if "dataset" in flags:
            losses = f"{flags.get('pretrain_loss')}, then {flags.get('content_loss')}"
            facts = facts._replace(trained_on=f"{flags['dataset']} ({losses})")
        if self.metrics.exists():
            with self.metrics.open(newline="") as file:
                measured = [row for row in csv.DictReader(file) if row["val_psnr"]]
            if measured:
                psnr = f"{float(measured[-1]['val_psnr']):.2f} dB"
                where = flags.get("valid_dataset", "unnamed")
                facts = facts._replace(psnr=f"{psnr} on the validation photos, {where}")
        return facts

    @property
    def finished(self) -> bool:
        """Whether the result has been written."""
        return (self.path / "generator.keras").exists()


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.split("-")[1].split(".")[0])
