"""XMP packets, changed where they speak of pixels and left byte for byte elsewhere.

Adobe's XMP specification, parts 1 to 3; Google's for panoramas, motion photos and gain
maps ("Ultra HDR"); IPTC's and the Metadata Working Group's for regions.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from srgan_tf.pictures.metadata.geometry import Geometry

_TAG = re.compile(
    rb"</(?P<closed>[^\s>]+)\s*>"
    rb"|<(?P<opened>[^\s/>]+)(?P<attributes>"
    rb"(?:\s+[^\s=]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*)\s*(?P<empty>/?)>"
)
_PASSED_OVER = (
    (b"<!--", b"-->"),
    (b"<![CDATA[", b"]]>"),
    (b"<?", b"?>"),
    (b"<!", b">"),
)
_DEEPEST = 100  # elements inside each other; in true packets they are a dozen
_ATTRIBUTE = re.compile(rb"\s+([^\s=]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
# The prefixes that are used below, whatever a packet calls them.
NAMESPACES = {
    b"http://ns.adobe.com/tiff/1.0/": "tiff",
    b"http://ns.adobe.com/exif/1.0/": "exif",
    b"http://ns.adobe.com/xap/1.0/": "xmp",
    b"http://ns.adobe.com/xap/1.0/g/img/": "xmpGImg",
    b"http://ns.adobe.com/xap/1.0/sType/Dimensions#": "stDim",
    b"http://ns.adobe.com/xmp/note/": "xmpNote",
    b"http://ns.adobe.com/camera-raw-settings/1.0/": "crs",
    b"http://ns.adobe.com/hdr-gain-map/1.0/": "hdrgm",
    b"http://ns.apple.com/HDRGainMap/1.0/": "HDRGainMap",
    b"http://ns.apple.com/pixeldatainfo/1.0/": "apdi",
    b"http://ns.google.com/photos/1.0/camera/": "GCamera",
    b"http://ns.google.com/photos/1.0/panorama/": "GPano",
    b"http://ns.google.com/photos/1.0/container/": "Container",
    b"http://ns.google.com/photos/1.0/container/item/": "Item",
    b"http://ns.google.com/photos/1.0/depthmap/": "GDepth",
    b"http://ns.google.com/photos/1.0/image/": "GImage",
    b"http://ns.google.com/photos/1.0/audio/": "GAudio",
    b"http://ns.microsoft.com/photo/1.2/": "MP",
    b"http://www.metadataworkinggroup.com/schemas/regions/": "mwg-rs",
    b"http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    b"http://www.dji.com/drone-dji/1.0/": "drone-dji",
    b"http://purl.org/dc/elements/1.1/": "dc",
    b"http://ns.adobe.com/photoshop/1.0/": "photoshop",
    b"http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
}
# What is not in the result, with words for it where it is worth any.
_ABSENT = (
    (r"(hdrgm|HDRGainMap|apdi):", "the gain map"),
    (r"[^:]+:(MotionPhoto|MicroVideo)", "the video of a motion photo"),
    (r"(GDepth|GImage|GAudio):", "the depth map, second picture or sound"),
    (r"(Container|Item|xmpGImg|xmpNote):|xmp:Thumbnails$", None),
    (r"crs:Crop(Width|Height|Units?)$", None),  # of an earlier result
)
# Places in the picture. They stay where it was not turned, as most are fractions.
_PLACES = (
    (r"GPano:", "the panorama's place in its sphere"),
    (r"(mwg-rs:Regions|MP:RegionInfo|Iptc4xmpExt:ImageRegion)$", "marked regions"),
    (r"crs:(Has)?Crop", "an outline for cropping"),
)
_ACROSS = (
    r"GPano:(FullPanoWidth|CroppedAreaImageWidth|CroppedAreaLeft)Pixels$|"
    r"GPano:LargestValidInteriorRect(Left|Width)$|exif:FocalPlaneXResolution$|"
    r"drone-dji:Calibrated(OpticalCenterX|FocalLength)$"
)
_DOWN = (
    r"GPano:(FullPanoHeight|CroppedAreaImageHeight|CroppedAreaTop)Pixels$|"
    r"GPano:LargestValidInteriorRect(Top|Height)$|exif:FocalPlaneYResolution$|"
    r"drone-dji:CalibratedOpticalCenterY$"
)
# Fractions of the picture up to 1, above it pixels.
_ACROSS_OR_FRACTION = r"crs:Crop(Left|Right)$|Iptc4xmpExt:rb(X|W|Rx)$"
_DOWN_OR_FRACTION = r"crs:Crop(Top|Bottom)$|Iptc4xmpExt:rb(Y|H)$"


class Place(NamedTuple):
    """An attribute or an element, as places in the packet."""

    name: str
    parents: tuple[str, ...]
    start: int
    stop: int
    value: slice


def resize_xmp(
    xmp: bytes, geometry: Geometry, mime: str, now_srgb: bool
) -> tuple[bytes, list[str]]:
    """A packet that is true of the result, and what had to be left out of it.

    Args:
        xmp: The packet, in UTF-8.
        geometry: How the result came about.
        mime: Type of the result's file.
        now_srgb: Whether the colours were converted to sRGB.

    Raises:
        ValueError: If it is no well-formed XML.
    """
    edits, lost = [], []
    for found in places(xmp):
        gone = [words for name, words in _ABSENT if re.match(name, found.name)]
        if geometry.orientation != 1:
            gone += [words for name, words in _PLACES if re.match(name, found.name)]
        if now_srgb and found.name == "photoshop:ICCProfile":
            gone.append(None)
        if gone:
            lost += [words for words in gone if words and words not in lost]
            edits.append((found.start, found.stop, b""))
        else:
            new = _changed(found, xmp[found.value], geometry, mime)
            if now_srgb and found.name == "exif:ColorSpace":
                new = b"1"
            edits.append((found.value.start, found.value.stop, new))
    pieces, done = [], 0
    for start, stop, new in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
        if start >= done and new != xmp[start:stop]:
            pieces += [xmp[done:start], new]
            done = stop
    return b"".join([*pieces, xmp[done:]]), lost


def _changed(found: Place, value: bytes, geometry: Geometry, mime: str) -> bytes:
    name, (width, height) = found.name, geometry.written
    x_scale, y_scale = geometry.scale
    if name in ("tiff:ImageWidth", "exif:PixelXDimension"):
        return b"%d" % width
    if name in ("tiff:ImageLength", "exif:PixelYDimension"):
        return b"%d" % height
    if name == "tiff:Orientation":
        return b"1"
    if name == "dc:format" and value.startswith(b"image/"):
        return mime.encode()
    if name in ("exif:SubjectArea", "exif:SubjectLocation"):
        return _subject(value, geometry)
    if "mwg-rs:AppliedToDimensions" in found.parents and name in ("stDim:w", "stDim:h"):
        return _scaled(value, x_scale if name == "stDim:w" else y_scale)
    for pattern, factor, least in (
        (_ACROSS, x_scale, 0),
        (_DOWN, y_scale, 0),
        (_ACROSS_OR_FRACTION, x_scale, 1),
        (_DOWN_OR_FRACTION, y_scale, 1),
    ):
        if re.match(pattern, name):
            return _scaled(value, factor, least)
    return value


def _scaled(text: bytes, factor: float, least: int = 0) -> bytes:
    """A number times a factor, written as it was; others as they are."""
    try:
        number = Fraction(text.strip().decode("ascii"))
    except (ValueError, ZeroDivisionError):
        return text
    if abs(number) <= least:
        return text
    number *= Fraction(factor)
    if b"/" in text:
        return b"%d/%d" % number.as_integer_ratio()
    if b"." in text:
        return b"%.10g" % float(number)
    return b"%d" % round(number)


def _subject(value: bytes, geometry: Geometry) -> bytes:
    item = re.compile(rb"(?<=>)\s*\d+\s*(?=<)")
    try:
        numbers = iter(geometry.subject([int(x) for x in item.findall(value)]))
    except ValueError:
        return b""
    return item.sub(lambda _: b"%d" % round(next(numbers)), value)


def places(xmp: bytes) -> Iterator[Place]:
    """All attributes and elements.

    Raises:
        ValueError: If it is no well-formed XML.
    """
    declared = re.findall(rb"xmlns:([^\s=]+)\s*=\s*[\"']([^\"']*)", xmp)
    usual = {prefix: NAMESPACES[uri] for prefix, uri in declared if uri in NAMESPACES}

    def name_of(raw: bytes) -> str:
        prefix, _, local = raw.rpartition(b":")
        known = usual.get(prefix) or prefix.decode("utf-8", "replace")
        return f"{known}:{local.decode('utf-8', 'replace')}"

    opened: list[tuple[bytes, int, int]] = []
    parents: tuple[str, ...] = ()
    for token in _tags(xmp):
        if token["opened"]:
            name = name_of(token["opened"])
            for found in _ATTRIBUTE.finditer(xmp, *token.span("attributes")):
                value = slice(*found.span(2 if found[2] is not None else 3))
                yield Place(name_of(found[1]), (*parents, name), *found.span(), value)
            if token["empty"]:
                nothing = slice(token.end(), token.end())
                yield Place(name, parents, *token.span(), nothing)
            elif len(opened) == _DEEPEST:
                raise ValueError("it is nested too deeply")
            else:
                opened.append((token["opened"], *token.span()))
                parents += (name,)
        elif token["closed"]:
            if not opened or opened[-1][0] != token["closed"]:
                raise ValueError("its tags do not match")
            _, start, inside = opened.pop()
            name, parents = parents[-1], parents[:-1]
            value = slice(inside, token.start())
            yield Place(name, parents, start, token.end(), value)
    if opened:
        raise ValueError("it ends too early")


def _tags(xmp: bytes) -> Iterator[re.Match[bytes]]:
    at = xmp.find(b"<")
    while at >= 0:
        for start, end in _PASSED_OVER:
            if xmp.startswith(start, at):
                at = xmp.find(end, at)
                if at < 0:
                    raise ValueError("it ends too early")
                break
        else:
            tag = _TAG.match(xmp, at)
            if tag is None:
                raise ValueError("a tag is damaged")
            yield tag
            at = tag.end() - 1
        at = xmp.find(b"<", at + 1)
