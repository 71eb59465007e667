"""Metadata in the chunks of PNG."""

import struct
from collections.abc import Sequence

from srgan_tf.pictures.metadata import jpeg, png
from srgan_tf.pictures.metadata.photoshop import IPTC, Resource
from srgan_tf.pictures.metadata.record import Metadata
from srgan_tf.pictures.metadata.taking import take_exif, take_photoshop


def read_chunks(metadata: Metadata, chunks: Sequence[tuple[bytes, bytes]]) -> None:
    for name, data in chunks:
        what = f"a damaged {name.decode()} chunk"
        try:
            if name == b"eXIf":
                take_exif(metadata, data)
            elif name == b"iCCP":
                what = "a damaged colour profile"
                metadata.icc = png.inflate(data.partition(b"\0")[2][1:])
            elif name in png.COLOUR_SIZES:
                if len(data) != png.COLOUR_SIZES[name]:
                    raise ValueError
                metadata.colour[name] = data
            elif name in (b"tEXt", b"zTXt", b"iTXt"):
                keyword = data[:80].partition(b"\0")[0].decode("latin-1")
                what = f"the damaged text {keyword!r}"
                _read_png_text(metadata, png.read_text(name, data))
            elif name == b"caBX":
                metadata.lost.append(jpeg.CREDENTIALS)
            elif name == b"pHYs":
                _read_png_resolution(metadata, data)
            else:
                metadata.lost.append(f"the PNG chunk {name.decode()}")
        except (ValueError, struct.error):
            metadata.lost.append(what)


def _read_png_text(metadata: Metadata, text: png.Text) -> None:
    """Keeps a text; EXIF and the like inside one go where they belong."""
    kind, data = png.read_raw_profile(text) or ("", b"")
    if text.keyword == png.XMP_KEYWORD:
        metadata.xmp = text.data
    elif kind == "xmp" or (kind == "app1" and data.startswith(jpeg.XMP)):
        metadata.xmp = metadata.xmp or data.removeprefix(jpeg.XMP)
    elif kind in ("exif", "app1"):
        if not metadata.exif:
            take_exif(metadata, data)
    elif kind in ("iptc", "8bim") and data.startswith(b"8BIM"):
        take_photoshop(metadata, data)
    elif kind == "iptc":
        metadata.resources.append(Resource(IPTC, b"", data))
    elif kind in ("icc", "icm"):
        metadata.icc = metadata.icc or data
    else:
        metadata.texts.append(text)


def _read_png_resolution(metadata: Metadata, data: bytes) -> None:
    x, y, unit = struct.unpack(">LLB", data)
    if unit == 1 and x and y:
        metadata.dpi = (round(x * 0.0254, 2), round(y * 0.0254, 2))
    elif x != y:
        metadata.lost.append("the shape of its pixels")
