"""All of a run that comes before computing: what is to be made, and what cannot be."""

import dataclasses
import functools
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from srgan_tf.errors import UserError
from srgan_tf.inference.animations import (
    animation_kind,
    animation_of,
    check_size,
    read_animation,
)
from srgan_tf.inference.jobs import Job, Places, Wish
from srgan_tf.inference.outputs import STDOUT, Output, read_output
from srgan_tf.inference.room import check_disks, check_folder, check_memory
from srgan_tf.inference.settings import fingerprint, known_scale, settings_of
from srgan_tf.inference.sizes import (
    Size,
    beyond,
    by_factor,
    is_in_pixels,
    size_in_pixels,
)
from srgan_tf.inference.sources import EARLIER, Source, find_sources, words_for
from srgan_tf.inference.steady import steady
from srgan_tf.inference.videos import (
    check_alone,
    check_for_videos,
    checked_video,
    video_kind,
)
from srgan_tf.options import (
    ANIMATION_FORMATS,
    RESULT_FORMATS,
    VIDEO_FORMATS,
    UpscaleOptions,
)
from srgan_tf.pictures.formats import Header, read_header, read_photo_file
from srgan_tf.pictures.kinds import KINDS, check_there
from srgan_tf.pictures.writing import check_fits, check_opaque
from srgan_tf.video.kinds import CONTAINERS, is_video


class Task(NamedTuple):
    """A job that can be done, as far as one can know.

    Attributes:
        job: Where its result goes.
        header: Of its photo, or of a video's frames.
        frames: How many frames of a video, about.
    """

    job: Job
    header: Header
    frames: int = 1

    @property
    def megapixels(self) -> float:
        """Of LR, in all."""
        return self.header.width * self.header.height * self.frames / 1e6


@dataclasses.dataclass
class Prepared:
    """What a run will do.

    Attributes:
        output: The place for results.
        places: Chooses files for results.
        tasks: What is to be made.
        done: Whose results are there already.
        failures: What is wrong with photos that cannot be upscaled, by their names.
        left_out: What of the folders is neither photo nor video, in words; empty if
            there is nothing.
        what: What they all are: photos, videos or files.
    """

    output: Output
    places: Places
    tasks: list[Task] = dataclasses.field(default_factory=list)
    done: list[Job] = dataclasses.field(default_factory=list)
    failures: dict[str, str] = dataclasses.field(default_factory=dict)
    left_out: str = ""
    what: str = "photos"


def prepare(
    arguments: Sequence[str],
    options: UpscaleOptions,
    *,
    models: Callable[[UpscaleOptions], Sequence[str]],
    model_scale: Callable[[], int],
) -> Prepared:
    """Finds out what is to be made, from names, headers and folders.

    Args:
        arguments: Files, folders, globs and `-`.
        options: What is wanted.
        models: Tells the model, or those to blend, by some options.
        model_scale: Tells the scale of one that is not released, by loading it.

    Raises:
        UserError: If the arguments and options do not go together, or the disk is full.
    """
    found = find_sources(arguments)
    output, file_format = read_output(options.output, found.sources, options.format)
    _check_options(options, output, file_format)
    check_for_videos(found.sources, options)
    models = functools.cache(models)  # it looks into a folder
    if not is_in_pixels(options):
        factor = Size(options.scale or known_scale(models(options)) or model_scale())
        _check_reach(models(options), factor)

    @functools.cache
    def hashes(look: UpscaleOptions) -> list[str]:
        return [fingerprint(model) for model in models(look)]

    failures: dict[str, str] = {}
    wishes = []
    for source in found.sources:
        try:
            kind = kind_of(source, file_format, output, options)
            moves = kind in CONTAINERS or animation_of(source.path, kind) is not None
            look = steady(options) if moves else options
            if is_in_pixels(options):
                size = _size_in_pixels(source, moves, options)
                look = by_factor(look, size.scale)
                _check_reach(models(look), size)
            else:
                size = factor
        except UserError as error:
            failures[str(source.path)] = str(error)
            continue
        settings = settings_of(look, kind, size, hashes(look))
        suffixes = (CONTAINERS if kind in CONTAINERS else KINDS)[kind].suffixes
        suffix = suffixes[0]
        if file_format == "same" and source.path.suffix.lower() in suffixes:
            suffix = source.path.suffix
        wishes.append(Wish(source, kind, suffix, size, look, settings))
    places = Places(
        wishes,
        output,
        kept=found.left_out.get(EARLIER, ()),
        compare=options.compare,
        overwrite=options.overwrite,
    )
    prepared = Prepared(output, places, failures=failures)
    prepared.left_out = words_for(found.left_out)
    if any(videos := [is_video(source.path) for source in found.sources]):
        prepared.what = "videos" if all(videos) else "files"
    for wish in wishes:
        try:
            job = places.choose(wish)
            if job.done:
                prepared.done.append(job)
                continue
            if wish.kind in CONTAINERS:
                task = Task(job, *checked_video(wish, options))
            elif animation := animation_of(wish.source.path, wish.kind):
                check_size(animation, wish.size.scale)
                task = Task(job, animation.header(), animation.frames)
            else:
                task = Task(job, checked_header(wish, options))
            check_folder(job.target.parent)
            prepared.tasks.append(task)
        except UserError as error:
            failures[str(wish.source.path)] = str(error)
    if not output.stream:
        photos = (task for task in prepared.tasks if task.job.wish.kind in KINDS)
        check_disks((task.job, task.header) for task in photos)
    return prepared


