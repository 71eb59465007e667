"""The command `upscale`: photos and videos into files, and what went wrong."""

import functools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from srgan_tf.errors import UserError, reason
from srgan_tf.files import Taken, whole_file
from srgan_tf.inference.choosing import choose
from srgan_tf.inference.comparison import comparison
from srgan_tf.inference.jobs import Job
from srgan_tf.inference.loading import load_model
from srgan_tf.inference.moving import moving_work
from srgan_tf.inference.outputs import STDOUT
from srgan_tf.inference.preparing import Prepared, prepare
from srgan_tf.inference.progress import Progress
from srgan_tf.inference.results import Record, comparison_of, step_aside
from srgan_tf.inference.settings import known_scale
from srgan_tf.inference.sizes import is_in_pixels
from srgan_tf.inference.tiles import Upscaler
from srgan_tf.inference.upscale import check_scale, upscale_pixels
from srgan_tf.options import UpscaleOptions
from srgan_tf.pictures.formats import Photo, read_photo_file
from srgan_tf.pictures.writing import say_lost


def upscale_files(arguments: Sequence[str], options: UpscaleOptions) -> None:
    """Upscales photos and videos into files.

    Results that are there, made from these photos by the same settings, are skipped, so
    that an interrupted run continues where it stopped. What can be known to fail is
    refused before a model is loaded. A photo that fails does not stop the others.

    Args:
        arguments: Files, folders, globs, and `-` for the standard input.
        options: What is wanted.

    Raises:
        UserError: If the arguments and options do not go together, before anything is
            done; or, after all others are done, if some failed: one line for each.
    """
    model = functools.cache(load_wanted)
    prepared = prepare(
        arguments,
        options,
        models=wanted_models,
        model_scale=lambda: model(options).scale,
    )
    writer = _Writer(prepared, options)
    for job in [*prepared.done]:
        try:
            writer.keep_times(job.target, job)
        except OSError as error:
            prepared.done.remove(job)
            prepared.failures[str(job.target)] = reason(error)
    if prepared.left_out:
        writer.say(f"Left out {prepared.left_out}.")
    if prepared.tasks:
        if options.scale or is_in_pixels(options):
            for look in {task.job.wish.look: None for task in prepared.tasks}:
                names = wanted_models(look)
                own = known_scale(names) or model(look).scale
                if is_in_pixels(options):
                    rest = "; bicubic downsizing to the size that is named"
                elif options.scale != own:
                    rest = f"; bicubic downsizing to x{options.scale}"
                else:
                    rest = ""
                verb = "makes" if len(names) == 1 else "make"
                writer.say(f"{' and '.join(names)} {verb} x{own}{rest}.")
        writer.make_all(model)
    if prepared.tasks or prepared.done or len(prepared.failures) > 1:
        writer.say_count()
    if prepared.failures:
        lines = [f"{name}: {error}" for name, error in prepared.failures.items()]
        first = [f"{len(lines)} {prepared.what} failed:"] if len(lines) > 1 else []
        raise UserError("\n  ".join([*first, *lines]))


def wanted_models(options: UpscaleOptions) -> list[str]:
    """The names or files of the generators that the options mean."""
    return [str(share.model) for share in choose(_named(options), **options.dials())]


def load_wanted(options: UpscaleOptions) -> Upscaler:
    """Loads the model that the options mean.

    Raises:
        UserError: If it cannot be loaded, or its scale is too small.
    """
    model = load_model(
        _named(options),
        **options.dials(),
        precision=options.precision,
        fast=options.fast,
        self_ensemble=options.self_ensemble,
        tile=options.tile,
    )
    check_scale(model, options.scale)
    return model


def _named(options: UpscaleOptions) -> str | None:
    return ",".join(map(os.path.expanduser, options.model)) or None


