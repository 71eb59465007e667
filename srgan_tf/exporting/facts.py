"""What is known of a model's making: released, from a run, or of unknown descent."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from srgan_tf.errors import UserError, reason
from srgan_tf.files import whole_file
from srgan_tf.models.pretrained import released_facts

FACTS_NAME = "facts.json"
UNKNOWN = "not recorded"


class Facts(NamedTuple):
    """What is known of a model's making.

    Attributes:
        name: Its name or file.
        made: From what, on which photos, with which losses.
        licence: Of the weights.
        scores: By benchmark, each by measure: `{"Set5": {"psnr": 30.06}}`, in dB.
    """

    name: str
    made: str = UNKNOWN
    licence: str = UNKNOWN
    scores: Mapping[str, Mapping[str, float]] = {}

    @property
    def psnr(self) -> str:
        """On which pictures, and how much."""
        known = (f"{x['psnr']:.2f} dB on {name}" for name, x in self.scores.items())
        return ", ".join(known) or UNKNOWN

    def write(self, folder: Path) -> None:
        """Writes them beside a model, where `facts_of` finds them."""
        with whole_file(folder / FACTS_NAME) as partial:
            partial.write_text(json.dumps(self._asdict(), indent=1) + "\n", "utf-8")


def facts_of(source: str | os.PathLike) -> Facts:
    """The facts of whatever `load_generator` takes.

    Raises:
        UserError: If a run folder's facts are damaged.
    """
    if facts := released_facts().get(str(source)):
        return Facts(str(source), facts["made"], facts["licence"], facts["scores"])
    path = Path(source) / FACTS_NAME
    if not path.is_file():
        return Facts(Path(source).name)
    try:
        return Facts(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged, remove it: {reason(error)}") from None
