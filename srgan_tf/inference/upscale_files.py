"""The command `upscale`: photos into files, and what went wrong."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from srgan_tf.errors import UserError
from srgan_tf.inference.jobs import find_sources, plan, result_format
from srgan_tf.inference.loading import load_model
from srgan_tf.inference.upscale import check_scale, upscale_pixels
from srgan_tf.options import UpscaleOptions
from srgan_tf.pictures.formats import Photo, read_header, read_photo_file
from srgan_tf.pictures.imresize import imresize_large
from srgan_tf.pictures.writing import write_photo_file

COMPARE_SIDE = 1024
_BAR = "{desc} {percentage:3.0f}% {bar} {n:.2f}/{total:.2f} MP, {remaining} left"


def upscale_files(arguments: Sequence[str], options: UpscaleOptions) -> None:
    """Upscales photos into files.

    Results that are there already are skipped, so that an interrupted run continues
    where it stopped. A photo that fails does not stop the others.

    Args:
        arguments: Files, folders and globs.
        options: What is wanted.

    Raises:
        UserError: If the arguments and options do not go together, before anything is
            done; or, after all others are done, if photos failed: one line for each.
    """
    sources = find_sources(arguments, options.output)
    output = options.output
    file_format = result_format(sources, output=output, file_format=options.format)
    model = load_model(
        ",".join(options.model) or None,
        scale=options.scale,
        realism=options.realism,
        fast=options.fast,
        self_ensemble=options.self_ensemble,
        tile=options.tile,
    )
    scale = check_scale(model, options.scale)
    if scale < model.scale:
        print(f"The model makes x{model.scale}; bicubic downsizing to x{scale}.")
    jobs = plan(sources, scale, output=output, file_format=file_format)
    todo = [job for job in jobs if options.overwrite or not job.target.exists()]
    sizes = [_megapixels(job.source) for job in todo]
    failures = []
    with tqdm(total=sum(sizes), disable=None, bar_format=_BAR, leave=False) as bar:
        for number, (job, size) in enumerate(zip(todo, sizes), start=1):
            bar.set_description_str(f"{job.source.name} ({number}/{len(todo)})")
            end = bar.n + size
            try:
                photo = read_photo_file(job.source)
                pixels = _upscaled(
                    photo.pixels,
                    model,
                    scale=scale,
                    progress=lambda lr_pixels: bar.update(lr_pixels / 1e6),
                )
                if options.compare:
                    _write_comparison(photo, pixels, scale, job.target)
                photo = Photo(pixels, photo.metadata)
                write_photo_file(
                    photo, job.target, file_format, quality=options.quality
                )
            except UserError as error:
                failures.append(f"{job.source}: {error}")
            bar.update(end - bar.n)
    skipped = len(jobs) - len(todo)
    print(
        f"Upscaled {len(todo) - len(failures)} of {len(jobs)} photos"
        + (f"; {skipped} done before (--overwrite redoes them)." if skipped else ".")
    )
    if len(failures) == 1:
        raise UserError(failures[0])
    if failures:
        raise UserError("\n  ".join([f"{len(failures)} photos failed:", *failures]))


def _megapixels(path: Path) -> float:
    try:
        return math.prod(read_header(path)[1:3]) / 1e6
    except UserError:  # which reading will raise again
        return 0.0


def _upscaled(pixels, model, **options) -> np.ndarray:
    try:
        return upscale_pixels(model, pixels, **options)
    except (MemoryError, tf.errors.ResourceExhaustedError):
        raise UserError(
            f"its result of {pixels.shape[1]}x{pixels.shape[0]} pixels times the scale "
            "does not fit into memory; a smaller --tile may help"
        ) from None


def _write_comparison(lr: Photo, sr: np.ndarray, scale: int, target: Path) -> None:
    height, width = (min(size, COMPARE_SIDE // scale) for size in lr.pixels.shape[:2])
    top = (lr.pixels.shape[0] - height) // 2
    left = (lr.pixels.shape[1] - width) // 2
    part = lr.pixels[top : top + height, left : left + width]
    before = imresize_large(part, scale)
    after = sr[
        scale * top : scale * (top + height), scale * left : scale * (left + width)
    ]
    both = Photo(np.concatenate([before, after], axis=1), lr.metadata.colours())
    write_photo_file(both, target.with_name(f"{target.stem}_compare.png"), "png")
