"""What flags do to a run that is there already: applied, refused, or too late.

`srgan_tf.options` says it for each flag; `python -m srgan_tf.training.resume` prints
the table in docs/resume.md.
"""

import dataclasses
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from srgan_tf.errors import UserError
from srgan_tf.options import RESUME, TrainOptions
from srgan_tf.training.metrics_log import STAGES
from srgan_tf.training.run_folder import Change, RunFolder

log = logging.getLogger(__name__)


class Continuation(NamedTuple):
    """How a run goes on.

    Attributes:
        options: Those that will be in force.
        changes: What is new in them.
        restart_gan: Whether stage 2 begins anew.
    """

    options: TrainOptions
    changes: Sequence[Change] = ()
    restart_gan: bool = False

    def is_done(self, folder: RunFolder) -> bool:
        """Whether no stage has anything left to do."""
        return all(_over(stage, self.options, folder) for stage in STAGES)

    def put_in_force(self, folder: RunFolder) -> None:
        """Records the flags, announces what changes, and clears what begins anew."""
        begun = [s for s in STAGES if folder.checkpoints.latest_step(s)]
        stage = begun[-1] if begun else STAGES[0]
        step = folder.checkpoints.latest_step(stage)
        for flag, old, new in self.changes:
            log.warning(
                "--%s changed at step %d of the stage %s: %s -> %s",
                flag,
                step,
                stage,
                old,
                new,
            )
        folder.write_flags(self.options.as_flags())
        folder.record_changes(stage, step, self.changes)
        if self.restart_gan:
            log.warning("Stage 2 begins anew once stage 1 has its steps.")
            folder.checkpoints.remove("gan")
            folder.metrics.rewind("gan", 0)


def continuation(
    options: TrainOptions, folder: RunFolder, *, named: bool = True
) -> Continuation:
    """Decides what the flags mean for the run in the folder, if there is one.

    A flag that is left out and has no default keeps its recorded value.

    Args:
        options: As asked for, without `auto`.
        folder: Of the run.
        named: Whether someone named the folder. Where nobody did, two different runs
            may have met in it.

    Raises:
        UserError: If a flag cannot be changed, or stage 1 is to be trained on under a
            stage 2 that has begun.
    """
    recorded = folder.recorded_flags()
    steps = {stage: folder.checkpoints.latest_step(stage) for stage in STAGES}
    if not recorded or not any(steps.values()):
        return Continuation(options)
    kept: dict[str, Any] = {}
    changes = []
    for field in dataclasses.fields(options):
        name, stage = field.name, field.metadata["stage"]
        new = getattr(options, name)
        old: Any = _value(recorded[name], field) if name in recorded else field.default
        if field.metadata["resume"] == "ignored" or new == old:
            continue
        if new is None:
            kept[name] = old
        elif name == "patience" and steps["gan"] and not options.restart_gan:
            kept[name] = old
            log.warning("--patience=%s comes too late: stage 2 has begun.", new)
        elif name == f"{stage}_steps" and new < steps[stage]:
            kept[name] = max(old, steps[stage])
            log.warning(
                "--%s=%s: the run has %d steps of it already.", name, new, steps[stage]
            )
        elif field.metadata["resume"] == "refused" and (not stage or steps[stage]):
            if field.default is None and name not in recorded:
                how = f"without --{name}"
            else:
                how = f"with --{name}={old}"
            raise UserError(
                f"--{name}={new}: the run in {folder.path} was made {how}; keep that "
                "or choose another --run_dir."
            )
        else:
            changes.append(Change(name, str(old), str(new)))
    options = dataclasses.replace(options, **kept)
    restart = _restart_gan(options, folder, steps)
    late = [c for c in changes if _too_late(c.flag, options, folder, restart)]
    for change in late:
        log.warning(
            "--%s=%s comes too late: its stage has ended, with %s.",
            change.flag,
            change.new,
            change.old,
        )
    fields = {field.name: field for field in dataclasses.fields(options)}
    changes = [change for change in changes if change not in late]
    for change in changes:
        if not named and fields[change.flag].metadata["resume"] == "applied":
            raise UserError(
                f"--{change.flag}={change.new}: {folder.path}, the folder of runs that "
                f"nobody named, holds a run with --{change.flag}={change.old}. Name a "
                f"folder for this one, or change that one by --run_dir={folder.path}."
            )
    kept = {change.flag: _value(change.old, fields[change.flag]) for change in late}
    return Continuation(dataclasses.replace(options, **kept), changes, restart)


def _restart_gan(
    options: TrainOptions, folder: RunFolder, steps: dict[str, int]
) -> bool:
    """Whether stage 1 goes on under a stage 2 that has begun, which must be asked for.

    Raises:
        UserError: If it was not.
    """
    if not steps["gan"] or _over("pretrain", options, folder):
        return False
    if not options.restart_gan:
        raise UserError(
            f"--pretrain_steps={options.pretrain_steps}: stage 2 of the run in "
            f"{folder.path} has begun from stage 1's {steps['pretrain']} steps and "
            "would not change: train it anew, too, by --restart_gan, or choose another "
            "--run_dir."
        )
    return True


def _too_late(
    flag: str, options: TrainOptions, folder: RunFolder, restart_gan: bool
) -> bool:
    (field,) = (f for f in dataclasses.fields(options) if f.name == flag)
    stage = field.metadata["stage"]
    if not stage or flag == f"{stage}_steps" or (stage == "gan" and restart_gan):
        return False
    begun = folder.checkpoints.latest_step(stage)
    return bool(begun) and _over(stage, options, folder)


def _over(stage: str, options: TrainOptions, folder: RunFolder) -> bool:
    return folder.is_over(stage, options.steps(stage), options.patience)


def _value(text: str, field: dataclasses.Field) -> Any:
    """A recorded value, of the type of the field."""
    kind: Any = str if field.default is None else type(field.default)
    return text == "True" if kind is bool else kind(text)


def table() -> str:
    """Markdown of all flags of training and what another value does on resume."""
    stages = {"pretrain": "stage 1", "gan": "stage 2", None: ""}
    lines = ["| flag | on resume | of |", "|---|---|---|"]
    for field in sorted(dataclasses.fields(TrainOptions), key=lambda field: field.name):
        kind, stage = field.metadata["resume"], stages[field.metadata["stage"]]
        lines.append(f"| `--{field.name}` | {kind} | {stage} |")
    meanings = [f"- **{kind}**: {meaning}" for kind, meaning in RESUME.items()]
    return "\n".join([*meanings, "", *lines]) + "\n"


if __name__ == "__main__":
    print(table(), end="")
