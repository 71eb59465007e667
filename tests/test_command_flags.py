import subprocess
import sys

import pytest
from samples import REPOSITORY

EXPERIMENTS = sorted((REPOSITORY / "experiments").rglob("*.flags"))


def test_every_experiment_parses_and_builds():
    code = (
        "import sys\n"
        "from srgan_tf.command_flags import FLAGS, define_flags\n"
        "define_flags()\n"
        "from srgan_tf.options import TrainOptions\n"
        "from srgan_tf.models import Discriminator, Generator\n"
        "from srgan_tf.models.losses import content_loss\n"
        "for path in sys.argv[1:]:\n"
        "    for name in FLAGS: FLAGS[name].unparse()\n"
        "    FLAGS(['', '--flagfile=' + path])\n"
        "    fields = Config.__dataclass_fields__\n"
        "    c = Config(**{n: FLAGS[n].value for n in fields})\n"
        "    Generator(c.scale, c.num_blocks, c.filters); Discriminator(c.crop_size)\n"
        "    for name in (c.pretrain_loss, c.content_loss): content_loss(name, None)\n"
        "    print(path, c.scale)\n"
    )
    paths = [str(path.relative_to(REPOSITORY)) for path in EXPERIMENTS]
    result = subprocess.run(
        [sys.executable, "-c", code, *paths],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    scales = dict(line.split() for line in result.stdout.splitlines())
    assert list(scales) == paths
    assert scales["experiments/x2.flags"] == "2"
    assert scales["experiments/x8.flags"] == "8"


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_opens_with_its_command_and_cost(path):
    text = path.read_text()
    if path.stem != "base":
        name = path.relative_to(REPOSITORY)
        assert f"# python -m srgan_tf.main --flagfile={name}" in text
        assert "Reaches" in text or "shows in" in text
