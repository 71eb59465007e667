"""The files of a training run. All but logs are written whole or not at all."""

import os
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from srgan_tf.errors import UserError
from srgan_tf.exporting.facts import Facts
from srgan_tf.files import whole_file
from srgan_tf.training.checkpoints import Checkpoints
from srgan_tf.training.metrics_log import MetricsLog

# Flags that fix the shapes of the weights, and what the optimizer holds.
MODEL_FLAGS = (
    "scale",
    "num_blocks",
    "filters",
    "crop_size",
    "schedule",
    "warmup_steps",
)


class RunFolder:
    """`run.flags`, `samples/` and the models; checkpoints and metrics beside them.

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
        measured = [row for row in self.metrics.rows() if row["val_psnr"]]
        if measured:
            # Stage 1 gives its best, stage 2 its last.
            stage, psnr = measured[-1]["stage"], float(measured[-1]["val_psnr"])
            if stage == "pretrain":
                psnr = self.metrics.best_psnr(stage)
            photos = f"the validation photos, {flags.get('valid_dataset', 'unnamed')}"
            if flags.get("degradation", "bicubic") != "bicubic":
                photos += f", degraded as {flags['degradation']}"
            facts = facts._replace(scores={photos: {"psnr": psnr}})
        return facts

    @property
    def finished(self) -> bool:
        """Whether the result has been written."""
        return (self.path / "generator.keras").exists()
