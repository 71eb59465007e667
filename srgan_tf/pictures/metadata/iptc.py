"""IPTC's captions and keywords, for files that hold them as XMP only.

IPTC-IIM 4.2, chapter 6; the names in XMP are those of the Metadata Working Group's
Guidelines 2.0, section 5, and of IPTC Core.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from srgan_tf.pictures.metadata.xmp import NAMESPACES, places

_WRITTEN = ("dc", "photoshop", "Iptc4xmpCore")
_NOT_IN_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_EMPTY = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b"</rdf:RDF></x:xmpmeta>"
)
_FIELDS = {
    5: ("dc:title", "Alt"),
    10: ("photoshop:Urgency", ""),
    15: ("photoshop:Category", ""),
    20: ("photoshop:SupplementalCategories", "Bag"),
    25: ("dc:subject", "Bag"),
    40: ("photoshop:Instructions", ""),
    55: ("photoshop:DateCreated", ""),
    80: ("dc:creator", "Seq"),
    85: ("photoshop:AuthorsPosition", ""),
    90: ("photoshop:City", ""),
    92: ("Iptc4xmpCore:Location", ""),
    95: ("photoshop:State", ""),
    100: ("Iptc4xmpCore:CountryCode", ""),
    101: ("photoshop:Country", ""),
    103: ("photoshop:TransmissionReference", ""),
    105: ("photoshop:Headline", ""),
    110: ("photoshop:Credit", ""),
    115: ("photoshop:Source", ""),
    116: ("dc:rights", "Alt"),
    120: ("dc:description", "Alt"),
    122: ("photoshop:CaptionWriter", ""),
}
_APPLICATION, _VERSION, _DATE, _TIME = 2, 0, 55, 60


class Property(NamedTuple):
    """A property that is to be added.

    Attributes:
        name: With the usual prefix, one of `_WRITTEN`.
        container: Alt, Bag, Seq, or nothing for a single text.
        values: Its texts.
    """

    name: str
    container: str
    values: list[str]


def iptc_as_xmp(iptc: bytes) -> tuple[list[Property], list[str]]:
    """IPTC's fields as those of XMP, and names of those that have no place there."""
    fields: dict[int, list[str]] = {}
    lost = []
    for record, dataset, data in _records(iptc):
        if record == _APPLICATION and dataset in (*_FIELDS, _TIME):
            try:
                text = data.decode()
            except UnicodeDecodeError:
                text = data.decode("latin-1")
            fields.setdefault(dataset, []).append(text)
        elif record == _APPLICATION and dataset != _VERSION:
            lost.append(f"IPTC {record}:{dataset:02}")
    time = fields.pop(_TIME, [""])[0]
    if date := fields.get(_DATE):
        fields[_DATE] = [_iso(date[0], time)]
    return [Property(*_FIELDS[x], texts) for x, texts in fields.items()], lost


def _records(iptc: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while iptc[at : at + 1] == b"\x1c" and at + 5 <= len(iptc):
        record, dataset, size = struct.unpack_from(">BBH", iptc, at + 1)
        at += 5
        if size & 0x8000:  # so many bytes hold the size
            digits = size & 0x7FFF
            size = int.from_bytes(iptc[at : at + digits], "big")
            at += digits
        yield record, dataset, iptc[at : at + size]
        at += size


def _iso(date: str, time: str) -> str:
    """20240131 and 235959+0100 as 2024-01-31T23:59:59+01:00."""
    if len(date) == 8 and date.isdigit():
        date = f"{date[:4]}-{date[4:6]}-{date[6:]}"
        if len(time) >= 6 and time[:6].isdigit():
            zone = f"{time[6:9]}:{time[9:11]}" if len(time) >= 11 else ""
            date += f"T{time[:2]}:{time[2:4]}:{time[4:6]}{zone}"
    return date


def add_to_xmp(xmp: bytes | None, properties: Sequence[Property]) -> bytes | None:
    """A packet with further properties; those that it has stay as they are.

    Raises:
        ValueError: If there is no place for them.
    """
    xmp = xmp or _EMPTY
    there = {found.name for found in places(xmp)}
    new = [added for added in properties if added.name not in there]
    if not new:
        return None if xmp == _EMPTY else xmp
    end = xmp.rfind(b"</rdf:RDF>")
    if end < 0:
        raise ValueError("it has no end of rdf:RDF")
    spaces = " ".join(
        f'xmlns:{prefix}="{uri.decode()}"'
        for uri, prefix in NAMESPACES.items()
        if prefix in _WRITTEN
    )
    lines = [f'<rdf:Description rdf:about="" {spaces}>']
    for name, container, values in new:
        language = ' xml:lang="x-default"' if container == "Alt" else ""
        items = [escape(_NOT_IN_XML.sub("", value)) for value in values]
        if container:
            items = [f"<rdf:li{language}>{item}</rdf:li>" for item in items]
            items = [f"<rdf:{container}>", *items, f"</rdf:{container}>"]
        lines.append(f"<{name}>{''.join(items)}</{name}>")
    lines.append("</rdf:Description>")
    return xmp[:end] + "".join(lines).encode() + xmp[end:]
