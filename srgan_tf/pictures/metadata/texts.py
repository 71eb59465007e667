"""Comments and PNG's texts as EXIF fields, where those who wrote them look for them."""

from collections.abc import Sequence

from srgan_tf.pictures.metadata.exif import EXIF, ROOT, Exif
from srgan_tf.pictures.metadata.exif_layout import ASCII, BYTE, UNDEFINED, Field
from srgan_tf.pictures.metadata.png import Text

_USER_COMMENT = (EXIF, 0x9286)
# By PNG's keywords (section 11.3.3.2) and image generators' own: Automatic1111 looks
# for its parameters in the user comment, ComfyUI for these two, where they begin with
# the keyword.
_HOMES = {
    b"Description": (ROOT, 0x010E),
    b"Author": (ROOT, 0x013B),
    b"Copyright": (ROOT, 0x8298),
    b"Software": (ROOT, 0x0131),
    b"Title": (ROOT, 0x9C9B),  # XPTitle, UTF-16
    b"Comment": _USER_COMMENT,
    b"parameters": _USER_COMMENT,
    b"prompt": (ROOT, 0x0110),
    b"workflow": (ROOT, 0x010F),
}
_XP_TITLE = 0x9C9B
_PREFIXED = (b"prompt", b"workflow")


def place_texts(texts: Sequence[Text], exif: Exif) -> list[str]:
    """Puts texts into EXIF fields that are free.

    Returns:
        What found no place, in words.
    """
    left: list[Text] = []
    for text in texts:
        home = _HOMES.get(text.keyword)
        if home is None or home[1] in exif.ifds[home[0]]:
            left.append(text)
        else:
            words = text.decoded()
            if text.keyword in _PREFIXED:
                words = f"{text.keyword.decode()}:{words}"
            exif.ifds[home[0]][home[1]] = _field(home[1], words, exif.order)
    ifd, tag = _USER_COMMENT
    if left and tag not in exif.ifds[ifd]:
        lines = (f"{text.keyword.decode('latin-1')}: {text.decoded()}" for text in left)
        exif.ifds[ifd][tag] = _field(tag, "\n".join(lines), exif.order)
        left = []
    return [f"the text {text.keyword.decode('latin-1')!r}" for text in left]


def _field(tag: int, words: str, order: str) -> Field:
    if tag == _XP_TITLE:
        return Field(BYTE, words.encode("utf-16-le") + b"\0\0")
    if tag != _USER_COMMENT[1]:
        return Field(ASCII, words.encode() + b"\0")
    if words.isascii():
        return Field(UNDEFINED, b"ASCII\0\0\0" + words.encode())
    return Field(
        UNDEFINED,
        b"UNICODE\0" + words.encode("utf-16-le" if order == "<" else "utf-16-be"),
    )
