"""`prepare --beam` against the plain command."""

import functools
from pathlib import Path

import pytest
from PIL import Image
from samples import files_in, smooth_photo

pytest.importorskip(
    "apache_beam", reason="NOT TESTED: apache-beam is missing (srgan_tf[beam])"
)

from srgan_tf.beam.preparing import prepare_by_beam
from srgan_tf.data import prepare as prepare_module
from srgan_tf.data.prepare import prepare
from srgan_tf.options import PrepareOptions


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files_in(folder)}


@pytest.mark.parametrize(
    "engine",
    [
        "--direct_running_mode=in_memory --direct_num_workers=1",
        "--direct_running_mode=in_memory --direct_num_workers=1 "
        "--direct_runner_bundle_repeat=1",
        "--direct_running_mode=multi_threading --direct_num_workers=3",
    ],
)
def test_the_same_bytes_whatever_the_workers(tmp_path, monkeypatch, engine):
    monkeypatch.setattr(prepare_module, "SHARD_BYTES", 20_000)
    folder = tmp_path / "in"
    folder.mkdir()
    for seed in range(7):
        photo = Image.fromarray(smooth_photo(seed % 6, 90 + seed, 100))
        photo.save(folder / f"{seed}.png")
    (folder / "8_broken.jpg").write_bytes(b"no picture")
    options = functools.partial(
        PrepareOptions,
        dataset=str(folder),
        size=64,
        min_size=32,
        near_duplicates=True,
    )
    prepare(options(output=str(tmp_path / "plain")))
    prepare_by_beam(
        options(output=str(tmp_path / "beam"), beam=True, beam_options=engine)
    )
    assert len(list((tmp_path / "plain").glob("*.tfrecord-*"))) > 2
    assert (tmp_path / "plain" / "left_out.txt").read_text().count("\n") == 2
    assert contents(tmp_path / "beam") == contents(tmp_path / "plain")
