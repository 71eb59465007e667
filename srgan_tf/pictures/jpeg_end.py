"""JPEG files whose end is missing although the picture is whole."""

import io

import numpy as np
from PIL import Image

_END = b"\xff\xd9"
_RESTARTS = [bytes((0xFF, marker)) for marker in range(0xD0, 0xD8)]


def with_end(data: bytes) -> bytes | None:
    """A JPEG file with its last two bytes, if nothing else is missing; else None.

    The picture is decoded twice, with different bytes behind what is there: where they
    show, they stand for pixels that are missing.
    """
    data = data.rstrip(b"\xff")
    pictures = []
    for filler in (b"\x2a", b"\xb5"):
        # With restart markers: a decoder that waits for one passes over all else.
        tail = b"".join(64 * filler + marker for marker in [*_RESTARTS, b""])
        try:
            with Image.open(io.BytesIO(data + tail + _END)) as image:
                pictures.append(np.asarray(image))
        except OSError:
            return None
    return data + _END if np.array_equal(pictures[0], pictures[1]) else None
