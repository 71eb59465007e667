"""EXIF fields as they stand in the file, byte for byte.

The layout is that of TIFF 6.0 (section 2) and EXIF 3.0 (section 4.6). Pillow's class
takes texts for ASCII, guesses the types of what it writes, and moves maker notes, which
hold offsets of their own and break by that.
"""

import dataclasses
import os
import struct
from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import BinaryIO

from PIL import ExifTags

from srgan_tf.pictures.metadata.exif_layout import (
    BYTE,
    IFD,
    LETTERS,
    LONG,
    MAKER_NOTE,
    RATIONALS,
    SHORT,
    SIZES,
    Field,
    Writer,
)

# The IFDs: the first, and those that another points to by these tags.
ROOT = 0
EXIF, GPS, INTEROP = 0x8769, 0x8825, 0xA005
_PARENTS = {EXIF: ROOT, GPS: ROOT, INTEROP: EXIF}
# Tags that tell where in the file a further IFD is, as all of type IFD do.
_POINTERS = (*_PARENTS, 0x014A, 0x0190, 0xFE00)
_THUMBNAIL, _JPEG = 1, 0x0201
_PADDING = 0xEA1C  # room for later changes, left by Windows

# A maker note that stood further behind was in a TIFF file, not in an EXIF block.
_FURTHEST_NOTE = 65_536


