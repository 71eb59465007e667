"""Metadata in the boxes of JPEG XL and JPEG 2000, which Pillow's plugins leave there.

ISO/IEC 18181-2, section 9; the `uuid` box of XMP is that of Adobe's specification, part
3, section 1.1.5, the others are those of ExifTool and its like.
"""

import imagecodecs

from srgan_tf.pictures.deep_reading import boxes
from srgan_tf.pictures.metadata import jpeg
from srgan_tf.pictures.metadata.photoshop import IPTC, Resource
from srgan_tf.pictures.metadata.record import Metadata
from srgan_tf.pictures.metadata.taking import take_exif

_JP2_EXIF = b"JpgTiffExif->JP2"
_JP2_XMP = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
_JP2_IPTC = bytes.fromhex("33C7A4D2B81D4723A0BAF1A3E097AD38")


def read_boxes(metadata: Metadata, data: bytes) -> None:
    """What JPEG XL and JPEG 2000 hold besides what Pillow's plugins read."""
    for name, content in boxes(data):
        if name == b"brob":  # compressed by Brotli
            name, packed = content[:4], content[4:]
            try:
                content = bytes(imagecodecs.brotli_decode(packed))
            except RuntimeError:
                metadata.lost.append(f"the damaged box {name.decode('latin-1')!r}")
                continue
        if name == b"Exif":
            # Before it stands the number of bytes to pass over, or nothing at all.
            offset = int.from_bytes(content[:4], "big")
            bare = content.startswith((b"II*\0", b"MM\0*"))
            take_exif(metadata, content if bare else content[4 + offset :])
        elif name == b"xml " and b"xmpmeta" in content:
            metadata.xmp = content
        elif name == b"jumb" and b"c2pa" in content:
            metadata.lost.append(jpeg.CREDENTIALS)
        elif name == b"uuid" and content.startswith(_JP2_EXIF):
            take_exif(metadata, content[16:])
        elif name == b"uuid" and content.startswith(_JP2_XMP):
            metadata.xmp = content[16:]
        elif name == b"uuid" and content.startswith(_JP2_IPTC):
            metadata.resources.append(Resource(IPTC, b"", content[16:]))
