"""What a PNG file holds beside its pixels (W3C, PNG 3rd edition, section 11.3).

Pillow refuses a whole picture for a damaged text or one above a megabyte, and does not
know all colour chunks.
"""

import re
import struct
import zlib
from typing import NamedTuple

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Of the chunks that may be ignored, those that Pillow needs for pixels and animation.
_OF_PIXELS = (b"tRNS", b"acTL", b"fcTL", b"fdAT")
# Technical ones that say nothing of the photo, or nothing that is true of another file.
_OF_THE_FILE = (
    b"srGN",
    b"bKGD",
    b"hIST",
    b"sBIT",
    b"sPLT",
    b"tIME",
    b"iDOT",
    b"oFFs",
    b"vpAg",
)
COLOUR_SIZES = {
    b"cICP": 4,
    b"sRGB": 1,
    b"gAMA": 4,
    b"cHRM": 32,
    b"mDCV": 24,
    b"cLLI": 8,
}
XMP_KEYWORD = b"XML:com.adobe.xmp"
# Pillow reads no more of one compressed text, or profile, and of all texts together.
COMPRESSED, ALL_TEXTS = 1 << 20, 60 << 20
_LONGEST = 64 << 20
RAW_PROFILE = b"Raw profile type "


class Text(NamedTuple):
    """A note with its keyword.

    Attributes:
        keyword: Latin-1, 1 to 79 bytes.
        data: Latin-1, or UTF-8 if `utf8`, without zero bytes.
        utf8: Whether it is.
        language: Such as `en-GB`, or empty.
        translated: The keyword in that language, UTF-8, or empty.
        compressed: Whether it is in the file. Some readers of prompts know plain ones
            only.
    """

    keyword: bytes
    data: bytes
    utf8: bool = False
    language: bytes = b""
    translated: bytes = b""
    compressed: bool = False

    def decoded(self) -> str:
        """The text; UTF-8 is recognised even where Latin-1 was promised."""
        try:
            return self.data.decode()
        except UnicodeDecodeError:
            return self.data.decode("latin-1")


class PngParts(NamedTuple):
    """A PNG file taken apart.

    Attributes:
        pixels: The file without all else, which opens whatever that is.
        chunks: The rest, as pairs of name and data.
        damaged: What of it cannot be read, in words.
    """

    pixels: bytes
    chunks: list[tuple[bytes, bytes]]
    damaged: list[str]


def split_png(png: bytes) -> PngParts:
    """Takes a PNG file apart; one whose end is missing as far as it goes."""
    view, at = memoryview(png), len(PNG_SIGNATURE)
    pixels, chunks, damaged = [view[:at]], [], []
    while at + 12 <= len(png):
        size, name = struct.unpack_from(">L4s", png, at)
        data, end = view[at + 8 : at + 8 + size], at + 12 + size
        if end > len(png) or not name.isalpha():
            break
        if name[:1].isupper() or name in _OF_PIXELS:
            pixels.append(view[at:end])
        elif chunk(name, data) != view[at:end]:
            damaged.append(f"a damaged {name.decode()} chunk")
        elif name not in _OF_THE_FILE:
            chunks.append((name, bytes(data)))
        at = end
        if name == b"IEND":
            return PngParts(b"".join(pixels), chunks, damaged)
    # The end is missing: in the midst of the pixels, or behind them.
    if any(piece[4:8] == b"IDAT" for piece in pixels) and view[at + 4 : at + 8] != (
        b"IDAT"
    ):
        damaged.append("what stands behind the pixels")
        return PngParts(b"".join([*pixels, chunk(b"IEND", b"")]), chunks, damaged)
    return PngParts(b"".join([*pixels, view[at:]]), chunks, damaged)


def chunk(name: bytes, data: bytes | memoryview) -> bytes:
    """A chunk as it stands in the file."""
    crc = zlib.crc32(data, zlib.crc32(name))
    head, end = struct.pack(">L4s", len(data), name), struct.pack(">L", crc)
    return b"".join((head, data, end))


def inflate(data: bytes) -> bytes:
    """Decompresses.

    Raises:
        ValueError: If it is damaged, or longer than can be meant.
    """
    decompressor = zlib.decompressobj()
    try:
        out = decompressor.decompress(data, _LONGEST)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not decompressor.eof:
        raise ValueError("too long" if len(out) == _LONGEST else "incomplete")
    return out


def read_text(name: bytes, data: bytes) -> Text:
    """A text from its chunk: tEXt, zTXt or iTXt.

    Raises:
        ValueError: If it is damaged.
    """
    keyword, _, rest = data.partition(b"\0")
    if name == b"tEXt":
        return Text(keyword, rest)
    if name == b"zTXt":
        return Text(keyword, inflate(rest[1:]), compressed=True)
    compressed = rest[:1] == b"\1"
    language, translated, text = rest[2:].split(b"\0", 2)
    text = inflate(text) if compressed else text
    return Text(keyword, text, True, language, translated, compressed)


def write_text(text: Text) -> tuple[bytes, bytes]:
    """The chunk for a text: its name and data."""
    compressed = text.compressed and len(text.data) <= COMPRESSED
    data = zlib.compress(text.data) if compressed else text.data
    if text.utf8:
        head = (text.keyword, bytes((compressed, 0)) + text.language, text.translated)
        return b"iTXt", b"\0".join((*head, data))
    if compressed:
        return b"zTXt", text.keyword + b"\0\0" + data
    return b"tEXt", text.keyword + b"\0" + data


def read_raw_profile(text: Text) -> tuple[str, bytes] | None:
    """What ImageMagick puts into a text: kind, such as exif or iptc, and data.

    Raises:
        ValueError: If it is damaged.
    """
    if not text.keyword.startswith(RAW_PROFILE):
        return None
    _, _, *numbers = text.data.split()
    return text.keyword[len(RAW_PROFILE) :].decode("latin-1").lower(), bytes.fromhex(
        b"".join(numbers).decode("ascii")
    )


def write_raw_profile(kind: str, data: bytes) -> Text:
    """The reverse of `read_raw_profile`."""
    lines = "\n".join(re.findall(".{1,72}", data.hex()))
    body = f"\n{kind}\n{len(data):8d}\n{lines}\n"
    return Text(RAW_PROFILE + kind.encode(), body.encode(), compressed=True)
