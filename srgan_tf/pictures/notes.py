"""A note of ours in a picture or video file, in places that others pass over.

In PNG it is a private chunk that editors are not to copy into a changed picture, in
JPEG an application segment, in WebP a chunk, in AVIF, HEIC, JPEG XL, MP4 and MOV a box,
in MKV and WebM a void, in GIF an application extension. In TIFF and BMP, whose readers
follow offsets, it stands behind all else.
"""

import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

BEGINS = b'{"srgan_tf": '
PNG_CHUNK = b"srGN"
_VERSION = 1
_IEND = struct.pack(">L4sL", 0, b"IEND", zlib.crc32(b"IEND"))
_UUID = b"srgan_tf \xd6\x05\x1e\x8b\x47\xa2\x93"
_SEGMENT = b"\x18\x53\x80\x67"  # its length follows in eight bytes
_GIF_END = b";"
# As Adobe writes XMP: readers take any byte of the text for a length and leap on, until
# they come upon one of these, each of which leads to the end.
_LANDING = bytes([1, *range(255, -1, -1), 0])
_TAIL = 16_384  # bytes at the end of a file that a note is looked for in


def add_note(path: Path, kind: str, note: dict[str, Any]) -> None:
    """Adds a note to a picture or video file that has just been written.

    Args:
        path: The file.
        kind: One of `options.RESULT_FORMATS` or `options.VIDEO_FORMATS`.
        note: What JSON can hold, in some KB. The file's size is added as `size`.
    """
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        framed = _framed(
            kind, _encoded(note, size + len(_framed(kind, _encoded(note, 0))))
        )
        if kind == "png":
            file.seek(-len(_IEND), os.SEEK_END)
            framed += _IEND
        elif kind == "gif":
            file.seek(-len(_GIF_END), os.SEEK_END)
            framed += _GIF_END
        elif kind == "jpg":
            at = _end_of_segments(file)
            file.seek(at)
            framed += file.read()
            file.seek(at)
        file.write(framed)
        if kind == "webp":
            length = file.tell() - 8
            file.seek(4)
            file.write(struct.pack("<L", length))
        if kind in ("mkv", "webm"):
            _lengthen_segment(file, len(framed))


def _lengthen_segment(file: BinaryIO, added: int) -> None:
    """Lets Matroska's one segment reach over bytes added to the end."""
    file.seek(0)
    at = file.read(_TAIL).index(_SEGMENT) + len(_SEGMENT)
    file.seek(at)
    length = struct.unpack(">Q", file.read(8))[0]
    file.seek(at)
    file.write(struct.pack(">Q", length + added))


def _encoded(note: dict[str, Any], size: int) -> bytes:
    text = json.dumps({"srgan_tf": _VERSION, "size": f"{size:015}", **note})
    return f"{text}{' ' * (len(text) % 2)}".encode()  # chunks of WebP are even


def _framed(kind: str, data: bytes) -> bytes:
    if kind == "png":
        crc = zlib.crc32(data, zlib.crc32(PNG_CHUNK))
        return struct.pack(">L4s", len(data), PNG_CHUNK) + data + struct.pack(">L", crc)
    if kind == "jpg":
        return struct.pack(">BBH", 0xFF, 0xEF, 2 + len(data)) + data
    if kind == "webp":
        return PNG_CHUNK + struct.pack("<L", len(data)) + data
    if kind == "gif":
        return b"\x21\xff\x0bsrgan_tf1.0" + data + _LANDING
    if kind in ("tiff", "bmp"):
        return data
    if kind in ("mkv", "webm"):
        return b"\xec" + struct.pack(">Q", 1 << 56 | len(data)) + data
    return struct.pack(">L4s", 24 + len(data), b"uuid") + _UUID + data


def _end_of_segments(file: BinaryIO) -> int:
    """Where a JPEG file's first segment begins that is neither APPn nor a comment."""
    at = 2
    while True:
        file.seek(at)
        _, marker, length = struct.unpack(">BBH", file.read(4))
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            return at
        at += 2 + length


def read_note(path: Path) -> dict[str, Any] | None:
    """The note in a picture or video file; None if there is none.

    Raises:
        OSError: If the file cannot be read.
    """
    with path.open("rb") as file:
        return note_in(file, path.stat().st_size)


def note_in(file: BinaryIO, size: int) -> dict[str, Any] | None:
    """As `read_note`, of an open file of so many bytes."""
    if file.read(3) == b"\xff\xd8\xff":
        try:
            end = _end_of_segments(file)
        except struct.error:
            return None
        start = max(end - _TAIL, 0)
        file.seek(start)
        data = file.read(end - start)
    else:
        file.seek(max(size - _TAIL, 0))
        data = file.read()
    at = data.rfind(BEGINS)
    if at < 0:
        return None
    try:
        note, _ = json.JSONDecoder().raw_decode(data[at:].decode("latin-1"))
    except ValueError:
        return None
    note["size"] = int(note.get("size", 0))
    return note
