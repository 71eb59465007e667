"""Photoshop's image resources, among which are IPTC's captions and keywords.

Adobe Photoshop File Formats Specification, "Image Resources Section".
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

IPTC = 0x0404
OF_IPTC = (IPTC, 0x0425)  # the second is a digest of the first
_PATHS = range(2000, 2999)
# What speaks of the picture before, or is elsewhere in the file: layers, guides,
# thumbnails, the ICC profile, slices, EXIF and XMP.
_OUTDATED = (
    *(0x0400, 0x0402, 0x0408, 0x0409, 0x040C, 0x040F, 0x0410, 0x041A, 0x0422, 0x0423),
    *(0x0424, 0x0430, 0x0436),
)


class Resource(NamedTuple):
    """One image resource.

    Attributes:
        code: What it is.
        name: Usually empty.
        data: Its bytes.
    """

    code: int
    name: bytes
    data: bytes


def read_resources(block: bytes) -> tuple[list[Resource], bool]:
    """The resources in a block, and whether it is damaged behind them."""
    resources: list[Resource] = []
    at = 0
    while len(block[at:].strip(b"\0")):
        try:
            signature, code, length = struct.unpack_from(">4sHB", block, at)
            start = at + 10 + (length + 2) // 2 * 2  # the name fills whole pairs
            (size,) = struct.unpack_from(">L", block, start - 4)
        except struct.error:
            return resources, True
        if signature != b"8BIM" or start + size > len(block):
            return resources, True
        name = block[at + 7 : at + 7 + length]
        resources.append(Resource(code, name, block[start : start + size]))
        at = start + size + size % 2
    return resources, False


def write_resources(resources: Sequence[Resource]) -> bytes:
    """The reverse of `read_resources`."""
    out = []
    for code, name, data in resources:
        padding = bytes((len(name) + 1) % 2)
        head = struct.pack(">4sHB", b"8BIM", code, len(name)) + name + padding
        out += [head, struct.pack(">L", len(data)), data, bytes(len(data) % 2)]
    return b"".join(out)


def still_true(resources: Sequence[Resource], turned: bool) -> list[Resource]:
    """Those that hold for an enlarged picture; paths only if it was not turned."""
    return [
        resource
        for resource in resources
        if resource.code not in _OUTDATED and not (turned and resource.code in _PATHS)
    ]
