"""`upscale --beam` against the plain command, in this process and in two others."""

import fnmatch
import io
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from samples import (
    REPOSITORY,
    SRGB,
    files_in,
    full_exif,
    save_picture,
    smooth,
    values,
)

pytest.importorskip(
    "apache_beam", reason="NOT TESTED: apache-beam is missing (srgan_tf[beam])"
)

from apache_beam.io.filesystem import FileMetadata, FileSystem

from srgan_tf.beam.upscaling import FAILED, upscale_by_beam
from srgan_tf.errors import UserError
from srgan_tf.inference.upscale_files import upscale_files
from srgan_tf.options import UpscaleOptions

EXACT = {"precision": "float32"}  # as this process has it, in others, too
HERE = "--direct_running_mode=in_memory --direct_num_workers=1"


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files_in(folder)}


@pytest.fixture
def photos(tmp_path) -> Path:
    """Photos of many kinds; names that meet; what is no photo, and what is broken."""
    folder = tmp_path / "in"
    save_picture(folder / "a.jpg", smooth(12, 15), exif=full_exif(6), icc_profile=SRGB)
    save_picture(folder / "a.png", values(9, 8, 3))
    save_picture(folder / "sub" / "a.png", values(9, 8, 3, seed=1))
    save_picture(folder / "sub" / "alpha.png", values(9, 8, 4))
    save_picture(folder / "sub" / "gray.webp", smooth(9, 8))
    save_picture(folder / "deep.tif", values(9, 8, 3, dtype=np.uint16))
    (folder / "notes.txt").write_text("no photo")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def by_beam(model_file, *arguments, more="", **options):
    upscale_by_beam(
        [str(argument) for argument in arguments],
        UpscaleOptions(
            model=(model_file,), beam=True, beam_options=f"{HERE} {more}", **options
        ),
    )


def plainly(model_file, *arguments, **options):
    words = [str(argument) for argument in arguments]
    upscale_files(words, UpscaleOptions(model=(model_file,), **options))


@pytest.mark.parametrize("kind", [None, "same"])
def test_the_same_files_as_the_plain_command(
    photos, tmp_path, model_file, capsys, kind
):
    with pytest.raises(UserError, match="broken"):
        plainly(model_file, photos, output=str(tmp_path / "plain"), format=kind)
    beam, listed = tmp_path / "beam", tmp_path / "beam" / FAILED
    with pytest.raises(UserError, match=r"1 failed, listed in .*\n .*broken.jpg: "):
        by_beam(model_file, photos, output=str(beam), format=kind)
    assert "broken.jpg: " in listed.read_text()
    said = capsys.readouterr().out
    assert "Upscaled 6 of 7 photos, 0.0 megapixels." in said
    assert "Left out 1 .txt." in said
    listed.unlink()
    assert contents(beam) == contents(tmp_path / "plain")


def test_what_is_done_is_skipped_and_a_mended_photo_is_made(
    photos, tmp_path, model_file, capsys
):
    output = tmp_path / "out"
    with pytest.raises(UserError):
        by_beam(model_file, photos, output=str(output))
    before = {name: (output / name).stat().st_mtime_ns for name in files_in(output)}
    (photos / "broken.jpg").unlink()
    save_picture(photos / "broken.jpg", smooth(9, 8))
    capsys.readouterr()
    by_beam(model_file, photos, output=str(output))
    assert "Upscaled 1 of 7 photos" in (said := capsys.readouterr().out)
    assert "6 done before" in said
    assert FAILED not in files_in(output)
    for name in set(before) - {FAILED}:
        assert (output / name).stat().st_mtime_ns == before[name]


def test_bundles_that_run_twice_change_nothing(photos, tmp_path, model_file):
    for name, more in (("once", ""), ("twice", "--direct_runner_bundle_repeat=1")):
        with pytest.raises(UserError, match="1 failed"):
            by_beam(model_file, photos, output=str(tmp_path / name), more=more)
    assert contents(tmp_path / "once") == contents(tmp_path / "twice")


@pytest.mark.slow
def test_a_killed_worker_leaves_whole_results(tmp_path, model_file):
    for number in range(40):
        save_picture(
            tmp_path / "in" / f"{number}.png", values(100, 100, 3, seed=number)
        )
    plainly(model_file, tmp_path / "in", output=str(tmp_path / "plain"), **EXACT)
    output = tmp_path / "beam"
    two = UpscaleOptions(
        model=(model_file,),
        output=str(output),
        beam=True,
        beam_options="--direct_num_workers=2",
        **EXACT,
    )

    def kill_at_the_first_result():
        while not list(output.glob("*_x4.png")):
            time.sleep(0.05)
        shells = subprocess.check_output(["pgrep", "-P", str(os.getpid())], text=True)
        worker = subprocess.check_output(["pgrep", "-P", shells.split()[0]], text=True)
        os.kill(int(worker), signal.SIGKILL)

    with ThreadPoolExecutor() as pool:
        killing = pool.submit(kill_at_the_first_result)
        with pytest.raises(UserError, match="the same command continues"):
            upscale_by_beam([str(tmp_path / "in")], two)
        killing.result()
    made = {path: path.stat().st_mtime_ns for path in output.glob("*_x4.png")}
    upscale_by_beam([str(tmp_path / "in")], two)
    assert {path: path.stat().st_mtime_ns for path in made} == made
    results = {x: y for x, y in contents(output).items() if not x.startswith(".")}
    assert results == contents(tmp_path / "plain")


