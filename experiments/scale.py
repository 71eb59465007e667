"""Measures what `--beam` costs per photo: python experiments/scale.py [COUNT ...]

Small photos and a tiny network, so that what is measured is all but the network: by the
plain command, by a pipeline in one process, and by one in two. CPU seconds are those of
all processes; where other programs run beside, only they can be compared. Then the
released network, in CPU seconds per megapixel.
"""

import contextlib
import functools
import io
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from srgan_tf.beam.upscaling import upscale_by_beam
from srgan_tf.inference.upscale_files import upscale_files
from srgan_tf.models import Generator
from srgan_tf.options import UpscaleOptions

SIDE, LARGE = 64, 512
WAYS = {
    "plain": None,
    "pipeline, one process": "--direct_running_mode=in_memory --direct_num_workers=1",
    "pipeline, two processes": "--direct_num_workers=2",
}


def spent() -> float:
    """CPU seconds of this process and those it has waited for."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(x.ru_utime + x.ru_stime for x in map(resource.getrusage, whose))


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock, and of CPUs."""
    clock, cpu = time.perf_counter(), spent()
    with contextlib.redirect_stdout(io.StringIO()):
        work()
    return time.perf_counter() - clock, spent() - cpu


def upscale(source: Path, output: Path, flags: str | None, **options) -> None:
    """By the plain command, or by a pipeline with flags."""
    if flags is None:
        upscale_files([str(source)], UpscaleOptions(output=str(output), **options))
    else:
        engine = {"beam": True, "beam_options": flags}
        upscale_by_beam(
            [str(source)], UpscaleOptions(output=str(output), **engine, **options)
        )


def photo(seed: int, side: int) -> Image.Image:
    """Soft colours."""
    small = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)


def main(counts: list[int]) -> None:
    """Measures, and prints a table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = str(folder / "tiny.keras")
        Generator(scale=4, num_blocks=1, filters=4).save(model)
        print("| photos | way | seconds | CPU seconds |\n|---|---|---|---|")
        for count in (1, *counts):
            source = folder / f"{count}"
            source.mkdir()
            for number in range(count):
                photo(number, SIDE).save(source / f"{number:06}.jpg")
            for way, flags in WAYS.items():
                output = folder / f"{count} {way}"
                work = functools.partial(upscale, source, output, flags)
                clock, cpu = measured(functools.partial(work, model=(model,)))
                print(f"| {count} | {way} | {clock:.1f} | {cpu:.1f} |", flush=True)
        source = folder / "large"
        source.mkdir()
        seconds = []
        for number in range(2):  # the second time all is loaded and compiled
            photo(number, LARGE).save(source / f"{number}.jpg")
            one = source / f"{number}.jpg"
            work = functools.partial(upscale, one, folder / "x4", None)
            seconds.append(measured(work)[1])
        print(f"released network: {seconds[1] / LARGE**2 * 1e6:.1f} CPU s/megapixel")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [100, 1000])