@dataclasses.dataclass
class Exif:
    """The EXIF fields of a photo.

    Attributes:
        order: `<` or `>`, little or big endian.
        ifds: The fields by their tags, for each of `ROOT`, `EXIF`, `GPS`, `INTEROP`.
        has_thumbnail: Whether there was a small picture. It is not kept.
        damaged: Names of what could not be read.
    """

    order: str = ">"
    ifds: dict[int, dict[int, Field]] = dataclasses.field(
        default_factory=lambda: {ROOT: {}, EXIF: {}, GPS: {}, INTEROP: {}}
    )
    has_thumbnail: bool = False
    damaged: list[str] = dataclasses.field(default_factory=list)
    _note_offset: int | None = None

    def __bool__(self) -> bool:
        return any(self.ifds.values())

    @classmethod
    def read(cls, file: BinaryIO, skip: Collection[int] = ()) -> "Exif":
        """Reads an EXIF block or the fields of a TIFF file, also of a BigTIFF.

        Args:
            file: At any position.
            skip: Tags of the first IFD that are left out.

        Raises:
            ValueError: If it is neither.
        """
        file.seek(0)
        head = file.read(16)
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        if order is None or len(head) < 8:
            raise ValueError("no TIFF header")
        big = struct.unpack_from(order + "H", head, 2)[0] == 43
        first = struct.unpack_from(order + ("Q" if big else "L"), head, 8 if big else 4)
        exif = cls(order)
        following = exif._read_ifd(file, big, ROOT, first[0], skip)
        known = {first[0]}
        for ifd in _PARENTS:
            for pointer in [fields.pop(ifd, None) for fields in exif.ifds.values()]:
                offset = exif.whole_number(pointer) if pointer else 0
                if offset and offset not in known and not exif.ifds[ifd]:
                    exif._read_ifd(file, big, ifd, offset)
                elif pointer:  # in a circle, which some readers follow for ever
                    exif.damaged.append(field_name(ifd))
                known.add(offset)
        exif._leave_out_pointers()
        for ifd in (ROOT, EXIF):
            exif.ifds[ifd].pop(_PADDING, None)
        if following:
            thumbnail = cls(order)
            thumbnail._read_ifd(file, big, ROOT, following)
            exif.has_thumbnail = 0x0201 in thumbnail.ifds[ROOT]
        return exif

    def _read_ifd(
        self,
        file: BinaryIO,
        big: bool,
        ifd: int,
        offset: int,
        skip: Collection[int] = (),
    ) -> int:
        """Reads one IFD and returns the offset of the next, 0 if there is none."""
        count_format, entry = ("Q", "HHQ8s") if big else ("H", "HHL4s")
        entry, room = self.order + entry, 8 if big else 4
        try:
            file.seek(offset)
            head = file.read(struct.calcsize(self.order + count_format))
            (count,) = struct.unpack(self.order + count_format, head)
            entries = file.read(min(count, 65_535) * struct.calcsize(entry))
            (following,) = struct.unpack(
                self.order + ("Q" if big else "L"), file.read(room).rjust(room, b"\0")
            )
            whole = len(entries) - len(entries) % struct.calcsize(entry)
            if whole < count * struct.calcsize(entry):
                self.damaged.append(f"the end of IFD {ifd:#x}")
        except (struct.error, OSError, OverflowError):
            self.damaged.append(f"IFD {ifd:#x}")
            return 0
        for tag, kind, count, value in struct.iter_unpack(entry, entries[:whole]):
            size = count * SIZES.get(kind, 0)
            if tag in skip or not count:
                continue
            place = None
            if size > room:
                (place,) = struct.unpack(self.order + ("Q" if big else "L"), value)
                value = _read_at(file, place, size)
            if not size or len(value) < size:
                self.damaged.append(field_name(tag))
                continue
            self.ifds[ifd][tag] = Field(kind, value[:size])
            if (ifd, tag) == (EXIF, MAKER_NOTE):
                self._note_offset = place
        return following

    def _leave_out_pointers(self) -> None:
        """Takes out those that are left: in another block they lead anywhere."""
        for fields in self.ifds.values():
            for tag, field in list(fields.items()):
                if tag in _POINTERS or field.kind == IFD:
                    del fields[tag]
                    self.damaged.append(field_name(tag))

    def numbers_of(self, field: Field) -> list[int | float | Fraction]:
        """The numbers in a field.

        Raises:
            ZeroDivisionError: For a fraction that is none.
        """
        letter = LETTERS[field.kind]
        numbers = [x for (x,) in struct.iter_unpack(self.order + letter, field.data)]
        if field.kind in RATIONALS:
            return [Fraction(*pair) for pair in zip(numbers[::2], numbers[1::2])]
        return numbers

    def whole_number(self, field: Field) -> int:
        """The first number in a field; 0 if it is none or broken."""
        try:
            return int(self.numbers_of(field)[0])
        except (ArithmeticError, ValueError):
            return 0

    def set_numbers(self, ifd: int, tag: int, numbers: Sequence, kind: int) -> None:
        """Sets a field; whole numbers too large for its type get a `LONG`.

        Raises:
            struct.error: If they do not fit.
            ValueError: If there are none, or they are no numbers.
        """
        if kind in RATIONALS:
            pairs = [Fraction(x).limit_denominator(100_000) for x in numbers]
            numbers = [part for x in pairs for part in (x.numerator, x.denominator)]
        elif LETTERS[kind] not in "fd":
            numbers = [round(x) for x in numbers]
            if kind in (BYTE, SHORT) and max(numbers) >= 256 ** SIZES[kind]:
                kind = LONG
        data = struct.pack(f"{self.order}{len(numbers)}{LETTERS[kind]}", *numbers)
        self.ifds[ifd][tag] = Field(kind, data)

    def drop_largest(self) -> str:
        """Takes out the longest field and returns its name."""
        ifd, tag = max(
            ((ifd, tag) for ifd, fields in self.ifds.items() for tag in fields),
            key=lambda place: len(self.ifds[place[0]][place[1]].data),
        )
        del self.ifds[ifd][tag]
        return field_name(tag)

    def tobytes(self, thumbnail: bytes = b"") -> bytes:
        """The block, which begins with the TIFF header.

        Args:
            thumbnail: A JPEG file.
        """
        offsets = dict.fromkeys((*self.ifds, _THUMBNAIL, _JPEG), 0)
        for _ in range(2):  # the offsets are known when all has been laid out once
            writer = Writer(self.order, *self._kept_note())
            for ifd, fields in self._with_pointers(offsets).items():
                following = offsets[_THUMBNAIL] if thumbnail and ifd == ROOT else 0
                offsets[ifd] = writer.add_ifd(fields, following)
            if thumbnail:
                offsets[_THUMBNAIL] = writer.add_ifd(
                    {
                        0x0103: Field(SHORT, struct.pack(self.order + "H", 6)),
                        0x0201: self._pointer(offsets[_JPEG]),
                        0x0202: self._pointer(len(thumbnail)),
                    }
                )
                offsets[_JPEG] = writer.add(thumbnail)
        return writer.finished(offsets[ROOT])

    def _kept_note(self) -> tuple[bytes, int]:
        """The maker note and where it stood, if it can be there again."""
        note = self.ifds[EXIF].get(MAKER_NOTE)
        at = self._note_offset
        if note is None or at is None or not 8 <= at <= _FURTHEST_NOTE:
            return b"", 0
        return note.data, at

    def _with_pointers(self, offsets: dict[int, int]) -> dict[int, dict[int, Field]]:
        ifds = {ROOT: dict(self.ifds[ROOT])}
        for ifd in (INTEROP, EXIF, GPS):
            if fields := {**self.ifds[ifd], **ifds.get(ifd, {})}:
                ifds[ifd] = fields
                parent = ifds.setdefault(_PARENTS[ifd], {})
                parent[ifd] = self._pointer(offsets[ifd])
        return ifds

    def _pointer(self, offset: int) -> Field:
        return Field(LONG, struct.pack(self.order + "L", offset))


def field_name(tag: int) -> str:
    return ExifTags.TAGS.get(tag, f"field {tag:#06x}")


def _read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """So many bytes from there on, or none: no more is read than is in the file."""
    end = file.seek(0, os.SEEK_END)
    if offset + size > end:
        return b""
    file.seek(offset)
    return file.read(size)
