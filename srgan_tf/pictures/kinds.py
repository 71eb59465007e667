"""Kinds of picture files: which are photos, and what those that we write can hold."""

import contextlib
import dataclasses
import importlib

from PIL import Image, features

from srgan_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of picture file.

    Attributes:
        title: What people call it.
        pillow: Its names in Pillow, the one that is written first.
        suffixes: Of file names, the usual one first.
        part: Pillow's optional part that it needs.
        extra: The pip extra of this package that it needs.
        side: The most pixels a side may have; None if it is not written.
        area: The most pixels a picture may have.
        size: The most bytes that its values may take up.
        alpha: Whether transparency is kept.
        deep: Whether 16 bit stay 16 bit.
        lossy: Whether there is a quality to choose.
        lossless: Whether there is, besides, a way without loss.
        animated: Whether all frames of animations are written.
        least: Bytes per value below which hardly a photo comes: what a full disk is
            known by beforehand.
    """

    title: str
    pillow: tuple[str, ...]
    suffixes: tuple[str, ...]
    part: str | None = None
    extra: str | None = None
    side: int | None = None
    area: int = 2**62
    size: int = 2**62
    alpha: bool = True
    deep: bool = False
    lossy: bool = False
    lossless: bool = False
    animated: bool = False
    least: float = 0.05


_4GIB = 2**32 - 2**24  # what 32-bit offsets reach, less room for all but the values

KINDS = {
    "png": Kind("PNG", ("PNG",), (".png", ".apng"), side=2**31 - 1, deep=True),
    "jpg": Kind(
        "JPEG",
        ("JPEG", "MPO"),
        (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
        side=65_500,  # what libjpeg writes; the format has room for 65,535
        alpha=False,
        lossy=True,
        least=0.01,
    ),
    "webp": Kind(
        "WebP",
        ("WEBP",),
        (".webp",),
        part="webp",
        side=16_383,
        lossy=True,
        lossless=True,
        animated=True,
        least=0.005,
    ),
    "tiff": Kind(
        "TIFF", ("TIFF",), (".tif", ".tiff"), side=2**31 - 1, size=_4GIB, deep=True
    ),
    "bmp": Kind(
        "BMP",
        ("BMP", "DIB"),
        (".bmp", ".dib"),
        side=2**31 - 1,
        size=_4GIB,
        alpha=False,
        least=1.0,
    ),
    "avif": Kind(
        "AVIF",
        ("AVIF",),
        (".avif",),
        part="avif",
        side=32_768,  # what libavif reads again
        area=2**28,
        lossy=True,
        least=0.005,
    ),
    "heic": Kind(
        "HEIC",
        ("HEIF",),
        (".heic", ".heif", ".hif"),
        extra="heif",
        side=16_384,  # what x265 writes
        area=16_384 * 8704,
        lossy=True,
        least=0.005,
    ),
    "jxl": Kind(
        "JPEG XL",
        ("JXL",),
        (".jxl",),
        extra="jxl",
        side=2**20,
        lossy=True,
        lossless=True,
        least=0.005,
    ),
    "gif": Kind("GIF", ("GIF",), (".gif",), side=65_535, animated=True, least=0.001),
    "jp2": Kind(
        "JPEG 2000",
        ("JPEG2000",),
        (".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"),
        part="jpg_2000",
    ),
    "ppm": Kind("PPM", ("PPM",), (".ppm", ".pgm", ".pbm", ".pnm")),
    "qoi": Kind("QOI", ("QOI",), (".qoi",)),
    "tga": Kind("TGA", ("TGA",), (".tga",)),
}

# Files of cameras that hold what the sensor saw, and a small picture to show.
RAW_SUFFIXES = frozenset(
    (
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff"),
        *(".gpr", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf"),
        *(".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    )
)
DEVELOP = "convert it to TIFF first, by darktable, RawTherapee or the camera's program"

_PLUGINS = {"heif": "pillow_heif", "jxl": "pillow_jxl"}


def _register_plugins() -> None:
    """Lets Pillow read what is installed beside it."""
    Image.init()
    with contextlib.suppress(ImportError):
        importlib.import_module(_PLUGINS["heif"]).register_heif_opener()
    with contextlib.suppress(ImportError):
        importlib.import_module(_PLUGINS["jxl"])


_register_plugins()


def is_there(kind: Kind) -> bool:
    """Whether the installed libraries read a kind, and write it if any do."""
    if kind.part:
        return bool(features.check(kind.part))
    return kind.pillow[0] in Image.OPEN


def readable() -> dict[str, Kind]:
    """The kinds that the installed libraries read."""
    return {name: kind for name, kind in KINDS.items() if is_there(kind)}


def check_there(kind: Kind) -> None:
    """Refuses a kind that the installed libraries do not know.

    Raises:
        UserError: Naming what to install.
    """
    if is_there(kind):
        return
    if kind.extra:
        raise UserError(f"{kind.title} needs pip install 'srgan_tf[{kind.extra}]'")
    raise UserError(
        f"{kind.title} is not in the installed Pillow: pip install -U Pillow"
    )


# What of files is a photo by its name.
PHOTO_SUFFIXES = tuple(
    suffix for kind in KINDS.values() if is_there(kind) for suffix in kind.suffixes
)


def kind_of_suffix(suffix: str) -> str | None:
    """The name of the kind that a file name's suffix stands for."""
    suffix = suffix.lower()
    return next((name for name, kind in KINDS.items() if suffix in kind.suffixes), None)


def why_no_photo(suffix: str) -> str:
    """What to do about files of a suffix that are no photos; empty if nothing."""
    suffix = suffix.lower()
    if suffix in RAW_SUFFIXES:
        return f"camera raw: {DEVELOP}"
    if (name := kind_of_suffix(suffix)) and not is_there(KINDS[name]):
        try:
            check_there(KINDS[name])
        except UserError as error:
            return str(error)
    return ""
