"""A visitor's photo: from the bytes of its file to the file of its result."""

import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from srgan_tf.errors import UserError
from srgan_tf.files import whole_file
from srgan_tf.inference.choosing import choose
from srgan_tf.inference.comparison import comparison
from srgan_tf.inference.loading import kept_model
from srgan_tf.inference.results import Origin, Record
from srgan_tf.inference.settings import fingerprint, settings_of
from srgan_tf.inference.sizes import Size
from srgan_tf.inference.upscale import check_scale, upscale_pixels
from srgan_tf.options import RESULT_FORMATS, UpscaleOptions
from srgan_tf.pictures.formats import Header, Photo, read_header, read_photo_file
from srgan_tf.pictures.kinds import KINDS
from srgan_tf.pictures.writing import check_fits, encode_photo


class Made(NamedTuple):
    """What has been made of a photo.

    Attributes:
        result: The file, byte for byte that of `upscale - < photo`.
        before: PNG of the photo's middle, enlarged by bicubic.
        after: PNG of the same part of the result.
        lost: What of the photo's metadata the result cannot hold.
    """

    result: Path
    before: Path
    after: Path
    lost: list[str]


def check_photos(photos: Sequence[Path], most: float) -> list[Header]:
    """The headers of photos that together are not too large.

    Raises:
        UserError: If they are, or one cannot be read.
    """
    headers = []
    for photo in photos:
        try:
            headers.append(read_header(photo, max_megapixels=most))
        except UserError as error:
            raise UserError(f"{photo.name}: {error}") from None
    total = sum(header.width * header.height for header in headers) / 1e6
    if total > most:
        raise UserError(
            f"the photos have {total:.0f} megapixels together, more than "
            f"--max_megapixels={most:g}: take fewer at a time"
        )
    return headers


def make(
    photo: Path,
    header: Header,
    folder: Path,
    options: UpscaleOptions,
    progress: Callable[[int], object],
) -> Made:
    """Upscales a photo as the command line does.

    Args:
        photo: Its file.
        header: Of it.
        folder: An empty one, for the result.
        options: What is wanted.
        progress: Called with the number of LR pixels after each tile.

    Raises:
        UserError: If it cannot be done.
    """
    content = photo.read_bytes()
    kind = _kind(header, options)
    source = ",".join(options.model) or None
    dials = options.dials()
    model = kept_model(
        source, **dials, self_ensemble=options.self_ensemble, tile=options.tile
    )
    scale = check_scale(model, options.scale)
    depth = 2 if header.deep else 1
    channels = 3 + header.alpha
    check_fits(kind, scale * header.width, scale * header.height, channels * depth)
    before = read_photo_file(io.BytesIO(content), max_megapixels=options.max_megapixels)
    pixels = upscale_pixels(model, before.pixels, scale=scale, progress=progress)
    models = [fingerprint(str(share.model)) for share in choose(source, **dials)]
    record = Record(
        Origin.of_content(content), settings_of(options, kind, Size(scale), models)
    )
    result = folder / f"{photo.stem}_x{scale}{KINDS[kind].suffixes[0]}"
    with whole_file(result) as partial:
        sr = Photo(pixels, before.metadata)
        lost = record.write_with(sr, partial, kind, options)
    both = comparison(before, pixels)
    half = both.pixels.shape[1] // 2
    sides: list[Path] = []
    for name, part in (
        ("bicubic", both.pixels[:, :half]),
        ("sr", both.pixels[:, half:]),
    ):
        sides.append(folder / f"{photo.stem}_{name}.png")
        encode_photo(Photo(part, both.metadata), sides[-1], "png")
    return Made(result, sides[0], sides[1], lost)


def _kind(header: Header, options: UpscaleOptions) -> str:
    if options.format != "same":
        return options.format or "png"
    if header.kind not in RESULT_FORMATS:
        raise UserError(f"{KINDS[header.kind].title} is not written: choose another")
    return header.kind


class TimeLeft:
    """Says how long something will still take.

    Args:
        work: How much of it there is.
    """

    def __init__(self, work: float):
        self.work, self.done = work, 0.0
        self._began = time.monotonic()

    def __str__(self) -> str:
        if not self.done:
            return "starting"
        gone = time.monotonic() - self._began
        left = gone * (self.work / self.done - 1)
        if left < 90:
            return f"{left:.0f} seconds left"
        return f"{left / 60:.0f} minutes left"
