"""Metadata made true of a result, and brought into what its format can hold."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from srgan_tf.pictures.metadata import jpeg, png
from srgan_tf.pictures.metadata.colour import (
    full_range,
    is_hdr,
    profile_of,
    sdr_of,
    to_srgb,
)
from srgan_tf.pictures.metadata.exif import EXIF, INTEROP, ROOT, Exif
from srgan_tf.pictures.metadata.exif_layout import SHORT
from srgan_tf.pictures.metadata.exif_sizes import ORIENTATION, resize_exif
from srgan_tf.pictures.metadata.geometry import Geometry
from srgan_tf.pictures.metadata.iptc import add_to_xmp, iptc_as_xmp
from srgan_tf.pictures.metadata.photoshop import (
    IPTC,
    OF_IPTC,
    still_true,
    write_resources,
)
from srgan_tf.pictures.metadata.reading import COLOUR_SPACE, INTEROP_INDEX
from srgan_tf.pictures.metadata.record import Metadata
from srgan_tf.pictures.metadata.texts import place_texts
from srgan_tf.pictures.metadata.xmp import resize_xmp

_MIME = {"jpg": "jpeg"}
# The longest ICC profile of each format; those that are not named hold any.
_LONGEST_PROFILE = {
    "bmp": 0,
    "gif": 0,
    "jxl": 0,
    "png": png.COMPRESSED - 1,
    "jpg": 255 * 65_519,
}
_COMMENT = b"Comment"
_LONGEST_EXIF = jpeg.LONGEST - len(b"Exif\0\0")
# EXIF's own colour space with its exponent, and what TIFF says of white and primaries.
_OTHER_COLOURS = ((EXIF, 0xA500), (ROOT, 0x013E), (ROOT, 0x013F))


def fit(
    metadata: Metadata, file_format: str, pixels: np.ndarray
) -> tuple[np.ndarray, Metadata]:
    """Says what goes into a file.

    Args:
        metadata: Of the photo that was read. It is not changed.
        file_format: Of the result: png, jpg, tiff, webp, bmp, or another that holds
            EXIF, XMP and a colour profile.
        pixels: The result, uint8 or uint16 `[H, W, C]`, in its format's channels.

    Returns:
        The pixels, with other numbers where the format cannot say what colours the old
        ones meant; and what the format holds of the metadata, true of the result. What
        it does not hold is named in `lost`.
    """
    fitted = metadata.copy()
    size = (pixels.shape[1], pixels.shape[0])
    geometry = Geometry(fitted.stored or size, fitted.orientation, size)
    fitted.stored, fitted.orientation = size, 1
    pixels, now_srgb = _fit_colour(fitted, file_format, pixels)
    _make_true(fitted, geometry, file_format, now_srgb)
    if file_format == "avif":
        # Pillow would take it out, and write the other fields anew by that.
        fitted.exif.ifds[ROOT].pop(ORIENTATION, None)
    if file_format in ("bmp", "gif"):
        comments = [text for text in fitted.texts if text.keyword == _COMMENT]
        if file_format == "gif":
            fitted.texts = [text for text in fitted.texts if text not in comments]
        _leave_out_all(fitted)
        fitted.texts = comments if file_format == "gif" else []
    elif file_format == "png":
        _limit_texts(fitted)
    else:
        texts = fitted.texts
        fitted.texts = []
        if file_format == "jpg":
            fitted.texts = [text for text in texts if text.keyword == _COMMENT]
            texts = [text for text in texts if text.keyword != _COMMENT]
        fitted.lost += place_texts(texts, fitted.exif)
        if file_format not in ("jpg", "tiff"):
            _iptc_into_xmp(fitted)
    return pixels, fitted


def _fit_colour(
    metadata: Metadata, file_format: str, pixels: np.ndarray
) -> tuple[np.ndarray, bool]:
    """Keeps the colours; returns the pixels and whether they are sRGB by conversion."""
    channels = pixels.shape[-1]
    icc, colour = metadata.icc, metadata.colour
    if file_format != "png":
        metadata.colour = {}
        code_points = colour.get(b"cICP")
        if code_points and not code_points[3]:
            pixels = full_range(pixels)
        if is_hdr(colour):
            metadata.icc = None
            metadata.lost.append(
                f"what is brighter than white, which {file_format} cannot hold"
            )
            return sdr_of(pixels, colour), True
        if code_points or not icc:
            try:
                icc = profile_of(colour, channels)
            except ValueError as error:
                metadata.lost.append(f"PNG's colour ({error})")
    metadata.icc = icc
    if not icc or (
        icc[16:20] == (b"GRAY" if channels < 3 else b"RGB ")
        and len(icc) <= _LONGEST_PROFILE.get(file_format, len(icc))
    ):
        return pixels, False
    metadata.icc = None
    if b"cICP" in metadata.colour:  # which comes first
        return pixels, False
    metadata.colour = {}
    try:
        return to_srgb(pixels, icc), True
    except ValueError as error:
        metadata.lost.append(f"the colour profile ({error})")
        return pixels, False


def _make_true(
    metadata: Metadata, geometry: Geometry, file_format: str, now_srgb: bool
) -> None:
    """Changes what is about the stored pixels."""
    exif = metadata.exif
    metadata.lost += resize_exif(exif, geometry)
    if now_srgb and COLOUR_SPACE in exif.ifds[EXIF]:
        exif.set_numbers(EXIF, COLOUR_SPACE, [1], SHORT)
        exif.ifds[INTEROP].pop(INTEROP_INDEX, None)
    if now_srgb:
        for ifd, tag in _OTHER_COLOURS:
            exif.ifds[ifd].pop(tag, None)
    if metadata.xmp:
        mime = f"image/{_MIME.get(file_format, file_format)}"
        try:
            metadata.xmp.decode()
            metadata.xmp, lost = resize_xmp(metadata.xmp, geometry, mime, now_srgb)
            metadata.lost += [words for words in lost if words not in metadata.lost]
        except ValueError as error:
            metadata.xmp = None
            metadata.lost.append(f"damaged XMP ({error})")
    turned = geometry.orientation != 1
    metadata.resources = still_true(metadata.resources, turned)
    least, most = (0.5, 65_535) if file_format == "jpg" else (0.01, 1e6)
    if metadata.dpi and not all(least <= x <= most for x in metadata.dpi):
        metadata.dpi = None
        metadata.lost.append("the resolution")


def _leave_out_all(metadata: Metadata) -> None:
    """For a format that holds pixels only."""
    there = {
        "EXIF": metadata.exif,
        "XMP": metadata.xmp,
        "IPTC and Photoshop's data": metadata.resources,
        "texts": metadata.texts,
    }
    metadata.lost += [words for words, found in there.items() if found]
    metadata.exif, metadata.xmp = Exif(), None
    metadata.resources, metadata.texts = [], []


def _limit_texts(metadata: Metadata) -> None:
    """Leaves out the longest of PNG's texts that together nothing would open."""
    while sum(len(text.data) for text in metadata.texts) > png.ALL_TEXTS:
        longest = max(metadata.texts, key=lambda text: len(text.data))
        metadata.texts.remove(longest)
        metadata.lost.append(f"the text {longest.keyword.decode('latin-1')!r}")


