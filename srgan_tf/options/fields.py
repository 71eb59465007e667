"""What options are made of: fields with help and bounds, checked when they are set."""

import dataclasses
import math
import numbers
from collections.abc import Sequence
from typing import Any

from srgan_tf.errors import UserError

RESUME = {
    "applied": "takes the new value from there on",
    "harmless": "takes the new value, which does not change what is learnt",
    "refused": "ends with an error: a run keeps its value",
    "ignored": "is no property of the run",
}


def option(
    default: Any,
    help: str,
    *,
    least: float | None = None,
    most: float | None = None,
    choices: Sequence | None = None,
    empty: bool = False,
    resume: str | None = None,
    stage: str | None = None,
) -> Any:
    """A field with its help, and its number's bounds or the only values it may have.

    Args:
        default: Its value where none is given.
        help: For `--help`.
        least: Bound of a number.
        most: Bound of a number.
        choices: The only values there are.
        empty: Whether an empty text means something.
        resume: Of training: what another value does to a run that is there already, one
            of `RESUME`.
        stage: Of training: the only stage it matters to, `pretrain` or `gan`.
    """
    metadata = {
        "help": help,
        "least": least,
        "most": most,
        "choices": choices,
        "empty": empty,
        "resume": resume,
        "stage": stage,
    }
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What all options share: each value is checked when the object is made.

    Raises:
        UserError: If a value is out of its bounds, or values do not go together.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            _check(field, getattr(self, field.name))
        self.check()

    def check(self) -> None:
        """Refuses values that do not go together."""


def _check(field: dataclasses.Field, value: object) -> None:
    limits, given = field.metadata, f"--{field.name}={value}"
    if value is None and field.default is None:
        return
    parts = value if isinstance(value, tuple) else (value,)
    if "" in parts and not limits["empty"]:
        raise UserError(f"--{field.name} has an empty value: name one or leave it out.")
    if limits["choices"] and value not in limits["choices"]:
        *first, last = map(str, limits["choices"])
        raise UserError(f"{given}: must be {', '.join(first)} or {last}.")
    # Python callers may give anything; numbers of NumPy are as good as any.
    if isinstance(field.default, bool):
        if value not in (True, False):
            raise UserError(f"{given}: must be True or False.")
        return
    if limits["least"] is None and limits["most"] is None:
        return
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise UserError(f"{given}: must be a number.")
    least, most = limits["least"], limits["most"]
    if not math.isfinite(value):
        raise UserError(f"{given}: must be a finite number.")
    if "int" in str(field.type) and not isinstance(value, numbers.Integral):
        raise UserError(f"{given}: must be a whole number.")
    if least is not None and most is not None and not least <= value <= most:
        raise UserError(f"{given}: must be {least} to {most}.")
    if least is not None and value < least:
        raise UserError(f"{given}: must be at least {least}.")
