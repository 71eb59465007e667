"""What a photo holds beside its pixels, as it came: nothing is decoded needlessly."""

import copy
import dataclasses
import re

from srgan_tf.pictures.metadata.exif import ROOT, SHORT, Exif
from srgan_tf.pictures.metadata.exif_sizes import ORIENTATION
from srgan_tf.pictures.metadata.photoshop import Resource
from srgan_tf.pictures.metadata.png import Text


@dataclasses.dataclass
class Metadata:
    """The metadata of one picture.

    Attributes:
        exif: Its EXIF fields; those of a TIFF file that do not lay out its pixels.
        icc: Its colour profile.
        colour: PNG's colour chunks, by their names. cICP comes before a profile, the
            others after it.
        xmp: Its XMP packet.
        resources: Photoshop's image resources, with IPTC's captions among them.
        texts: Comments, and PNG's texts.
        dpi: Pixels per inch, horizontally and vertically.
        stored: Width and height in its file; what EXIF and XMP say in pixels is about
            these. None for a picture that comes from no file.
        orientation: The EXIF orientation by which it was turned upright.
        lost: What had to be left out so far, in words.
    """

    exif: Exif = dataclasses.field(default_factory=Exif)
    icc: bytes | None = None
    colour: dict[bytes, bytes] = dataclasses.field(default_factory=dict)
    xmp: bytes | None = None
    resources: list[Resource] = dataclasses.field(default_factory=list)
    texts: list[Text] = dataclasses.field(default_factory=list)
    dpi: tuple[float, float] | None = None
    stored: tuple[int, int] | None = None
    orientation: int = 1
    lost: list[str] = dataclasses.field(default_factory=list)

    def make_upright(self) -> int:
        """Returns the orientation by EXIF or else XMP, 1 to 8, and sets it to upright.

        The metadata is then about turned pixels; the rest follows when it is written.
        """
        field = self.exif.ifds[ROOT].get(ORIENTATION)
        orientation = self.exif.whole_number(field) if field else 0
        if field:
            self.exif.set_numbers(ROOT, ORIENTATION, [1], SHORT)
        elif found := re.search(
            rb"tiff:Orientation(?:=[\"']|>)([1-8])", self.xmp or b""
        ):
            orientation = int(found[1])
        if orientation not in range(1, 9):
            orientation = 1
        self.orientation = orientation
        if orientation >= 5 and self.dpi:
            self.dpi = self.dpi[::-1]
        return orientation

    def colours(self) -> "Metadata":
        """Only what tells which colours the pixels mean."""
        return Metadata(icc=self.icc, colour=self.colour)

    def copy(self) -> "Metadata":
        """One that can be changed without changing this."""
        return copy.deepcopy(self)
