"""Blocks of metadata, as several formats hold them, into one record."""

import io
import re
from typing import BinaryIO

from srgan_tf.pictures.metadata import png
from srgan_tf.pictures.metadata.exif import ROOT, Exif
from srgan_tf.pictures.metadata.photoshop import IPTC, Resource, read_resources
from srgan_tf.pictures.metadata.record import Metadata

# Tags that tell how a TIFF file stores its pixels, and those of the layers behind them.
TIFF_LAYOUT = (
    *range(254, 260),
    *(262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284, 290, 291, 292, 293),
    *(297, 301, 317, *range(320, 338), *range(338, 348), *range(512, 533)),
)
LAYERS = 37724
# Where in its file a picture's data are, which an EXIF block has no business to say.
_PLACES = (273, 279, 288, 289, 324, 325, 513, 514)
# Descriptions by tifffile, ImageJ and OME that state the sizes of an array.
_DESCRIPTION = 270
_OF_ARRAYS = rb"\{\"shape\"|ImageJ=|<\?xml[^>]*>\s*(<!--.*?-->\s*)?<OME"
TIFF_XMP, TIFF_IPTC, TIFF_PHOTOSHOP, TIFF_ICC = 700, 33723, 34377, 34675


def comment_text(data: bytes) -> png.Text:
    """A comment of a format that leaves its encoding open."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return png.Text(b"Comment", data)
    return png.Text(b"Comment", data, utf8=not data.isascii())


def take_exif(metadata: Metadata, block: bytes) -> None:
    while block.startswith(b"Exif\0\0"):
        block = block[6:]
    if block:
        try:
            metadata.exif = Exif.read(io.BytesIO(block), skip=(LAYERS, *_PLACES))
        except ValueError:
            metadata.lost.append("damaged EXIF")
        _sort_out(metadata)


def take_tiff(metadata: Metadata, file: BinaryIO) -> None:
    try:
        metadata.exif = Exif.read(file, skip=(*TIFF_LAYOUT, LAYERS))
    except ValueError:
        metadata.lost.append("damaged EXIF")
    metadata.exif.has_thumbnail = False  # what follows in a TIFF file is the next page
    description = metadata.exif.ifds[ROOT].get(_DESCRIPTION)
    if description and re.match(_OF_ARRAYS, description.data):
        del metadata.exif.ifds[ROOT][_DESCRIPTION]
        if not description.data.startswith(b"{"):
            metadata.lost.append("what microscopes say of the array")
    _sort_out(metadata)


def _sort_out(metadata: Metadata) -> None:
    """Moves what TIFF keeps among the EXIF fields to where it belongs."""
    fields = metadata.exif.ifds[ROOT]
    if field := fields.pop(TIFF_XMP, None):
        metadata.xmp = metadata.xmp or field.data
    if field := fields.pop(TIFF_ICC, None):
        metadata.icc = metadata.icc or field.data
    if field := fields.pop(TIFF_PHOTOSHOP, None):
        take_photoshop(metadata, field.data)
    field = fields.pop(TIFF_IPTC, None)
    if field and all(resource.code != IPTC for resource in metadata.resources):
        metadata.resources.append(Resource(IPTC, b"", field.data))
    if metadata.exif.damaged:
        metadata.lost.append(f"damaged EXIF ({', '.join(metadata.exif.damaged)})")


def take_photoshop(metadata: Metadata, block: bytes) -> None:
    resources, damaged = read_resources(block)
    metadata.resources += resources
    if damaged:
        metadata.lost.append("damaged Photoshop resources")