@pytest.mark.slow
def test_another_engine(photos, tmp_path, model_file, capsys):
    pytest.importorskip("distributed", reason="NOT TESTED: Dask is missing")
    with pytest.raises(UserError, match="broken"):
        plainly(model_file, photos, output=str(tmp_path / "plain"), **EXACT)
    capsys.readouterr()
    dask = UpscaleOptions(
        model=(model_file,),
        output=str(tmp_path / "dask"),
        beam=True,
        runner="apache_beam.runners.dask.dask_runner.DaskRunner",
        **EXACT,
    )
    with pytest.raises(UserError, match="1 failed"):
        upscale_by_beam([str(photos)], dask)
    assert "Upscaled" not in capsys.readouterr().out  # it does not count
    (tmp_path / "dask" / FAILED).unlink()
    assert contents(tmp_path / "dask") == contents(tmp_path / "plain")


def test_names_that_are_taken_and_earlier_results(tmp_path, model_file):
    save_picture(tmp_path / "in" / "a.png", values(9, 8, 3))
    for name, run in (("plain", plainly), ("beam", by_beam)):
        output = tmp_path / name
        output.mkdir()
        (output / "a_x4.png").write_bytes(b"another's")
        run(model_file, tmp_path / "in", output=str(output), scale=4)
        run(model_file, tmp_path / "in", output=str(output), self_ensemble=True)
        run(model_file, tmp_path / "in", output=str(output), scale=4)
    found = contents(tmp_path / "beam")
    assert found["a_x4.png"] == b"another's"
    assert found == contents(tmp_path / "plain")


class Bucket(FileSystem):
    """A file system behind a URL, in memory."""

    store: ClassVar[dict[str, bytes]] = {}

    @classmethod
    def scheme(cls):
        return "bucket"

    def join(self, basepath, *paths):
        return "/".join([basepath.rstrip("/"), *paths])

    def split(self, path):
        return tuple(path.rsplit("/", 1))

    def mkdirs(self, path):
        pass

    def has_dirs(self):
        return False

    def _list(self, dir_or_prefix):
        for path in sorted(self.store):
            if path.startswith(dir_or_prefix):
                yield self.metadata(path)

    def create(self, path, mime_type="", compression_type=""):
        store = self.store

        class Written(io.BytesIO):
            def close(self):
                if not self.closed:
                    store[path] = self.getvalue()
                super().close()

        return Written()

    def open(self, path, mime_type="", compression_type=""):
        return io.BytesIO(self.store[path])

    def copy(self, source_file_names, destination_file_names):
        raise NotImplementedError

    def rename(self, source_file_names, destination_file_names):
        for old, new in zip(source_file_names, destination_file_names):
            self.store[new] = self.store.pop(old)

    def exists(self, path):
        return path in self.store

    def size(self, path):
        return len(self.store[path])

    def last_updated(self, path):
        return 1.0

    def checksum(self, path):
        raise NotImplementedError

    def metadata(self, path):
        return FileMetadata(path, self.size(path), self.last_updated(path))

    def delete(self, paths):
        for path in paths:
            del self.store[path]


def test_behind_urls(photos, tmp_path, model_file, monkeypatch, capsys):
    store = {f"bucket://b/{name}": data for name, data in contents(photos).items()}
    monkeypatch.setattr(Bucket, "store", store)
    with pytest.raises(UserError):
        plainly(model_file, photos, output=str(tmp_path / "plain"))
    for made, before in ((6, 0), (0, 6)):
        with pytest.raises(UserError, match="listed in bucket://b/out/failed"):
            by_beam(model_file, "bucket://b/**", output="bucket://b/out")
        said = capsys.readouterr().out
        assert f"Upscaled {made} of 7 photos" in said
        assert (f"{before} done before" in said) == bool(before)
    assert b"broken.jpg: " in store.pop("bucket://b/out/failed.txt")
    assert not fnmatch.filter(store, "*.partial.*")
    expected = contents(tmp_path / "plain")
    found = {
        name.removeprefix("bucket://b/out/"): data
        for name, data in store.items()
        if name.startswith("bucket://b/out/")
    }
    assert found.keys() == expected.keys()
    for name, data in expected.items():
        one, other = (Image.open(io.BytesIO(x)) for x in (found[name], data))
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
        assert one.info.keys() == other.info.keys()


@pytest.mark.parametrize(
    "options, why",
    [
        ({"output": None}, "needs --output, a folder"),
        ({"compare": True}, "--compare is not for --beam"),
        ({"format": "mp4"}, "photos only"),
        ({"runner": "NoRunner"}, "--runner=NoRunner"),
    ],
)
def test_what_is_refused(photos, tmp_path, model_file, options, why):
    with pytest.raises(UserError, match=why):
        by_beam(model_file, photos, **{"output": str(tmp_path / "out"), **options})
    assert not (tmp_path / "out").exists()


def test_a_place_without_photos(tmp_path, model_file):
    with pytest.raises(UserError, match="missing: there is no such file or folder"):
        by_beam(model_file, tmp_path / "missing", output=str(tmp_path / "out"))


def test_the_plain_commands_do_not_import_beam():
    code = (
        "import sys, srgan_tf.inference.upscale_files, srgan_tf.data.prepare;"
        "import srgan_tf.main; sys.exit('apache_beam' in sys.modules)"
    )
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    assert subprocess.run([sys.executable, "-c", code], env=env).returncode == 0
