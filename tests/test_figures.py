"""The figures in the README and in the models' card are those of `facts.json`."""

import json
import re

import pytest
from samples import REPOSITORY

from srgan_tf import load_generator
from srgan_tf.evaluation.tables import published
from srgan_tf.models.pretrained import WEIGHTS

README = REPOSITORY / "README.md"
CARD = WEIGHTS / "MODEL_CARD.md"
FACTS = json.loads((WEIGHTS / "facts.json").read_text())
SETS = ("Set5", "Set14", "BSD100")
SHOWN = {"psnr": ".2f", "ssim": ".4f", "ssim_paper": ".4f", "phi34": ".0f"}


def expected_rows(scale: int) -> dict[str, list[str]]:
    known = FACTS["models"] | FACTS["others"]
    scores: dict[str, dict] = {
        name.removesuffix(f" x{scale}"): facts["scores"]
        for name, facts in known.items()
        if facts.get("scale", 4) == scale
    }
    for name in published("Set5", scale):
        scores[name] = {x: published(x, scale)[name] for x in SETS}
    return {
        name: [
            " / ".join(
                format(of[x][m], digits).removeprefix("0")
                if m in of[x]
                else "\N{EN DASH}"
                for m, digits in SHOWN.items()
            )
            for x in SETS
        ]
        for name, of in scores.items()
    }


@pytest.mark.parametrize("path", [README, CARD], ids=lambda path: path.name)
def test_scores(path):
    pattern = r"\| x(\d) \| Set5 \| Set14 \| BSD100 \|\n[-|]+\n((?:\|.*\n)+)"
    found = {}
    for scale, table in re.findall(pattern, path.read_text("utf-8")):
        rows = [re.split(r" *\| *", line.strip("| ")) for line in table.splitlines()]
        found[int(scale)] = {name.strip("*`"): cells for name, *cells in rows}
    scales = {facts["scale"] for facts in FACTS["models"].values()}
    assert found == {scale: expected_rows(scale) for scale in scales}


def test_the_export_table_begins_with_the_models_scores():
    cells = [
        f"{scores['Set5']['psnr']:.2f} / {scores['Set14']['psnr']:.2f}"
        for name in ("srresnet_x4", "srgan_x4")
        for scores in [FACTS["models"][name]["scores"]]
    ]
    assert f"| Keras | 6.5 | {' | '.join(cells)} |" in README.read_text("utf-8")


@pytest.mark.parametrize("name", FACTS["models"])
def test_facts_are_those_of_the_file(name):
    facts = FACTS["models"][name]
    generator = load_generator(name)
    sizes = (generator.scale, generator.num_blocks, generator.filters)
    assert sizes == (facts["scale"], facts["blocks"], facts["filters"])
    assert generator.count_params() == facts["parameters"]
    assert f"| `{name}` | {facts['made']} |" in CARD.read_text("utf-8")
