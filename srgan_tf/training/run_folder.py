"""The files of a training run. All but logs are written whole or not at all."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from PIL import Image

from srgan_tf.exporting.facts import Facts
from srgan_tf.files import append_text, whole_file
from srgan_tf.training.checkpoints import Checkpoints
from srgan_tf.training.metrics_log import STAGES, MetricsLog

HISTORY = ("stage", "step", "flag", "old", "new")
# What validation results depend on beside the weights, or which of them is kept.
MEASURE = {
    "pretrain": ("valid_dataset", "degradation"),
    "gan": ("valid_dataset", "degradation", "keep"),
}


class Change(NamedTuple):
    """A flag that takes another value while a run goes on."""

    flag: str
    old: str
    new: str


class RunFolder:
    """`run.flags`, `history.csv`, `samples/` and the models; checkpoints and metrics.

    Args:
        path: The folder, made if needed.
        chief: Whether this process writes it. Other workers read it only.

    Attributes:
        checkpoints: See `Checkpoints`.
        metrics: See `MetricsLog`.
    """

    def __init__(self, path: str | os.PathLike, chief: bool = True):
        self.path = Path(path)
        self.chief = chief
        self.samples = self.path / "samples"
        self.checkpoints = Checkpoints(self.path / "checkpoints", chief)
        self.metrics = MetricsLog(self.path, chief)

    def recorded_flags(self) -> dict[str, str]:
        """The flags of the run that is in the folder; empty if there is none."""
        try:
            lines = (self.path / "run.flags").read_text().splitlines()
        except FileNotFoundError:
            return {}
        pairs = (line[2:].split("=", 1) for line in lines if line.startswith("--"))
        return {name: value for name, value in pairs}

    def history(self) -> list[dict[str, str]]:
        """The rows of `history.csv`: which flag changed where, from what to what.

        At step 0 they say what stands in for an option that could not be had.
        """
        path = self.path / "history.csv"
        if not path.exists():
            return []
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def stand_ins(self) -> dict[str, str]:
        """What was asked for and could not be had when the run began, by flag."""
        return {r["flag"]: r["old"] for r in self.history() if r["step"] == "0"}

    def record_changes(self, stage: str, step: int, changes: Sequence[Change]) -> None:
        """Appends to `history.csv`."""
        if not self.chief or not changes:
            return
        rows = io.StringIO(newline="")
        writer = csv.DictWriter(rows, HISTORY)
        if not self.history():
            writer.writeheader()
        for change in changes:
            writer.writerow({"stage": stage, "step": step, **change._asdict()})
        append_text(self.path / "history.csv", rows.getvalue())

    def validations(
        self, stage: str, measure: str = "val_psnr"
    ) -> list[tuple[int, float]]:
        """Step and result of each validation that was measured as the last one is."""
        since = [
            int(row["step"])
            for row in self.history()
            if row["stage"] == stage and row["flag"] in MEASURE[stage]
        ]
        rows = [(int(row["step"]), row[measure]) for row in self.metrics.rows(stage)]
        # What history has of step 0 are stand-ins, which are older than all rows.
        first = max(since, default=0) or -1
        return [(step, float(value)) for step, value in rows if value and step > first]

    def best_step(self, stage: str, keep: str) -> int | None:
        """The step of the generator that a stage gives; None if none was measured.

        Args:
            stage: Which one; stage 1 gives its best by PSNR.
            keep: See `--keep`, which is for stage 2.
        """
        phi34 = stage == "gan" and keep == "phi34"
        found = self.validations(stage, "val_phi34" if phi34 else "val_psnr")
        if not found:
            return None
        if stage == "gan" and keep == "last":
            return found[-1][0]
        # Of equal ones the first.
        return min(found, key=lambda row: row[1] if phi34 else -row[1])[0]

    def is_over(
        self, stage: str, steps: int, patience: int, *, done: int | None = None
    ) -> bool:
        """Whether a stage has all its steps, or ended early for want of progress.

        Args:
            stage: Which one.
            steps: All that it is to have.
            patience: See `--patience`, which is for stage 1.
            done: Its steps so far; those of the newest checkpoint if None.
        """
        if done is None:
            done = self.checkpoints.latest_step(stage)
        if done >= steps:
            return True
        if stage != "pretrain" or not patience:
            return False
        psnr = [psnr for step, psnr in self.validations(stage) if step <= done]
        return bool(psnr) and len(psnr) - 1 - psnr.index(max(psnr)) >= patience

    def write_flags(self, flags: Mapping[str, object]) -> None:
        """Writes `run.flags`, which `--flagfile` replays; TensorBoard gets them too."""
        if not self.chief:
            return
        lines = [f"--{name}={value}" for name, value in flags.items()]
        with whole_file(self.path / "run.flags") as partial:
            partial.write_text("\n".join(lines) + "\n")
        self.metrics.show_flags(flags)

    def sample(self, name: str, picture: np.ndarray, stage: str, step: int) -> None:
        """Writes uint8 `[H, W, 3]` to `samples/NAME.png` and to TensorBoard."""
        if not self.chief:
            return
        with whole_file(self.samples / f"{name}.png") as partial:
            Image.fromarray(picture).save(partial)
        self.metrics.show_picture(stage, step, picture)

    def save_model(self, model: keras.Model, name: str) -> None:
        """Writes `NAME`, a `.keras` or `.weights.h5` file."""
        if not self.chief:
            return
        save = model.save_weights if name.endswith(".weights.h5") else model.save
        size = sum(variable.numpy().nbytes for variable in model.variables)
        with whole_file(self.path / name, size) as partial:
            save(partial)

    def facts(self) -> Facts:
        """What the run knows of its model: for `facts.json` and the model card."""
        facts = Facts(self.path.resolve().name)
        flags = self.recorded_flags()
        if "dataset" in flags:
            stages = (
                ("pretrain_steps", "pretrain_loss"),
                ("gan_steps", "content_loss"),
            )
            losses = [flags[loss] for steps, loss in stages if flags.get(steps) != "0"]
            start = f" from {flags['init']}" if "init" in flags else ""
            made = f"trained{start} on {flags['dataset']} ({', then '.join(losses)})"
            facts = facts._replace(made=made)
        keep = flags.get("keep", "last")
        steps = {stage: self.best_step(stage, keep) for stage in STAGES}
        measured = [(s, step) for s, step in steps.items() if step is not None]
        if measured:
            stage, step = measured[-1]
            psnr = dict(self.validations(stage))[step]
            photos = f"the validation photos, {flags.get('valid_dataset', 'unnamed')}"
            if flags.get("degradation", "bicubic") != "bicubic":
                photos += f", degraded as {flags['degradation']}"
            facts = facts._replace(scores={photos: {"psnr": psnr}})
        return facts

    @property
    def finished(self) -> bool:
        """Whether the result has been written."""
        return (self.path / "generator.keras").exists()
