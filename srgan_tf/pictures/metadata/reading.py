"""Metadata out of opened picture files; what is damaged is named and left out."""

import io
import math
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, cast

from PIL import Image, ImageCms, TiffImagePlugin

from srgan_tf.pictures.metadata import jpeg, png
from srgan_tf.pictures.metadata.colour import ADOBE_GAMMA, ADOBE_RGB, make_profile
from srgan_tf.pictures.metadata.exif import EXIF, INTEROP, ROOT, Exif
from srgan_tf.pictures.metadata.exif_sizes import RESOLUTION_UNIT, X_RESOLUTION
from srgan_tf.pictures.metadata.photoshop import IPTC, Resource, read_resources
from srgan_tf.pictures.metadata.record import Metadata

# Tags that tell how a TIFF file stores its pixels, and those of the layers behind them.
TIFF_LAYOUT = (
    *range(254, 260),
    *(262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284, 290, 291, 292, 293),
    *(297, 301, 317, *range(320, 338), *range(338, 348), *range(512, 533)),
)
_LAYERS = 37724
# Descriptions by tifffile, ImageJ and OME that state the sizes of an array.
_DESCRIPTION = 270
_OF_ARRAYS = rb"\{\"shape\"|ImageJ=|<\?xml[^>]*>\s*(<!--.*?-->\s*)?<OME"
TIFF_XMP, TIFF_IPTC, TIFF_PHOTOSHOP, TIFF_ICC = 700, 33723, 34377, 34675
# In EXIF's own words, the camera's files are in Adobe RGB (DCF 2.0, section 5.4).
COLOUR_SPACE, INTEROP_INDEX = 0xA001, 0x0001


def read_metadata(image: Image.Image, parts: png.PngParts | None = None) -> Metadata:
    """Takes the metadata out of a Pillow picture that was opened but not yet loaded.

    Args:
        image: The picture.
        parts: Of a PNG file, which must be the picture of their pixels.
    """
    metadata = Metadata(stored=image.size)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2  # image.size is upright already
        metadata.stored = (tags[256], tags[257])
        if _LAYERS in tags:
            metadata.lost.append("Photoshop's layers")
        _read_tiff(metadata, cast(BinaryIO, image.fp))
    elif parts:
        metadata.lost += parts.damaged
        _read_png(metadata, parts.chunks)
    else:
        _read_info(metadata, image.info)
        if image.format in ("JPEG", "MPO"):
            _read_jpeg(metadata, image)
        elif not metadata.icc and (code_points := _heif_colour(image)):
            metadata.colour[b"cICP"] = code_points
    metadata.dpi = metadata.dpi or _resolution(metadata.exif, image.info.get("dpi"))
    return _checked(metadata)


def read_pillow_metadata(image: Image.Image) -> Metadata:
    """Takes the metadata out of a Pillow picture in memory."""
    metadata = Metadata(stored=image.size)
    _read_info(metadata, {**image.info, "exif": image.getexif().tobytes()})
    return _checked(metadata)


def read_tiff_metadata(file: BinaryIO, width: int, height: int) -> Metadata:
    """Takes the metadata out of a TIFF file that Pillow cannot open."""
    metadata = Metadata(stored=(width, height))
    _read_tiff(metadata, file)
    return _checked(metadata)


def _read_info(metadata: Metadata, info: Mapping[Any, Any]) -> None:
    """What Pillow's plugins have found."""
    metadata.icc = info.get("icc_profile")
    xmp = info.get("xmp")
    metadata.xmp = xmp.encode() if isinstance(xmp, str) else xmp
    _read_exif(metadata, info.get("exif") or b"")
    if comment := info.get("comment"):
        comment = comment.encode() if isinstance(comment, str) else comment
        metadata.texts.append(_comment(comment))


