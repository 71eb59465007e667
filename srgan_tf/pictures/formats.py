"""Photo files: pixels as they are, upright, with all that was stored beside them.

Pillow reads 8-bit pictures and everybody's metadata. It reads 16-bit colour as 8 bit
without a word: other modules of this room do that.
"""

import dataclasses
import io
import logging
from typing import NamedTuple

import numpy as np
import tifffile
from PIL import Image, TiffImagePlugin, TiffTags

from srgan_tf.errors import UserError
from srgan_tf.options import MAX_MEGAPIXELS
from srgan_tf.pictures.deep_reading import jp2_profile, read_deep
from srgan_tf.pictures.jpeg_end import with_end
from srgan_tf.pictures.jxl import read_jxl
from srgan_tf.pictures.mending import mended
from srgan_tf.pictures.metadata import (
    ORIENTATION,
    Metadata,
    heif_colour,
    read_metadata,
    read_pillow_metadata,
    read_tiff_metadata,
)
from srgan_tf.pictures.modes import pixels_of, plain_mode, upright
from srgan_tf.pictures.opening import (
    DAMAGED,
    FIRST_FRAME,
    File,
    Opened,
    content,
    open_photo,
)
from srgan_tf.pictures.tiff_pages import read_page

log = logging.getLogger(__name__)


@dataclasses.dataclass
class Photo:
    """A picture in memory.

    Attributes:
        pixels: uint8 or uint16 `[H, W, C]`: gray, gray and alpha, RGB, or RGBA (alpha
            not multiplied into the colours).
        metadata: What was stored beside the pixels.
    """

    pixels: np.ndarray
    metadata: Metadata


class Header(NamedTuple):
    """What is known of a photo file before it is decoded.

    Attributes:
        kind: Its name in `KINDS`, such as `jpg`.
        width: In pixels as stored, which is the height if it is turned upright.
        height: Likewise.
        alpha: Whether it may have transparency.
        deep: Whether its values have more than 8 bits.
    """

    kind: str
    width: int
    height: int
    alpha: bool
    deep: bool


def read_header(file: File, *, max_megapixels: float = MAX_MEGAPIXELS) -> Header:
    """Reads what a photo file's header tells.

    Args:
        file: As in `read_photo_file`.
        max_megapixels: Likewise.

    Raises:
        UserError: If that suffices to refuse it, as `read_photo_file` would.
    """
    with open_photo(file, max_megapixels=max_megapixels) as opened:
        return Header(opened.kind, *opened.size, opened.alpha, opened.deep)


def read_photo_file(file: File, *, max_megapixels: float = MAX_MEGAPIXELS) -> Photo:
    """Reads a photo of any of the `KINDS`, turned upright.

    Palette, CMYK and CIELAB pictures become RGB (by their profile, where there is one);
    gray stays gray, alpha stays, more than 8 bits become 16. What of the file is not in
    the pixels is said in a warning.

    Args:
        file: A path, or the content of a file.
        max_megapixels: Above that it is refused.

    Raises:
        UserError: If the file cannot be read, is damaged, animated (of GIF and JPEG XL
            the first frame is taken), or of a kind that this package does not keep
            without loss.
    """
    with open_photo(file, max_megapixels=max_megapixels) as opened:
        photo = _decoded(opened)
        if 0 in photo.pixels.shape:
            raise UserError("has no pixels")
    for note in opened.notes:
        name = "The input" if isinstance(file, io.BytesIO) else file
        log.warning("%s %s.", name, note)
    return photo


def _decoded(opened: Opened) -> Photo:
    file, image, page = opened.file, opened.image, opened.page
    if image is not None:
        metadata = read_metadata(image, opened.png)
    if page and (page.own or image is None):
        with tifffile.TiffFile(file) as tiff:
            tiff_page = tiff.pages[page.index]
            assert isinstance(tiff_page, tifffile.TiffPage)
            pixels = read_page(tiff_page, page)
        if image is None:
            metadata = read_tiff_metadata(io.BytesIO(content(file)), *opened.size)
        return Photo(upright(pixels, metadata.make_upright()), metadata)
    assert image is not None
    orientation = metadata.make_upright()
    if opened.kind == "jxl":
        # The decoder turned it, by what JPEG XL itself says.
        pixels, frames = read_jxl(content(file))
        if frames > 1:
            opened.notes.append(FIRST_FRAME.format(frames))
        return Photo(pixels, metadata)
    if opened.deep:
        pixels = read_deep(image, opened.png.pixels if opened.png else content(file))
    else:
        image = _loaded(image, opened)
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            # Pillow turned it, while loading, and took the field out.
            orientation = image.tag_v2.get(ORIENTATION, 1)
        image.info["icc_profile"] = icc = metadata.icc
        image, metadata.icc = plain_mode(image)
        if icc and not metadata.icc:
            metadata.lost.append("a colour profile that is not for such pixels")
        pixels = pixels_of(image)
    if opened.kind == "jp2" and metadata.icc is None:
        metadata.icc = jp2_profile(content(file))
    return Photo(upright(pixels, orientation), metadata)


def _loaded(image: Image.Image, opened: Opened) -> Image.Image:
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        exif = image.getexif()
        for pointer in TiffTags.TAGS_V2_GROUPS:
            # Pillow would follow it, and fail where that is damaged.
            exif.pop(pointer, None)
    try:
        image.load()
    except OSError:
        data = content(opened.file) if opened.kind == "jpg" else b""
        if whole := mended(data):
            opened.notes.append(DAMAGED)
        elif whole := with_end(data):
            opened.notes.append("lacks its last bytes; the picture is whole")
        else:
            raise
        image = Image.open(io.BytesIO(whole))
        image.load()
    return image


def photo_of(image: Image.Image) -> Photo:
    """A Pillow picture as people see it: upright, with what is stored beside it.

    Raises:
        UserError: If it holds 32-bit values.
    """
    colour = heif_colour(image)
    image.load()  # Pillow turns TIFF upright then
    metadata = read_pillow_metadata(image, colour)
    plain, metadata.icc = plain_mode(image)
    return Photo(upright(pixels_of(plain), metadata.make_upright()), metadata)