def _iptc_into_xmp(metadata: Metadata) -> None:
    """For a format that holds no IPTC."""
    for code, _, data in metadata.resources:
        if code == IPTC:
            properties, lost = iptc_as_xmp(data)
            metadata.lost += lost
            try:
                metadata.xmp = add_to_xmp(metadata.xmp, properties)
            except ValueError:
                metadata.lost.append("IPTC")
    if any(resource.code not in OF_IPTC for resource in metadata.resources):
        metadata.lost.append("Photoshop's data")
    metadata.resources = []


def png_chunks(fitted: Metadata, pixels: np.ndarray) -> bytes:
    """The chunks for a PNG file, to stand behind IHDR."""
    colour = dict(fitted.colour)
    if fitted.icc:
        colour.pop(b"sRGB", None)
        colour[b"iCCP"] = b"ICC Profile\0\0" + zlib.compress(fitted.icc)
    chunks = list(colour.items())
    if fitted.dpi:
        per_metre = (round(x / 0.0254) for x in fitted.dpi)
        chunks.append((b"pHYs", struct.pack(">LLB", *per_metre, 1)))
    if fitted.exif:
        chunks.append((b"eXIf", exif_block(fitted, pixels)))
    texts = list(fitted.texts)
    if fitted.xmp:
        texts.append(png.Text(png.XMP_KEYWORD, fitted.xmp, utf8=True))
    if fitted.resources:
        block = write_resources(fitted.resources)
        texts.append(png.write_raw_profile("iptc", block))
    chunks += map(png.write_text, texts)
    return b"".join(png.chunk(*chunk) for chunk in chunks)


def save_options(fitted: Metadata, file_format: str, pixels: np.ndarray) -> dict:
    """What Pillow's `save` needs to write it into any format but PNG and TIFF."""
    if file_format == "gif":
        return {"comment": b"\n".join(text.data for text in fitted.texts)}
    exif = exif_block(fitted, pixels) if fitted.exif else b""
    options = {"icc_profile": fitted.icc, "dpi": fitted.dpi, "exif": exif}
    if file_format == "jxl" and exif:
        options["exif"] = bytes(4) + exif  # as the format has it, and its plugin not
    if file_format != "jpg":
        options["xmp"] = fitted.xmp
    else:
        if len(exif) > _LONGEST_EXIF:
            exif = fitted.exif.tobytes()  # without the thumbnail
        while len(exif) > _LONGEST_EXIF:
            fitted.lost.append(fitted.exif.drop_largest())
            exif = fitted.exif.tobytes()
        options["exif"] = b"Exif\0\0" + exif if exif else b""
        options["extra"] = jpeg.write_segments(
            fitted.xmp or b"",
            write_resources(fitted.resources),
            [text.data for text in fitted.texts],
        )
    return {name: value for name, value in options.items() if value}


def exif_block(fitted: Metadata, pixels: np.ndarray) -> bytes:
    """EXIF from its TIFF header on, with a thumbnail if the photo had one."""
    if not fitted.exif.has_thumbnail:
        return fitted.exif.tobytes()
    step = max(1, max(pixels.shape[:2]) // 640)
    small = pixels[::step, ::step]
    if small.dtype == np.uint16:
        small = (small >> 8).astype(np.uint8)
    colours = small[..., :1] if small.shape[-1] < 3 else small[..., :3]
    thumbnail = Image.fromarray(np.broadcast_to(colours, (*small.shape[:2], 3)).copy())
    thumbnail.thumbnail((160, 160))
    jpeg_file = io.BytesIO()
    thumbnail.save(jpeg_file, "JPEG", quality=80)
    return fitted.exif.tobytes(jpeg_file.getvalue())
