"""What is known of a model: from our card, from its run folder, or nothing."""

import os
from pathlib import Path

from srgan_tf.exporting.card import Facts
from srgan_tf.models.pretrained import WEIGHTS, released_models
from srgan_tf.training.run_folder import RunFolder


def facts_of(source: str | os.PathLike) -> Facts:
    """The facts of whatever `load_generator` takes."""
    name = str(source)
    if name in released_models():
        return _released_facts(name)
    if os.path.isdir(source):
        return RunFolder(source).facts()
    return Facts(Path(source).name)


def _released_facts(name: str) -> Facts:
    """From the two rows of `weights/MODEL_CARD.md`: how it was made, how it scores."""
    text = (WEIGHTS / "MODEL_CARD.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
    made, scores = ([x.strip() for x in row.strip("|").split("|")][1:] for row in rows)
    sets = zip(("Set5", "Set14", "BSD100"), scores)
    psnr = ", ".join(f"{label} {score.split(' / ')[0]} dB" for label, score in sets)
    return Facts(name, made[0], psnr, "Apache-2.0")
