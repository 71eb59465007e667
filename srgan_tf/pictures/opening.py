"""Opening picture files: of which kind they are, and what is known before decoding."""

import contextlib
import dataclasses
import io
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import tifffile
from PIL import Image

from srgan_tf.errors import UserError, reason
from srgan_tf.options import MAX_MEGAPIXELS
from srgan_tf.pictures.deep_reading import depth
from srgan_tf.pictures.jxl import jxl_header
from srgan_tf.pictures.kinds import (
    DEVELOP,
    KINDS,
    RAW_SUFFIXES,
    check_there,
    is_there,
    readable,
)
from srgan_tf.pictures.mending import is_sound_jpeg, mended
from srgan_tf.pictures.metadata import PNG_SIGNATURE, PngParts, split_png
from srgan_tf.pictures.remarks import without_remarks
from srgan_tf.pictures.tiff_pages import ANIMATED, PhotoPage

File = str | os.PathLike | io.BytesIO
FIRST_FRAME = "has {} frames, of which the first is upscaled"
DAMAGED = "is damaged beside its picture, which is whole; some metadata may be lost"

_HEAD = 65_536
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_JXL = (b"\xff\x0a", b"\0\0\0\x0cJXL ")
_JPEG = b"\xff\xd8\xff"
_PICTURES = (_JPEG, b"\x89PNG")  # whatever their name says
_RAW = (b"FUJIFILMCCD-RAW", b"FOVb", b"\0MRM", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1"), "heic"),
}


@dataclasses.dataclass
class Opened:
    """A picture file that has been opened and not decoded.

    Attributes:
        file: What its pixels are read from.
        kind: Its name in `KINDS`.
        size: Width and height as stored.
        alpha: Whether it has transparency, if only the possibility of it.
        deep: Whether its values have more than 8 bits.
        notes: What of the file is not in its pixels.
        image: As Pillow sees it; None if it does not know that sort of TIFF.
        page: Where in a TIFF file the photo is.
        png: Of a PNG file, what is beside the pixels; `image` is that of the pixels.
    """

    file: File
    kind: str
    size: tuple[int, int]
    alpha: bool
    deep: bool
    notes: list[str]
    image: Image.Image | None
    page: PhotoPage | None = None
    png: PngParts | None = None


@contextlib.contextmanager
def open_photo(
    file: File, *, max_megapixels: float = MAX_MEGAPIXELS
) -> Iterator[Opened]:
    """Opens a photo; what goes wrong then or while it is decoded is one line.

    Args:
        file: A path, or the content of a file.
        max_megapixels: Above that it is refused.

    Raises:
        UserError: If it cannot be read, is damaged, too large, animated, or of a kind
            that this package does not keep without loss.
    """
    try:
        with without_remarks, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _opened(file, max_megapixels) as opened:
                yield opened
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError("there is no such file") from None
    except IsADirectoryError:
        raise UserError("is a folder") from None
    except MemoryError:
        raise UserError("does not fit into memory") from None
    # Decoders answer a damaged file with exceptions of nearly every kind.
    except Exception as error:
        raise UserError(f"cannot be read: {reason(error)}") from None


@contextlib.contextmanager
def _opened(file: File, max_megapixels: float) -> Iterator[Opened]:
    head = _read_head(file)
    suffix = "" if isinstance(file, io.BytesIO) else Path(file).suffix.lower()
    _refuse_raw(head, suffix)
    page = _tiff_page(file) if head.startswith(_TIFF) else None
    if page:
        _check_megapixels(page.size, max_megapixels)
    jxl = None
    if head.startswith(_JXL) and is_there(KINDS["jxl"]):
        jxl = jxl_header(content(file))
        _check_megapixels(jxl.size, max_megapixels)  # opening decodes it
    notes: list[str] = []
    if head.startswith(_JPEG) and not is_sound_jpeg(head):
        file = _mended(file, notes) or file
    with contextlib.ExitStack() as stack:
        parts = split_png(content(file)) if head.startswith(PNG_SIGNATURE) else None
        try:
            pixels = io.BytesIO(parts.pixels) if parts else file
            image = stack.enter_context(_open_by_pillow(pixels, suffix))
        except (OSError, ValueError) as error:
            image = None
            if not notes and (whole := _mended(file, notes)):
                file, image = whole, stack.enter_context(_open_by_pillow(whole, suffix))
            elif not isinstance(error, Image.UnidentifiedImageError):
                raise
            elif page is None:
                raise UserError(_what_it_is(head)) from None
        if page:
            opened = _opened_tiff(file, image, page)
        else:
            assert image is not None
            _check_megapixels(image.size, max_megapixels)
            kind = next(
                name for name, kind in KINDS.items() if image.format in kind.pillow
            )
            deep = (jxl.bits if jxl else depth(image, head)) > 8
            alpha = image.has_transparency_data
            opened = Opened(
                file, kind, image.size, alpha, deep, notes, image, png=parts
            )
            _look_at_frames(opened)
        yield opened