def _comment(data: bytes) -> png.Text:
    """A comment of a format that leaves its encoding open."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return png.Text(b"Comment", data)
    return png.Text(b"Comment", data, utf8=not data.isascii())


def _read_exif(metadata: Metadata, block: bytes) -> None:
    while block.startswith(b"Exif\0\0"):
        block = block[6:]
    if block:
        try:
            metadata.exif = Exif.read(io.BytesIO(block), skip=(_LAYERS,))
        except ValueError:
            metadata.lost.append("damaged EXIF")
        _take_out(metadata)


def _read_tiff(metadata: Metadata, file: BinaryIO) -> None:
    try:
        metadata.exif = Exif.read(file, skip=(*TIFF_LAYOUT, _LAYERS))
    except ValueError:
        metadata.lost.append("damaged EXIF")
    metadata.exif.has_thumbnail = False  # what follows in a TIFF file is the next page
    description = metadata.exif.ifds[ROOT].get(_DESCRIPTION)
    if description and re.match(_OF_ARRAYS, description.data):
        del metadata.exif.ifds[ROOT][_DESCRIPTION]
        if not description.data.startswith(b"{"):
            metadata.lost.append("what microscopes say of the array")
    _take_out(metadata)


def _take_out(metadata: Metadata) -> None:
    """Moves what TIFF keeps among the EXIF fields to where it belongs."""
    fields = metadata.exif.ifds[ROOT]
    if field := fields.pop(TIFF_XMP, None):
        metadata.xmp = metadata.xmp or field.data
    if field := fields.pop(TIFF_ICC, None):
        metadata.icc = metadata.icc or field.data
    if field := fields.pop(TIFF_PHOTOSHOP, None):
        _read_photoshop(metadata, field.data)
    field = fields.pop(TIFF_IPTC, None)
    if field and all(resource.code != IPTC for resource in metadata.resources):
        metadata.resources.append(Resource(IPTC, b"", field.data))
    if metadata.exif.damaged:
        metadata.lost.append(f"damaged EXIF ({', '.join(metadata.exif.damaged)})")


def _read_photoshop(metadata: Metadata, block: bytes) -> None:
    resources, damaged = read_resources(block)
    metadata.resources += resources
    if damaged:
        metadata.lost.append("damaged Photoshop resources")


def _read_jpeg(metadata: Metadata, image: Any) -> None:
    segments = jpeg.read_segments(image.applist)
    metadata.texts = [_comment(comment) for comment in segments.comments]
    metadata.lost += segments.lost
    if segments.resources:
        _read_photoshop(metadata, segments.resources)
    if metadata.xmp:
        try:
            metadata.xmp = jpeg.joined_xmp(metadata.xmp, segments.extensions)
        except ValueError as error:
            metadata.lost.append(f"a part of XMP ({error})")
    if image.icclist and not metadata.icc:
        metadata.lost.append("a damaged colour profile")


def _read_png(metadata: Metadata, chunks: Sequence[tuple[bytes, bytes]]) -> None:
    for name, data in chunks:
        what = f"a damaged {name.decode()} chunk"
        try:
            if name == b"eXIf":
                _read_exif(metadata, data)
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
            _read_exif(metadata, data)
    elif kind in ("iptc", "8bim") and data.startswith(b"8BIM"):
        _read_photoshop(metadata, data)
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


def _resolution(exif: Exif, dpi: Any) -> tuple[float, float] | None:
    """Pixels per inch by the file's own way to say so, or else by EXIF."""
    fields = exif.ifds[ROOT]
    try:
        if not dpi and X_RESOLUTION in fields and X_RESOLUTION + 1 in fields:
            unit = fields.get(RESOLUTION_UNIT)
            per_inch = {0: 1.0, 2: 1.0, 3: 2.54}[exif.whole_number(unit) if unit else 0]
            tags = (X_RESOLUTION, X_RESOLUTION + 1)
            dpi = [exif.numbers_of(fields[tag])[0] * per_inch for tag in tags]
        x, y = map(float, dpi)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None
    return (x, y) if x > 0 and y > 0 and math.isfinite(x * y) else None


def _heif_colour(image: Any) -> bytes | None:
    """What an AVIF or HEIF file says in cICP's numbers, if it is not plain sRGB."""
    primaries, curve = 2, 2  # unspecified
    if known := image.info.get("nclx_profile"):  # by pillow-heif
        primaries = known["color_primaries"]
        curve = known["transfer_characteristics"]
    elif image.format == "AVIF" and image.fp:
        image.fp.seek(0)
        head = image.fp.read(65_536)
        at = head.find(b"colrnclx")
        if at >= 0:
            primaries, curve = struct.unpack_from(">HH", head.ljust(at + 12), at + 8)
    usual = primaries in (1, 2) and curve in (1, 2, 6, 13)
    return None if usual else bytes((primaries, curve, 0, 1))


def _checked(metadata: Metadata) -> Metadata:
    """Leaves out what cannot be read, and says what a camera's colours are."""
    if metadata.icc:
        try:
            ImageCms.ImageCmsProfile(io.BytesIO(metadata.icc))
        except OSError:
            metadata.icc = None
            metadata.lost.append("a damaged colour profile")
    if metadata.xmp:
        metadata.xmp = metadata.xmp.strip(b"\0")
    exif = metadata.exif.ifds
    index = exif[INTEROP].get(INTEROP_INDEX)
    adobe_rgb = index and index.data.startswith(b"R03") and COLOUR_SPACE in exif[EXIF]
    if adobe_rgb and not metadata.icc and not metadata.colour:
        metadata.icc = make_profile(3, ADOBE_RGB, ADOBE_GAMMA)
    return metadata
