"""What is stored beside a photo's pixels: EXIF, colour profile, XMP, resolution."""

import dataclasses
import io
import logging
import math
import re
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo, putchunk

log = logging.getLogger(__name__)

_SUB_IFDS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
ORIENTATION = 0x0112
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
# TIFF keeps these and the EXIF texts in one place; they tell how its pixels are stored,
# or are handled here by name (resolution, XMP, profile).
_TIFF_LAYOUT = (
    *range(254, 270),
    *(273, 277, 278, 279, 280, 281, 282, 283, 284, 292, 293, 296, 297, 301),
    *(317, *range(320, 327), 330, 332, 334, 336, *range(338, 348), *range(512, 533)),
    *(700, 33723, 34377, 34675),
)
_JPEG_SEGMENT = 65_500


@dataclasses.dataclass
class Metadata:
    """The metadata of one picture.

    Attributes:
        exif: Its EXIF fields, without file offsets.
        icc: Its colour profile.
        xmp: Its XMP packet.
        dpi: Pixels per inch, horizontally and vertically.
        has_thumbnail: Whether the EXIF held a small picture.
    """

    exif: Image.Exif = dataclasses.field(default_factory=Image.Exif)
    icc: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    has_thumbnail: bool = False

    @classmethod
    def of(cls, image: Image.Image) -> "Metadata":
        """Takes the metadata out of an open Pillow picture; damaged EXIF is dropped."""
        try:
            exif, has_thumbnail = _detached(image)
        # Pillow fails on damaged EXIF in many ways; the pixels are still good.
        except Exception as error:
            log.warning("The EXIF of %s is damaged (%s).", image.filename, error)
            exif, has_thumbnail = Image.Exif(), False
        xmp = image.info.get("xmp")
        dpi = image.info.get("dpi")
        if dpi and not all(math.isfinite(x) and x > 0 for x in map(float, dpi)):
            dpi = None
        return cls(
            exif,
            image.info.get("icc_profile"),
            xmp.encode() if isinstance(xmp, str) else xmp,
            tuple(map(float, dpi)) if dpi else None,
            has_thumbnail,
        )

    def make_upright(self) -> int:
        """Returns the EXIF orientation, 1 to 8, and sets it to 1: upright."""
        orientation = self.exif.get(ORIENTATION, 1)
        if orientation not in range(1, 9):
            orientation = 1
        if ORIENTATION in self.exif:
            self.exif[ORIENTATION] = 1
        if orientation >= 5 and self.dpi:
            self.dpi = self.dpi[::-1]
        return orientation

    def icc_for(self, channels: int) -> bytes | None:
        """The colour profile, if it is one for that many channels."""
        space = b"GRAY" if channels < 3 else b"RGB "
        return self.icc if self.icc and self.icc[16:20] == space else None

    def xmp_for(self, height: int, width: int) -> bytes | None:
        """XMP with the size, and without an embedded thumbnail, which is outdated."""
        if not self.xmp:
            return None
        xmp = re.sub(rb"<xmp:Thumbnails>.*?</xmp:Thumbnails>", b"", self.xmp, flags=16)
        for names, value in (
            (rb"tiff:Orientation", 1),
            (rb"tiff:ImageWidth|exif:PixelXDimension", width),
            (rb"tiff:ImageLength|exif:PixelYDimension", height),
        ):
            field = rb"((?:%s)\s*(?:=\s*[\"']|>)\s*)\d+" % names
            xmp = re.sub(field, rb"\g<1>%d" % value, xmp)
        return xmp

    def exif_for(self, pixels: np.ndarray) -> bytes:
        """EXIF with the size and a thumbnail of `[H, W, C]`; empty if there is none.

        Begins with the TIFF header, without `Exif\\0\\0`.
        """
        self._set_size(*pixels.shape[:2])
        if not len(self.exif):
            return b""
        try:
            exif = self.exif.tobytes()[6:]
        except (struct.error, ValueError, TypeError, OverflowError) as error:
            log.warning("Left out EXIF that cannot be written (%s).", error)
            return b""
        return _with_thumbnail(exif, pixels) if self.has_thumbnail else exif

    def _set_size(self, height: int, width: int) -> None:
        for tags, size in ((_WIDTHS, width), (_HEIGHTS, height)):
            for fields in (self.exif, self.exif.get_ifd(ExifTags.IFD.Exif)):
                for tag in tags:
                    if tag in fields:
                        fields[tag] = size

    def save_options(self, file_format: str, pixels: np.ndarray) -> dict:
        """What Pillow's `save` needs to write it into a PNG, JPEG or WebP file."""
        height, width, channels = pixels.shape
        options = {"icc_profile": self.icc_for(channels), "dpi": self.dpi}
        xmp = self.xmp_for(height, width)
        options["exif"] = self.exif_for(pixels)
        if options["exif"] and file_format in ("jpg", "webp"):
            options["exif"] = b"Exif\0\0" + options["exif"]
        options["xmp"] = xmp
        if file_format == "png" and xmp:
            info = PngInfo()
            info.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
            options["pnginfo"] = info
        if file_format == "jpg":
            for name in ("exif", "xmp"):
                if len(options[name] or b"") > _JPEG_SEGMENT:
                    log.warning("Left out %s too long for a JPEG file.", name.upper())
                    del options[name]
        return {name: value for name, value in options.items() if value}

    def png_chunks(self, pixels: np.ndarray) -> bytes:
        """The chunks that hold it in a PNG file, to stand behind IHDR."""
        out = io.BytesIO()
        height, width, channels = pixels.shape
        if icc := self.icc_for(channels):
            putchunk(out, b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc))
        if self.dpi:
            per_metre = (round(x / 0.0254) for x in self.dpi)
            putchunk(out, b"pHYs", struct.pack(">IIB", *per_metre, 1))
        if exif := self.exif_for(pixels):
            putchunk(out, b"eXIf", exif)
        if xmp := self.xmp_for(height, width):
            putchunk(out, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
        return out.getvalue()

    def tiff_tags(self, pixels: np.ndarray) -> list[tuple]:
        """The fields of the first IFD as tifffile's `extratags`."""
        height, width, _ = pixels.shape
        self._set_size(height, width)
        tags = []
        for tag, value in self.exif.items():
            if isinstance(value, str):
                tags.append((tag, "s", 0, value, True))
            elif isinstance(value, int) and tag not in (*_WIDTHS, *_HEIGHTS):
                tags.append((tag, "I", 1, value, True))
        if xmp := self.xmp_for(height, width):
            tags.append((700, "B", len(xmp), xmp, True))
        return tags

    def add_sub_ifds(self, path: Path) -> None:
        """Adds the EXIF and GPS fields, which tifffile does not write, to its file.

        They and a longer first IFD are appended; the header then points there.
        """
        with path.open("r+b") as file:

            def append(make):
                end = file.seek(0, 2)
                offset = file.seek(end + end % 2)
                file.write(make(offset))
                return offset

            file.seek(4)
            file.seek(struct.unpack("<I", file.read(4))[0])
            (count,) = struct.unpack("<H", file.read(2))
            entries = [file.read(12) for _ in range(count)]
            for tag in _SUB_IFDS:
                if fields := self.exif.get_ifd(tag):
                    ifd = TiffImagePlugin.ImageFileDirectory_v2(group=tag)
                    for name, value in fields.items():
                        ifd[name] = value
                    offset = append(ifd.tobytes)
                    entries.append(struct.pack("<HHII", tag, 4, 1, offset))
            entries.sort(key=lambda entry: struct.unpack_from("<H", entry))
            first = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
            offset = append(lambda _: first)
            file.seek(4)
            file.write(struct.pack("<I", offset))


def _detached(image: Image.Image) -> tuple[Image.Exif, bool]:
    """A picture's EXIF without its file, and whether that holds a thumbnail."""
    source = image.getexif()
    exif = Image.Exif()
    exif.endian = source.endian or "<"
    layout = _TIFF_LAYOUT if image.format == "TIFF" else (700,)
    for tag, value in source.items():
        if tag not in layout and tag not in _SUB_IFDS:
            exif[tag] = value
    for tag in _SUB_IFDS:
        fields = dict(source.get_ifd(tag))
        if ExifTags.IFD.Interop in fields:
            fields[ExifTags.IFD.Interop] = dict(source.get_ifd(ExifTags.IFD.Interop))
        if fields:
            exif.get_ifd(tag).update(fields)
            exif[tag] = exif.get_ifd(tag)
    thumbnail = image.format != "TIFF" and 513 in source.get_ifd(ExifTags.IFD.IFD1)
    return exif, thumbnail


def _with_thumbnail(exif: bytes, pixels: np.ndarray) -> bytes:
    """Appends IFD1, the thumbnail, which Pillow reads but does not write."""
    step = max(1, max(pixels.shape[:2]) // 640)
    small = pixels[::step, ::step]
    if small.dtype == np.uint16:
        small = (small >> 8).astype(np.uint8)
    colours = small[..., :1] if small.shape[-1] < 3 else small[..., :3]
    thumbnail = Image.fromarray(np.broadcast_to(colours, (*small.shape[:2], 3)).copy())
    thumbnail.thumbnail((160, 160))
    jpeg = io.BytesIO()
    thumbnail.save(jpeg, "JPEG", quality=80)

    order = "<" if exif[:2] == b"II" else ">"
    exif = bytearray(exif + b"\0" * (len(exif) % 2))
    (first,) = struct.unpack_from(order + "I", exif, 4)
    (count,) = struct.unpack_from(order + "H", exif, first)
    struct.pack_into(order + "I", exif, first + 2 + 12 * count, len(exif))
    fields = ((259, 3, 6), (513, 4, 0), (514, 4, len(jpeg.getvalue())))
    end = len(exif) + 2 + 12 * len(fields) + 4
    exif += struct.pack(order + "H", len(fields))
    for tag, kind, value in fields:
        value = end if tag == 513 else value
        number = struct.pack(
            order + ("HH" if kind == 3 else "I"),
            *((value, 0) if kind == 3 else (value,)),
        )
        exif += struct.pack(order + "HHI", tag, kind, 1) + number
    return bytes(exif + b"\0\0\0\0" + jpeg.getvalue())