def _mended(file: File, notes: list[str]) -> io.BytesIO | None:
    whole = mended(content(file))
    if whole is None:
        return None
    notes.append(DAMAGED)
    return io.BytesIO(whole)


def _open_by_pillow(file: File, suffix: str) -> Image.Image:
    kinds = readable()
    if suffix not in kinds["tga"].suffixes:
        del kinds["tga"]  # whatever comes may look like it
    names = [name for kind in kinds.values() for name in kind.pillow]
    return Image.open(file, formats=[name for name in names if name in Image.OPEN])


def _opened_tiff(file: File, image: Image.Image | None, page: PhotoPage) -> Opened:
    alpha = page.alpha is not None
    if image is not None:
        image.seek(page.index)
        if not page.own:
            alpha = image.has_transparency_data
    opened = Opened(file, "tiff", page.size, alpha, page.deep, [], image, page)
    if page.left_out:
        opened.notes.append(
            "is upscaled without its channels that are neither colours nor marked as "
            f"transparency ({page.left_out}), such as infrared"
        )
    return opened


def _refuse_raw(head: bytes, suffix: str) -> None:
    """Refuses what a camera's sensor saw, whose small picture is not the photo."""
    if (
        head.startswith(_RAW)
        or head[4:12] == b"ftypcrx "
        or head[6:14] == b"HEAPCCDR"
        or (head.startswith(_TIFF) and head[8:10] == b"CR")
        or (suffix in RAW_SUFFIXES and not head.startswith(_PICTURES))
    ):
        raise UserError(f"is a camera raw file: {DEVELOP}")


def _read_head(file: File) -> bytes:
    if not isinstance(file, io.BytesIO):
        with open(file, "rb") as opened:
            return opened.read(_HEAD)
    head = file.read(_HEAD)
    _rewind(file)
    return head


def content(file: File) -> bytes:
    """All bytes of a file."""
    return file.getvalue() if isinstance(file, io.BytesIO) else Path(file).read_bytes()


def _tiff_page(file: File) -> PhotoPage | None:
    """Where the photo is; None for files that Pillow may understand better."""
    try:
        with tifffile.TiffFile(file) as tiff:
            return PhotoPage.of(tiff)
    except UserError:
        raise
    except Exception:
        return None
    finally:
        _rewind(file)


def _rewind(file: File) -> None:
    if isinstance(file, io.BytesIO):
        file.seek(0)


def _check_megapixels(size: tuple[int, int], most: float) -> None:
    megapixels = size[0] * size[1] / 1e6
    if megapixels > most:
        raise UserError(
            f"has {megapixels:.0f} megapixels ({size[0]}x{size[1]}), more than "
            f"--max_megapixels={most:g}"
        )


def _look_at_frames(opened: Opened) -> None:
    """Refuses animations; of a GIF, and of several photos in one file, one is taken."""
    assert opened.image is not None
    frames = getattr(opened.image, "n_frames", 1)
    if frames == 1:
        return
    if opened.image.format == "MPO":  # a JPEG with others behind it, as by cameras
        opened.notes.append(f"has {frames} pictures, of which the first is upscaled")
    elif opened.kind == "gif":
        opened.notes.append(FIRST_FRAME.format(frames))
    elif opened.kind == "heic":
        opened.notes.append(f"has {frames} photos, of which the main one is upscaled")
    else:
        raise UserError(ANIMATED.format(frames))


def _what_it_is(head: bytes) -> str:
    """Why a file that Pillow does not know is not read."""
    if not head:
        return "is empty"
    name = _BRANDS.get(head[8:12]) if head[4:8] == b"ftyp" else None
    if head.startswith(_JXL):
        name = "jxl"
    if name:
        try:
            check_there(KINDS[name])
        except UserError as error:
            return str(error)
    *titles, last = (kind.title for kind in readable().values())
    return f"is no {', '.join(titles)} or {last} picture"
