"""JPEG's segments beside the pixels, each of at most 64 KiB.

Adobe's XMP specification, part 3, section 1.1.3 (with packets in several segments);
Photoshop's resources and comments may take several as well.
"""

import hashlib
import itertools
import re
import struct
from collections.abc import Iterable
from typing import NamedTuple

LONGEST = 65_533  # bytes of data in a segment
XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_EXTENDED = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/'
    b'02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:xmpNote="http://ns.'
    b'adobe.com/xmp/note/" xmpNote:HasExtendedXMP="%s"/></rdf:RDF></x:xmpmeta>'
)
# What begins so is read by Pillow, or is of use for this file's pixels only.
_KNOWN = {
    "APP0": (b"JFIF", b"JFXX"),
    "APP1": (b"Exif\0", XMP),
    "APP2": (b"ICC_PROFILE\0", b"FPXR\0", b"MPF\0"),
    "APP12": (b"Ducky",),
    "APP13": (b"Adobe_CM",),
    "APP14": (b"Adobe",),
    "APP15": (b'{"srgan_tf"',),
}
_PRINTABLE = range(32, 127).__contains__
CREDENTIALS = "content credentials, which hold for the original only"
_GAIN_MAP = b"urn:iso:std:iso:ts:21496:"


class Segments(NamedTuple):
    """What Pillow leaves in the segments.

    Attributes:
        comments: In their order.
        resources: Photoshop's, as one block.
        extensions: Further parts of XMP, by their checksums.
        lost: What is not understood, in words.
    """

    comments: list[bytes]
    resources: bytes
    extensions: dict[bytes, bytes]
    lost: list[str]


def read_segments(segments: Iterable[tuple[str, bytes]]) -> Segments:
    """Sorts the segments of Pillow's `applist`."""
    comments: list[bytes] = []
    resources = b""
    lost: dict[str, None] = {}
    parts: dict[bytes, dict[int, bytes]] = {}
    segments = list(segments)
    boxes = b"".join(data for name, data in segments if name == "APP11")
    for name, data in segments:
        if name == "COM":
            comments.append(data)
        elif name == "APP13" and data.startswith(_PHOTOSHOP):
            resources += data[len(_PHOTOSHOP) :]
        elif name == "APP1" and data.startswith(_EXTENSION):
            rest = data[len(_EXTENSION) :]
            offset = int.from_bytes(rest[36:40], "big")
            parts.setdefault(rest[:32], {})[offset] = rest[40:]
        elif name == "APP2" and data.startswith(_GAIN_MAP):
            lost["the gain map"] = None
        elif name == "APP11" and data.startswith(b"JP") and b"c2pa" in boxes:
            lost[CREDENTIALS] = None
        elif not data.startswith(_KNOWN.get(name, ())):
            word = "".join(map(chr, itertools.takewhile(_PRINTABLE, data[:20])))
            lost[f"the segment {name} {word}".rstrip()] = None
    extensions = {
        checksum: b"".join(data for _, data in sorted(pieces.items()))
        for checksum, pieces in parts.items()
    }
    return Segments(comments, resources, extensions, list(lost))


def joined_xmp(xmp: bytes, extensions: dict[bytes, bytes]) -> bytes:
    """A packet with the parts that it says are elsewhere.

    Raises:
        ValueError: If one is missing or damaged.
    """
    named = re.search(rb"HasExtendedXMP(?:\s*=\s*[\"']|>)(\w{32})", xmp)
    if not named:
        return xmp
    part = extensions.get(named[1], b"")
    if hashlib.md5(part, usedforsecurity=False).hexdigest().upper() != (
        named[1].decode().upper()
    ):
        raise ValueError("its further part is damaged")
    inside = re.search(rb"<rdf:RDF([^>]*)>(.*)</rdf:RDF>", part, re.DOTALL)
    main = re.search(rb"<rdf:RDF([^>]*[^/>])>(.*)</rdf:RDF>", xmp, re.DOTALL)
    if not inside or not main:
        raise ValueError("its further part has no place")
    spaces = b"".join(
        space
        for space, prefix in re.findall(rb"(\s+(xmlns:[^\s=]+)\s*=\S+)", inside[1])
        if prefix not in main[1]
    )
    end = main.end(1)
    return xmp[:end] + spaces + xmp[end : main.end(2)] + inside[2] + xmp[main.end(2) :]


def write_segments(xmp: bytes, resources: bytes, comments: Iterable[bytes]) -> bytes:
    """The segments for XMP, Photoshop's resources and comments, of any length."""
    out = []

    def add(marker: int, head: bytes, data: bytes) -> None:
        out.append(struct.pack(">BBH", 0xFF, marker, 2 + len(head) + len(data)))
        out.append(head + data)

    if len(XMP) + len(xmp) > LONGEST:
        checksum = hashlib.md5(xmp, usedforsecurity=False).hexdigest().upper().encode()
        add(0xE1, XMP, _EXTENDED % checksum)
        for offset, part in _parts(xmp, LONGEST - len(_EXTENSION) - 40):
            place = struct.pack(">LL", len(xmp), offset)
            add(0xE1, _EXTENSION + checksum + place, part)
    elif xmp:
        add(0xE1, XMP, xmp)
    for _, part in _parts(resources, LONGEST - len(_PHOTOSHOP)):
        add(0xED, _PHOTOSHOP, part)
    for comment in comments:
        for _, part in _parts(comment, LONGEST):
            add(0xFE, b"", part)
    return b"".join(out)


def _parts(data: bytes, size: int) -> Iterable[tuple[int, bytes]]:
    return ((at, data[at : at + size]) for at in range(0, len(data), size))
