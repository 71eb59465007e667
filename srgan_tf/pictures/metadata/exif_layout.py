"""TIFF's types, and IFDs as bytes (TIFF 6.0, section 2)."""

import struct
from typing import NamedTuple

MAKER_NOTE = 0x927C
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, IFD = 1, 2, 3, 4, 5, 7, 13
LETTERS = dict(enumerate("BBHLLBBhllfdL", start=1)) | {129: "B"}  # 129 is UTF-8
RATIONALS = (RATIONAL, 10)
SIZES = {
    kind: struct.calcsize("=" + letter) * (2 if kind in RATIONALS else 1)
    for kind, letter in LETTERS.items()
}


class Field(NamedTuple):
    """A value: its TIFF type and its bytes, in the byte order of the whole block."""

    kind: int
    data: bytes


class Writer:
    """Lays out a block around a maker note, which stays where it was."""

    def __init__(self, order: str, note: bytes, note_at: int) -> None:
        self.order, self.note = order, note
        self.taken = range(note_at, note_at + len(note))
        self.block = bytearray(8)

    def add(self, data: bytes) -> int:
        """Appends data and returns its offset."""
        start = len(self.block) + len(self.block) % 2
        if start < self.taken.stop and start + len(data) > self.taken.start:
            start = self.taken.stop + self.taken.stop % 2
        self.block += bytes(start - len(self.block)) + data
        return start

    def add_ifd(self, fields: dict[int, Field], following: int = 0) -> int:
        """Appends an IFD with its values and returns its offset."""
        entry = self.order + "HHL4s"
        start = self.add(bytes(6 + struct.calcsize(entry) * len(fields)))
        struct.pack_into(self.order + "H", self.block, start, len(fields))
        at = start + 2
        for tag, (kind, data) in sorted(fields.items()):
            value = data.ljust(4, b"\0")
            if len(data) > 4:
                is_note = self.note and tag == MAKER_NOTE
                offset = self.taken.start if is_note else self.add(data)
                value = struct.pack(self.order + "L", offset)
            count = len(data) // SIZES[kind]
            struct.pack_into(entry, self.block, at, tag, kind, count, value)
            at += struct.calcsize(entry)
        struct.pack_into(self.order + "L", self.block, at, following)
        return start

    def finished(self, first: int) -> bytes:
        self.block += bytes(max(0, self.taken.stop - len(self.block)))
        self.block[self.taken.start : self.taken.stop] = self.note
        mark = b"II*\0" if self.order == "<" else b"MM\0*"
        self.block[:8] = mark + struct.pack(self.order + "L", first)
        return bytes(self.block)
