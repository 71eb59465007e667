"""How the released weights came about, as far as it can be checked."""

import csv
import re

from samples import REPOSITORY

from srgan_tf.models.pretrained import released_facts

RELEASE = REPOSITORY / "experiments" / "release"


def test_the_recipe_ends_in_the_released_files():
    with (RELEASE / "recipe.csv").open(newline="") as file:
        steps = list(csv.DictReader(file))
    last = {step["model"]: step["sha256_out"] for step in steps}
    assert last == {name: facts["sha256"] for name, facts in released_facts().items()}
    for step in steps:
        assert step["made"] in ("exact", "draft")
        assert re.fullmatch("[0-9a-f]{7}", step["commit"])
        for end in ("sha256_in", "sha256_out"):
            assert re.fullmatch("[0-9a-f]{64}|not recorded", step[end])
        for log in re.findall(r"\S+\.csv", step["note"]):
            assert (RELEASE / log).is_file(), log
