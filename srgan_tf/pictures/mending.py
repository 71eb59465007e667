"""Picture files that are damaged although the picture in them is whole.

Where metadata or the frame around it has a wrong length, decoders lose the way to the
pixels. Those are looked for here, and put into a file whose lengths are right.
"""

import re
import struct

# WebP's pixels with their size (RFC 6386, 9.1; RFC 9649, 3.4), and what is beside them.
_WEBP_PIXELS = re.compile(
    rb"VP8(?: (?P<size>....)...\x9d\x01\x2a(?P<sides>....)"
    rb"|L(?P<size_l>....)\x2f(?P<sides_l>....))",
    re.DOTALL,
)
_WEBP_METADATA = (
    (0x20, re.compile(rb"ICCP(....)(?=.{36}acsp)", re.DOTALL)),
    (0x08, re.compile(rb"EXIF(....)(?=Exif|II|MM)", re.DOTALL)),
    (0x04, re.compile(rb"XMP (....)(?=\s*<)", re.DOTALL)),
)
_WEBP_ALPHA = 0x10
_JPEG_SEGMENT = re.compile(rb"\xff[\xc0-\xcf\xda-\xef\xfe]")
_METADATA = re.compile(rb"\xff[\xe0-\xef\xfe]")
_LEAST = {0xE0: 18, 0xEE: 14}  # bytes of those that decoders expect to be whole
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN = 0xDA
_JPEG_LONGEST = 65_535  # bytes of a segment without its marker


def is_sound_jpeg(head: bytes) -> bool:
    """Whether its segments lead to the pixels, as far as they are in a file's head.

    Decoders pass over what is between them, and may find a thumbnail there.
    """
    at = 2
    while at + 4 <= len(head):
        if head[at : at + 2] == b"\xff\xff":  # padding
            at += 1
        elif head[at + 1] == _JPEG_SCAN:
            return True
        elif not (end := _segment_end(head, at)):
            return False
        else:
            at = end
    return True


def mended(data: bytes) -> bytes | None:
    """A WebP or JPEG file's picture in a sound file; None if there is no such way."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP" and b"ANMF" not in data:
        return _mended_webp(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _mended_jpeg(data)
    return None


def _mended_webp(data: bytes) -> bytes | None:
    pixels = _WEBP_PIXELS.search(data, 12)
    if not pixels:
        return None
    start, stop = pixels.start(), _chunk_end(data, pixels.start())
    if stop > len(data):
        return None  # a part of them is missing
    if sides := pixels["sides"]:
        width, height = (side & 0x3FFF for side in struct.unpack("<2H", sides))
    else:
        (bits,) = struct.unpack("<L", pixels["sides_l"])
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    flags, chunks = 0, [data[start:stop]]
    alpha = data.find(b"ALPH", 12, start)
    if alpha >= 0 and start - _chunk_end(data, alpha) in (0, 1):
        chunks.insert(0, data[alpha : _chunk_end(data, alpha)])
        flags |= _WEBP_ALPHA
    elif pixels["sides_l"] and bits >> 28 & 1:
        flags |= _WEBP_ALPHA
    for flag, pattern in _WEBP_METADATA:
        for found in pattern.finditer(data, 12):
            end = _chunk_end(data, found.start())
            if end <= len(data) and not (found.start() < stop and end > start):
                chunk = data[found.start() : end]
                chunks.insert(0 if flag == 0x20 else len(chunks), chunk)
                flags |= flag
                break
    canvas = struct.pack("<2L", width - 1, height - 1)
    head = b"VP8X" + struct.pack("<2L", 10, flags) + canvas[:3] + canvas[4:7]
    body = b"WEBP" + head + b"".join(x + bytes(len(x) % 2) for x in chunks)
    return b"RIFF" + struct.pack("<L", len(body)) + body


def _chunk_end(data: bytes, start: int) -> int:
    (size,) = struct.unpack_from("<L", data, start + 4)
    return start + 8 + size


def _mended_jpeg(data: bytes) -> bytes | None:
    """With lengths by which one segment follows the other up to the pixels.

    Thumbnails are JPEG files inside segments: the largest picture is meant.
    """
    ways = {
        found.start(): frame
        for found in _JPEG_SEGMENT.finditer(data)
        if (frame := _frame_behind(data, found.start()))
    }
    if not ways:
        return None
    meant = max(ways.values(), key=lambda at: _area(data, at))
    starts = [at for at, frame in ways.items() if frame == meant]
    last, at = 2, 2
    kept = [data[:2]]
    while _METADATA.match(data, at):
        last, end = at, _segment_end(data, at)
        if end is None or any(at < start < end for start in starts):
            break
        if end - at >= _LEAST.get(data[at + 1], 0):
            kept.append(data[at:end])
        at = end
    sound = min((start for start in starts if start > last), default=0)
    if not sound or sound == at:
        kept.append(data[at:])
        return b"".join(kept) if sum(map(len, kept)) < len(data) else None
    damaged = b""
    if _METADATA.match(data, last) and sound - last - 2 <= _JPEG_LONGEST:
        length = struct.pack(">H", sound - last - 2)
        damaged = data[last : last + 2] + length + data[last + 4 : sound]
    return data[:last] + damaged + data[sound:]


def _frame_behind(data: bytes, at: int) -> int | None:
    """Where the frame header is, if segments lead from a place to the pixels."""
    frame = None
    while end := _segment_end(data, at):
        if data[at + 1] in _JPEG_FRAMES:
            frame = at
        if data[at + 1] == _JPEG_SCAN:
            return frame
        at = end
    return None


def _segment_end(data: bytes, at: int) -> int | None:
    """Where a segment ends by its length; None if there is none."""
    if not _JPEG_SEGMENT.match(data, at) or at + 4 > len(data):
        return None
    (length,) = struct.unpack_from(">H", data, at + 2)
    return at + 2 + length if length >= 2 else None


def _area(data: bytes, at: int) -> int:
    height, width = struct.unpack_from(">2H", data.ljust(at + 9, b"\0"), at + 5)
    return width * height