class _Writer:
    """Makes results and writes them."""

    def __init__(self, prepared: Prepared, options: UpscaleOptions):
        self.prepared, self.options = prepared, options
        self.output = prepared.output
        self.made = 0
        self.progress = Progress(
            len(prepared.tasks), sum(task.megapixels for task in prepared.tasks)
        )

    def say(self, line: str) -> None:
        """Prints a line where no picture goes."""
        self.progress.say(line, to_stderr=self.output.stream)

    def say_count(self) -> None:
        """Says how many of all have been upscaled, and what became of the others."""
        prepared = self.prepared
        before, failed = len(prepared.done), len(prepared.failures)
        total = self.made + before + failed
        done = f"; {before} done before (--overwrite redoes them)" if before else ""
        wrong = f" {failed} failed." if failed else ""
        self.say(f"Upscaled {self.made} of {total} {prepared.what}{done}.{wrong}")

    def make_all(self, model: Callable[[UpscaleOptions], Upscaler]) -> None:
        """Makes all results, by the model for some options; what fails is noted."""
        with self.progress:
            for task in self.prepared.tasks:
                job, path = task.job, task.job.wish.source.path
                with self.progress.photo(path.name, task.megapixels):
                    try:
                        self._make(job, model)
                    except UserError as error:
                        self.prepared.failures[str(path)] = str(error)
                    except OSError as error:  # the photo may be gone by now
                        self.prepared.failures[str(path)] = reason(error)

    def _make(self, job: Job, model: Callable[[UpscaleOptions], Upscaler]) -> None:
        job = self.prepared.places.choose(job.wish)  # others may have been here
        if job.done:
            self.prepared.done.append(job)
            return
        source = job.wish.source
        origin = source.origin(job.target.parent)
        record = Record(origin, job.wish.settings)
        work = moving_work(
            job,
            record,
            options=self.options,
            progress=self.progress,
        )
        if work:
            with work:
                work.upscale(model(job.wish.look))
                placed = self._place(job, record, work.write)
            if placed is None:
                self.prepared.done.append(job)
            else:
                self.made += 1
            return
        photo = read_photo_file(source.file, max_megapixels=self.options.max_megapixels)
        pixels = upscaled(
            photo.pixels,
            model(job.wish.look),
            scale=job.wish.size.scale,
            size=job.wish.size.pixels,
            progress=lambda lr_pixels: self.progress.advance(lr_pixels / 1e6),
        )
        result = Photo(pixels, photo.metadata)
        if self.output.stream:
            self._pour(result, job, record)
            self.made += 1
            return
        placed = self._place(
            job, record, lambda path: self._encode(result, path, job.wish.kind, record)
        )
        if placed is None:
            self.prepared.done.append(job)
            return
        if self.options.compare:
            both = comparison(photo, pixels)
            self._place_comparison(both, placed, record)
        self.made += 1

    def _place(
        self, job: Job, record: Record, write: Callable[[Path], list[str]]
    ) -> Job | None:
        """Writes a result to its file, or to another if that has been taken meanwhile.

        Args:
            job: What is to be made.
            record: What it says of itself.
            write: Writes it to a path, and tells what could not be kept.

        Returns:
            The job with that file; None if another process has made the same result.
        """
        while True:
            aside = None
            try:
                with whole_file(job.target, replace=job.replace) as partial:
                    lost = write(partial)
                    self.keep_times(partial, job)
                    if job.older and Record.of(job.target) == job.older:
                        aside = step_aside(job.target, job.older, record)
            except Taken:
                job = self.prepared.places.choose(job.wish)
                if job.done:
                    return None
                continue
            say_lost(job.target, lost)
            if job.older and aside:
                changed = sorted(
                    name
                    for name, value in job.wish.settings.items()
                    if job.older.settings.get(name) != value
                )
                why = (
                    f"with another {', '.join(changed)}" if changed else "of that photo"
                )
                self.say(f"{job.target}: the earlier result {why} is {aside.name} now.")
            usual = self.prepared.places.usual(job.wish)
            if job.target != usual:
                self.say(f"{job.wish.source.path}: {usual} is taken; see {job.target}.")
            return job

    def _place_comparison(self, both: Photo, job: Job, record: Record) -> None:
        target, record = comparison_of(job.target), record.of_comparison()
        there = Record.of(target)
        if there and not there.is_like(record) and not self.options.overwrite:
            step_aside(target, there, record)  # it is of a result in another format
        replace = job.replace or there is not None
        try:
            with whole_file(target, replace=replace) as partial:
                lost = self._encode(both, partial, "png", record)
                self.keep_times(partial, job)
        except Taken:
            raise UserError(f"{target} is there and was not made by this") from None
        say_lost(target, lost)

    def keep_times(self, path: Path, job: Job) -> None:
        """Gives a result its photo's times, if that is wished."""
        if self.options.keep_times and job.wish.source.content is None:
            state = job.wish.source.path.stat()
            if path.stat().st_mtime_ns != state.st_mtime_ns:
                os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))

    def _encode(self, photo: Photo, path: Path, kind: str, record: Record) -> list[str]:
        return record.write_with(photo, path, kind, self.options)

    def _pour(self, result: Photo, job: Job, record: Record) -> None:
        """Writes a result into a pipe or a device."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "result"
            lost = self._encode(result, path, job.wish.kind, record)
            try:
                with path.open("rb") as file:
                    if str(job.target) == STDOUT:
                        shutil.copyfileobj(file, sys.stdout.buffer)
                        sys.stdout.buffer.flush()
                    else:
                        with job.target.open("wb") as stream:
                            shutil.copyfileobj(file, stream)
            except OSError as error:
                stdout = str(job.target) == STDOUT
                where = "the standard output" if stdout else job.target
                raise UserError(f"{where}: {reason(error)}") from None
        say_lost(path, lost)


def upscaled(pixels: np.ndarray, model: Upscaler, **options: Any) -> np.ndarray:
    """As `upscale_pixels`; what does not fit into memory is one line.

    Raises:
        UserError: Saying so.
    """
    try:
        return upscale_pixels(model, pixels, **options)
    except (MemoryError, tf.errors.ResourceExhaustedError):
        raise UserError(
            f"its result of {pixels.shape[1]}x{pixels.shape[0]} pixels times the scale "
            "does not fit into memory; a smaller --tile may help"
        ) from None
