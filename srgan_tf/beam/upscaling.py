"""The command `upscale --beam`: photos without number, on machines without number."""

import functools
import itertools
import operator
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from srgan_tf.beam.finding import (
    Found,
    Job,
    Plan,
    find,
    is_done,
    key_of,
    kind_for,
    places_for,
)
from srgan_tf.beam.pipelines import new_pipeline, run_to_end
from srgan_tf.beam.places import (
    exists,
    is_url,
    local_copy,
    open_to_read,
    origin_at,
    record_at,
    write_whole,
)
from srgan_tf.errors import UserError, reason
from srgan_tf.files import Taken
from srgan_tf.inference.animations import animation_of
from srgan_tf.inference.jobs import Wish
from srgan_tf.inference.preparing import checked_header
from srgan_tf.inference.results import Record, numbered
from srgan_tf.inference.settings import VIDEO_ONLY, fingerprint, known_scale
from srgan_tf.inference.sizes import Size
from srgan_tf.inference.sources import STDIN, Source
from srgan_tf.inference.upscale_files import load_wanted, upscaled, wanted_models
from srgan_tf.options import RESULT_FORMATS, UpscaleOptions
from srgan_tf.pictures.formats import Photo, read_photo_file
from srgan_tf.pictures.kinds import KINDS, check_there
from srgan_tf.pictures.writing import say_lost

FAILED = "failed.txt"
_SHOWN = 10  # failures on the screen


def upscale_by_beam(arguments: Sequence[str], options: UpscaleOptions) -> None:
    """Upscales photos into a folder, as `upscale_files` does, by a pipeline.

    Photos and results may lie behind any URL that Beam knows. Results are the same,
    bit for bit. A photo that fails is listed, with the reason, in the folder's
    `failed.txt`. Workers that die, and bundles that run twice, leave no half file, and
    the same command goes on where it stopped.

    Args:
        arguments: Files, folders, globs, and URLs of them.
        options: What is wanted; `output` is a folder.

    Raises:
        UserError: If the arguments and options do not go together, the pipeline did not
            come to its end, or some photos failed.
    """
    _check(arguments, options)
    plan = _plan(options)
    output = options.output or ""
    if not is_url(output):
        output = os.path.abspath(os.path.expanduser(output))
    arguments = [x if is_url(x) else os.path.expanduser(x) for x in arguments]
    pipeline = new_pipeline(options)
    found, lost = (
        pipeline
        | "Arguments" >> beam.Create([tuple(arguments)])
        | "Find" >> _Sorted(_Find(output))
    )
    keyed, unfit = (
        found
        | "Spread photos" >> beam.Reshuffle()
        | "Kinds" >> _Sorted(_Kinds(options))
    )
    _, failed = (
        keyed
        | "Group by names" >> beam.GroupByKey()
        | "Places" >> beam.FlatMap(_places, plan)
        | "Spread jobs" >> beam.Reshuffle()
        | "Upscale" >> _Sorted(_Upscale(plan))
    )
    (
        (lost, unfit, failed)
        | "All failures" >> beam.Flatten()
        | "List" >> beam.combiners.ToList()
        | "Write" >> beam.Map(_write_failures, f"{output.rstrip('/')}/{FAILED}")
    )
    _tell(run_to_end(pipeline), f"{output.rstrip('/')}/{FAILED}")


def _check(arguments: Sequence[str], options: UpscaleOptions) -> None:
    if not arguments:
        raise UserError("upscale what? Name photos, folders, globs or URLs.")
    if STDIN in arguments:
        raise UserError("-: --beam reads no pipes.")
    if not options.output:
        raise UserError("upscale --beam needs --output, a folder.")
    if not is_url(options.output) and os.path.isfile(options.output):
        raise UserError(f"--output={options.output} is a file; --beam needs a folder.")
    for name in ("size", "long_side", "compare", "keep_times", *VIDEO_ONLY):
        if getattr(options, name) not in (None, False):
            raise UserError(f"--{name} is not for --beam.")
    kind = options.format or "png"
    if kind not in (*RESULT_FORMATS, "same"):
        raise UserError(f"--format={kind}: --beam upscales photos only.")
    if kind != "same":
        try:
            check_there(KINDS[kind])
        except UserError as error:
            raise UserError(f"--format={kind}: {error}.") from None


def _plan(options: UpscaleOptions) -> Plan:
    models = wanted_models(options)
    scale = options.scale or known_scale(models) or load_wanted(options).scale
    return Plan(options, Size(scale), [fingerprint(model) for model in models])


def _count(name: str, by: int = 1) -> None:
    Metrics.counter("srgan_tf", name).inc(by)


def _failure(path: str, error: Exception) -> tuple[bool, tuple[str, str]]:
    _count("failed")
    return False, (path, reason(error, 500))


class _Sorted(beam.PTransform):
    """What a DoFn gives as (True, element), and failures, given as (False, failure).

    Beam's own tagged outputs come mixed from its Dask runner.
    """

    def __init__(self, step: beam.DoFn):
        super().__init__()
        self.step = step

    def expand(self, elements):
        pairs = elements | beam.ParDo(self.step)
        return tuple(
            pairs
            | f"Good: {good}" >> beam.Filter(_is, good)
            | f"Element: {good}" >> beam.Map(operator.itemgetter(1))
            for good in (True, False)
        )


