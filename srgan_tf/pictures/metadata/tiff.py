"""TIFF files whose first IFD has EXIF and other fields beside its picture's.

An EXIF block is a TIFF file without a picture. It becomes the beginning of the file, so
that all that it points to stays where it was; tifffile appends the picture; at the end
stands one IFD with the fields of both.
"""

import io
import struct
from pathlib import Path

from srgan_tf.pictures.metadata.exif import ROOT
from srgan_tf.pictures.metadata.exif_layout import BYTE, UNDEFINED, Field
from srgan_tf.pictures.metadata.photoshop import IPTC, write_resources
from srgan_tf.pictures.metadata.record import Metadata
from srgan_tf.pictures.metadata.taking import (
    TIFF_ICC,
    TIFF_IPTC,
    TIFF_LAYOUT,
    TIFF_PHOTOSHOP,
    TIFF_XMP,
)

# Written by tifffile from the resolution that it is given.
_RESOLUTION = (282, 283, 296)
_ENTRY, _EMPTY_IFD = 12, 6  # bytes


def begin_tiff(path: Path, fitted: Metadata) -> int:
    """Writes a file with all fields, to which tifffile can append a picture.

    Returns:
        Where the IFD with the fields is, for `finish_tiff`.
    """
    exif = fitted.copy().exif
    root = exif.ifds[ROOT]
    for tag in (*TIFF_LAYOUT, *_RESOLUTION):
        root.pop(tag, None)
    iptc = b"".join(data for code, _, data in fitted.resources if code == IPTC)
    others = [resource for resource in fitted.resources if resource.code != IPTC]
    for tag, kind, data in (
        (TIFF_ICC, UNDEFINED, fitted.icc),
        (TIFF_XMP, BYTE, fitted.xmp),
        (TIFF_IPTC, UNDEFINED, iptc),
        (TIFF_PHOTOSHOP, BYTE, write_resources(others)),
    ):
        if data:
            root[tag] = Field(kind, data)
    block = bytearray(exif.tobytes())
    (fields_at,) = struct.unpack_from(exif.order + "L", block, 4)
    block += bytes(len(block) % 2)
    # tifffile reads what it appends to: an empty IFD gives it nothing to stumble over.
    struct.pack_into(exif.order + "L", block, 4, len(block))
    path.write_bytes(block + bytes(_EMPTY_IFD))
    return fields_at


def finish_tiff(path: Path, fields_at: int) -> None:
    """Joins the fields and those of the appended picture, which come first."""
    with path.open("r+b") as file:
        order = "<" if file.read(2) == b"II" else ">"

        def read(form: str, offset: int) -> int:
            file.seek(offset)
            data = file.read(struct.calcsize(order + form))
            return struct.unpack(order + form, data)[0]

        def entries(offset: int) -> dict[int, bytes]:
            count = read("H", offset)
            listed = [file.read(_ENTRY) for _ in range(count)]
            return {struct.unpack(order + "H", x[:2])[0]: x for x in listed}

        picture_at = read("L", read("L", 4) + 2)
        joined = entries(fields_at) | entries(picture_at)
        ifd = struct.pack(order + "H", len(joined))
        ifd += b"".join(entry for _, entry in sorted(joined.items())) + bytes(4)
        end = file.seek(0, io.SEEK_END)
        first = file.seek(end + end % 2)
        file.write(ifd)
        file.seek(4)
        file.write(struct.pack(order + "L", first))