def _check_options(options: UpscaleOptions, output: Output, file_format: str) -> None:
    if output.stream and options.compare:
        raise UserError("--compare writes a second file: name a file or a folder.")
    if str(output.file) == STDOUT and sys.stdout.isatty():
        raise UserError("--output=-: the standard output is a terminal.")
    if file_format != "same" and file_format not in VIDEO_FORMATS:
        try:
            check_there(KINDS[file_format])
        except UserError as error:
            raise UserError(f"--format={file_format}: {error}.") from None
        _check_lossless(options, file_format)


def _check_lossless(options: UpscaleOptions, kind: str) -> None:
    if options.lossless and KINDS[kind].lossy and not KINDS[kind].lossless:
        raise UserError(
            f"--lossless: {KINDS[kind].title} always loses something; png does not"
        )


def kind_of(
    source: Source, file_format: str, output: Output, options: UpscaleOptions
) -> str:
    """The kind of file that a source becomes, of `RESULT_FORMATS` or `VIDEO_FORMATS`.

    Raises:
        UserError: If it cannot become what is wanted.
    """
    wanted = file_format if output.file else options.format
    animation = read_animation(source.path)
    if is_video(source.path) or (animation and wanted in VIDEO_FORMATS):
        return video_kind(source.path, output, options)
    if animation and (kind := animation_kind(animation.kind, wanted)):
        check_alone(output, options)
        check_there(KINDS[kind])
        return kind
    for formats, what in ((VIDEO_FORMATS, "video"), (ANIMATION_FORMATS, "animation")):
        if file_format in formats:
            if output.file:
                raise UserError(f"is no {what}: {file_format} is for {what}s")
            return "png"
    if file_format != "same":
        return file_format
    kind = read_header(source.file, max_megapixels=options.max_megapixels).kind
    if kind not in RESULT_FORMATS:
        raise UserError(
            f"is {KINDS[kind].title}, which is not written: choose another --format"
        )
    check_there(KINDS[kind])
    _check_lossless(options, kind)
    return kind


def _check_reach(models: Sequence[str], size: Size) -> None:
    """Refuses what released models do not reach; others are asked when loaded."""
    own = known_scale(models)
    if own and own < size.scale:
        wish = f"{size} needs x{size.scale}" if size.pixels else f"--scale={size.scale}"
        raise beyond(wish, own)


def _size_in_pixels(source: Source, moves: bool, options: UpscaleOptions) -> Size:
    if moves:
        raise UserError("--size and --long_side are for photos; this takes --scale")
    header = read_header(source.file, max_megapixels=options.max_megapixels)
    return size_in_pixels(header.width, header.height, options)


def checked_header(wish: Wish, options: UpscaleOptions) -> Header:
    """Of a photo whose result fits into memory and into its kind of file.

    Raises:
        UserError: If it does not, or the photo cannot be read.
    """
    header = read_header(wish.source.file, max_megapixels=options.max_megapixels)
    width, height = wish.size.of(header.width, header.height)
    deep = header.deep and KINDS[wish.kind].deep
    values = 3 + header.alpha
    check_fits(wish.kind, width, height, values * (2 if deep else 1))
    check_memory(width, height, values * (2 if header.deep else 1))
    if header.alpha and not KINDS[wish.kind].alpha:
        photo = read_photo_file(wish.source.file, max_megapixels=options.max_megapixels)
        check_opaque(wish.kind, photo.pixels)
    return header
