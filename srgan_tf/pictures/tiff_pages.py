"""TIFF files: which of their pages is the photo, and those that Pillow does not read.

Pillow reads 16-bit colour as 8 bit, and knows few combinations of further channels.
"""

import dataclasses

import numpy as np
import tifffile
from PIL import Image

from srgan_tf.errors import UserError
from srgan_tf.pictures.kinds import DEVELOP

ANIMATED = "has {} frames or pages; only single pictures are upscaled"
_REDUCED, _MASK = 1, 4  # of NewSubfileType
_SENSOR = (32803, 34892)  # photometric interpretations: a mosaic, linear raw values
_DNG_VERSION = 50706
_PREMULTIPLIED, _ALPHA = 1, 2  # of ExtraSamples
# LERC, LZMA, ZSTD, WebP: Pillow opens such files, and its libtiff may not read them.
_NOT_BY_PILLOW = (34887, 34925, 50000, 50001)
_COLOURS = {0: 1, 1: 1, 2: 3}  # channels of gray, inverted or not, and of RGB
# Of the largest value: how far a page may be from the first one in small.
_LIKENESS = 0.04


@dataclasses.dataclass(frozen=True)
class PhotoPage:
    """The page of a TIFF file that is the photo.

    Attributes:
        index: Its number.
        size: Width and height as stored.
        deep: Whether its values have more than 8 bits.
        own: Whether `read_page` reads it, and not Pillow.
        alpha: The number of the channel that is transparency.
        left_out: How many of its channels are neither colour nor transparency.
    """

    index: int
    size: tuple[int, int]
    deep: bool
    own: bool
    alpha: int | None
    left_out: int

    @classmethod
    def of(cls, tiff: tifffile.TiffFile) -> "PhotoPage":
        """Finds it in an open file.

        Raises:
            UserError: If there are several pictures, or what a camera's sensor saw.
        """
        pages = _full_pages(tiff.pages)
        for page in [*pages, *_full_pages(pages[0].pages)]:
            if page.photometric in _SENSOR or _DNG_VERSION in page.tags:
                raise UserError(f"is a camera raw file: {DEVELOP}")
        full = [
            (index, page)
            for index, page in enumerate(pages)
            if not page.subfiletype & (_REDUCED | _MASK)
        ]
        if not full:
            raise UserError(
                "holds reduced copies only, of a picture that is not stored as a page "
                "of its own: convert it to a plain TIFF or PNG first"
            )
        index, page = full[0]
        if not all(_is_copy_in_small(page, other) for _, other in full[1:]):
            raise UserError(ANIMATED.format(len(full)))
        extra = tuple(page.extrasamples)
        colours = _COLOURS.get(page.photometric)
        if colours and len(extra) < page.samplesperpixel - colours:
            extra = (0,) * (page.samplesperpixel - colours)  # not said: unspecified
        is_alpha = [kind in (_PREMULTIPLIED, _ALPHA) for kind in extra]
        first = page.samplesperpixel - len(extra)
        alpha = first + is_alpha.index(True) if any(is_alpha) else None
        deep = 8 < page.bitspersample <= 16
        return cls(
            index,
            (page.imagewidth, page.imagelength),
            deep,
            deep
            or bool(
                colours
                and page.bitspersample == 8
                and (extra or page.compression in _NOT_BY_PILLOW)
            ),
            alpha,
            len(extra) - (alpha is not None),
        )


def _full_pages(pages: tifffile.TiffPages | tuple | None) -> list[tifffile.TiffPage]:
    found: dict[int, tifffile.TiffPage] = {}
    for page in pages or ():
        if page.offset in found:  # they go in a circle
            break
        if isinstance(page, tifffile.TiffPage):
            found[page.offset] = page
    return list(found.values())


def _is_copy_in_small(page: tifffile.TiffPage, other: tifffile.TiffPage) -> bool:
    """Whether another page is the same picture with fewer pixels."""
    (width, height), (less, lower) = (
        (x.imagewidth, x.imagelength) for x in (page, other)
    )
    if less >= width or lower >= height or abs(less * height - lower * width) > width:
        return False
    large, small = (Image.fromarray(_gray(x)) for x in (page, other))
    reduced = large.resize(small.size, Image.Resampling.BOX)
    return float(np.abs(np.asarray(reduced) - np.asarray(small)).mean()) < _LIKENESS


def _gray(page: tifffile.TiffPage) -> np.ndarray:
    """The mean of a page's channels, float32 `[H, W]`, in parts of the largest."""
    pixels = _channels_last(page)
    largest = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    return pixels.mean(axis=-1, dtype=np.float32) / np.float32(largest)


def _channels_last(page: tifffile.TiffPage) -> np.ndarray:
    pixels = page.asarray()
    if pixels.ndim == 3 and page.planarconfig == 2 and page.samplesperpixel > 1:
        pixels = np.moveaxis(pixels, 0, -1)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def read_page(page: tifffile.TiffPage, photo: PhotoPage) -> np.ndarray:
    """Reads uint8 or uint16 `[H, W, C]`: gray or RGB, and alpha if there is one.

    Of 9 to 15 bits white becomes that of 16.

    Raises:
        UserError: If it holds something else.
    """
    if page.photometric not in _COLOURS:
        colours = tifffile.PHOTOMETRIC(page.photometric).name
        raise UserError(
            f"holds {page.bitspersample}-bit {colours}; gray and RGB are supported"
        )
    pixels, count = _channels_last(page), _COLOURS[page.photometric]
    if pixels.dtype not in (np.uint8, np.uint16) or pixels.ndim != 3:
        raise UserError(
            f"holds {pixels.dtype} values in the shape {pixels.shape}; of such "
            "pictures gray, RGB and alpha are supported"
        )
    largest = np.iinfo(pixels.dtype).max
    if 8 < page.bitspersample < 16:
        white = 2**page.bitspersample - 1
        pixels = np.round(pixels * (largest / white)).astype(pixels.dtype)
    colour = pixels[..., :count]
    if page.photometric == 0:
        colour = largest - colour
    if photo.alpha is None:
        return np.ascontiguousarray(colour)
    alpha = pixels[..., photo.alpha : photo.alpha + 1]
    if page.extrasamples[photo.alpha - count] == _PREMULTIPLIED:
        share = largest / np.maximum(alpha, 1).astype(np.float32)
        colour = np.minimum(np.round(colour * share), largest).astype(pixels.dtype)
    return np.concatenate([colour, alpha], axis=-1)