def _is(pair: tuple[bool, object], good: bool) -> bool:
    return pair[0] == good


class _Find(beam.DoFn):
    """Arguments become photos, each once."""

    def __init__(self, output: str):
        self.output = output

    def process(self, arguments: Sequence[str]) -> Iterator:
        try:
            for found in dict.fromkeys(find(arguments, self.output)):
                if found.left_out:
                    _count(f"left out: {found.left_out}")
                else:
                    yield True, found
        except UserError as error:
            _, _, why = str(error).partition(": ")
            yield _failure(str(error).removesuffix(f": {why}"), UserError(why))


class _Kinds(beam.DoFn):
    """Photos, with the kinds of their results, by `key_of`."""

    def __init__(self, options: UpscaleOptions):
        self.options = options

    def process(self, found: Found) -> Iterator:
        try:
            kind = kind_for(found.path, self.options)
            yield True, (key_of(found), (found, kind))
        except (UserError, OSError) as error:
            yield _failure(found.path, error)


def _places(
    keyed: tuple[str, Iterable[tuple[Found, str]]], plan: Plan
) -> Iterator[Job]:
    return places_for(((Found(*found), kind) for found, kind in keyed[1]), plan)


class _Upscale(beam.DoFn):
    """Makes results and writes them; a process has one model."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.shared = Shared()

    def setup(self) -> None:
        self.model = self.shared.acquire(
            functools.partial(load_wanted, self.plan.options)
        )

    def process(self, job: Job) -> Iterator:
        job = Job(*job)
        try:
            if job.done or (self._is_done(job) and not job.replace):
                _count("done")
                return
            kilopixels = self._make(job)
            _count("made")
            _count("kilopixels", kilopixels)
            yield True, job.target
        except Taken:
            yield _failure(job.path, UserError(f"{job.target} is another's by now"))
        except (UserError, OSError) as error:
            yield _failure(job.path, error)

    def _is_done(self, job: Job) -> bool:
        """Whether it has been done since, as where a bundle runs twice."""
        return exists(job.target) and is_done(job, record_at(job.target), self.plan)

    def _make(self, job: Job) -> int:
        options, size = self.plan.options, self.plan.size
        settings = self.plan.settings(job.kind)
        with local_copy(job.path) as local:
            if animation_of(local, job.kind):
                raise UserError("is an animation: upscale it without --beam")
            source = Source(local, local.parent)
            suffix = KINDS[job.kind].suffixes[0]
            wish = Wish(source, job.kind, suffix, size, options, settings)
            checked_header(wish, options)
            origin = origin_at(job.path, os.path.dirname(job.target), local)
            photo = read_photo_file(local, max_megapixels=options.max_megapixels)
        pixels = upscaled(photo.pixels, self.model, scale=size.scale)
        result, record = Photo(pixels, photo.metadata), Record(origin, settings)
        if job.older and exists(job.target):
            _step_aside(job.target, str(size))
        lost = write_whole(
            job.target,
            lambda path: record.write_with(result, path, job.kind, options),
            replace=job.replace,
        )
        say_lost(job.target, lost)
        height, width = photo.pixels.shape[:2]
        return round(height * width / 1000)


def _step_aside(target: str, size: str) -> None:
    """Gives an earlier result another name, with a number."""
    folder, name = os.path.split(target)
    stem, suffix = os.path.splitext(name)
    stem = stem.rpartition(f"_{size}")[0] or stem
    for number in itertools.count(2):
        aside = f"{folder}/{numbered(stem, f'_{size}', number, suffix)}"
        if not exists(aside):
            FileSystems.rename([target], [aside])
            return


def _write_failures(failures: Sequence[tuple[str, str]], path: str) -> None:
    """Lists what failed; of an earlier run no list stays."""
    if failures:
        text = "".join(f"{name}: {why}\n" for name, why in sorted(failures))
        write_whole(path, lambda local: local.write_text(text), replace=True)
    elif exists(path):
        FileSystems.delete([path])


def _tell(counts: Counter[str], failures: str) -> None:
    """Says how it went.

    Raises:
        UserError: If photos failed.
    """
    left_out = {
        name.removeprefix("left out: "): count
        for name, count in sorted(counts.items())
        if name.startswith("left out: ")
    }
    if left_out:
        words = ", ".join(f"{count} {kind}" for kind, count in left_out.items())
        print(f"Left out {words}.")
    if counts:
        print(_summary(counts))
    if exists(failures):
        with open_to_read(failures) as file:
            lines = file.read().decode().splitlines()
        shown = [*lines[:_SHOWN], *(["..."] if len(lines) > _SHOWN else [])]
        raise UserError(
            "\n  ".join([f"{len(lines)} failed, listed in {failures}:", *shown])
        )


def _summary(counts: Counter[str]) -> str:
    total = counts["made"] + counts["done"] + counts["failed"]
    done = counts["done"]
    before = f"; {done} done before (--overwrite redoes them)" if done else ""
    return (
        f"Upscaled {counts['made']} of {total} photos, "
        f"{counts['kilopixels'] / 1000:,.1f} megapixels{before}."
    )
