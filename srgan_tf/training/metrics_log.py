"""What a run measures as it goes: rows of `metrics.csv`, and TensorBoard's `logs/`."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hp

from srgan_tf.files import append_text, whole_file

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
PHI34 = "val_phi34"  # a column more where it is measured


class MetricsLog:
    """`metrics.csv` and `logs/` of a run folder.

    Args:
        folder: The run folder.
        chief: Whether this process writes them. Other workers read only.
    """

    def __init__(self, folder: Path, chief: bool = True):
        self.path = folder / "metrics.csv"
        self.board_path = folder / "logs"
        self.chief = chief
        self._writer: tf.summary.SummaryWriter | None = None

    def rows(self, stage: str | None = None) -> list[dict[str, str]]:
        """The rows of `metrics.csv`, of one stage or of all.

        A last one that was cut off is left out.
        """
        if not self.path.exists():
            return []
        with self.path.open(newline="") as file:
            reader = csv.DictReader(file)
            last = (reader.fieldnames or COLUMNS)[-1]
            rows = [{PHI34: "", **row} for row in reader if row[last] is not None]
        return [row for row in rows if stage in (None, row["stage"])]

    def rewind(self, stage: str, step: int, *, phi34: bool = False) -> None:
        """Drops what the stage logged after a checkpoint that is being continued.

        Args:
            stage: Which one.
            step: Of the checkpoint; at 0 there is none, and all goes.
            phi34: Whether rows to come have `val_phi34`.
        """
        if not self.chief:
            return
        last = step or -1
        kept = [r for r in self.rows() if r["stage"] != stage or int(r["step"]) <= last]
        phi34 = phi34 or any(row[PHI34] for row in kept)
        columns = [*COLUMNS, PHI34] if phi34 else COLUMNS
        with whole_file(self.path) as partial, partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(kept)

    def record(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Appends a row to `metrics.csv` and scalars to the TensorBoard log.

        Raises:
            UserError: If the disk is full.
        """
        if not self.chief:
            return
        if not self.path.exists():
            self.rewind(stage, 0)
        with self.path.open(newline="") as file:
            columns = next(csv.reader(file))
        row = io.StringIO(newline="")
        writer = csv.DictWriter(row, columns, extrasaction="ignore")
        writer.writerow({"stage": stage, "step": step, **values})
        append_text(self.path, row.getvalue())
        with self._board().as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(f"{stage}/{name}", value)
        self._board().flush()

    def show_flags(self, flags: Mapping[str, object]) -> None:
        """Gives TensorBoard the flags, as hyper-parameters."""
        if self.chief:
            with self._board().as_default():
                hp.hparams(dict(flags))

    def show_picture(self, stage: str, step: int, picture: np.ndarray) -> None:
        """Gives TensorBoard a sample picture, uint8 `[H, W, 3]`."""
        if not self.chief:
            return
        with self._board().as_default(step=step):
            tf.summary.image(
                f"{stage}/bicubic_sr_hr",
                picture[None],
                description="Left to right: bicubic, SR, HR. Choose *Show actual image "
                "size* for 100 %.",
            )

    def _board(self) -> tf.summary.SummaryWriter:
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.board_path))
        return self._writer
