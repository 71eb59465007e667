"""Which photos a folder, a glob, a file, or the name of a data set means."""

import glob
import itertools
import logging
import os
from pathlib import Path
from typing import NamedTuple

from srgan_tf.data.prepared import is_prepared
from srgan_tf.data.tfds_photos import tfds_photos
from srgan_tf.errors import UserError, reason
from srgan_tf.pictures.kinds import PHOTO_SUFFIXES

log = logging.getLogger(__name__)

BUNDLED_VALID = ("astronaut.png", "coffee.png")
BUNDLED_TRAIN = (
    "brick.png",
    "camera.png",
    "chelsea.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "retina.jpg",
    "rocket.jpg",
)
# Folders that programs fill with small copies or with what was thrown away.
SIDE_FOLDERS = frozenset(
    ("@eadir", "@recycle", "#recycle", "$recycle.bin", "__macosx", "lost+found")
).union(("thumbnails", "thumbs"))


class Listing(NamedTuple):
    """What is in a place: its photos, sorted, and all else by its kind."""

    photos: list[Path]
    left_out: dict[str, list[Path]]

    def add(self, path: Path) -> None:
        """Takes a file in, if it is a photo by its name."""
        if path.name.startswith("."):
            self.leave_out(path, "hidden files")
        elif path.suffix.lower() not in PHOTO_SUFFIXES:
            self.leave_out(path, path.suffix.lower() or "no suffix")
        elif path.is_file():
            self.photos.append(path)
        else:  # opening a pipe would wait for ever
            self.leave_out(path, "pipes" if path.exists() else "links to nothing")

    def leave_out(self, path: Path, kind: str) -> None:
        """Notes what is no photo."""
        self.left_out.setdefault(kind, []).append(path)


def find_photos(
    dataset: str, split: str = "train", data_dir: str | None = None
) -> list[str]:
    """Lists the photo files of a data set; says what in a folder is none.

    Args:
        dataset: A folder or a glob (see `list_folder` and `list_glob`), one file,
            `bundled` (the photos that ship inside scikit-image), or the name of a
            TensorFlow data set with pictures, such as `div2k`.
        split: Of a TensorFlow data set; of `bundled`, `train` or `validation`.
        data_dir: Where TensorFlow Datasets keeps its files; its own default if None.

    Returns:
        Paths, sorted.

    Raises:
        UserError: If there is no such place, or no photo in it.

    Example:
        >>> Path(find_photos("bundled", "validation")[0]).suffix
        '.png'
    """
    if dataset == "bundled":
        import skimage.data

        folder = Path(skimage.data.__file__).parent
        names = BUNDLED_VALID if split == "validation" else BUNDLED_TRAIN
        return [str(folder / name) for name in names]
    place = os.path.expanduser(dataset)
    if is_prepared(place):
        raise UserError(
            f"{dataset} holds prepared sub-pictures, for training only: name photos."
        )
    if os.path.isdir(place):
        return [str(path) for path in photos_in(place)]
    if os.path.isfile(place):
        return [place]
    if glob.has_magic(place):
        found = _photos_of(list_glob(place), f"the glob {dataset}")
        return [str(path) for path in found]
    if place.lower().endswith(PHOTO_SUFFIXES):
        raise UserError(f"There is no file {dataset}: name a photo or a folder.")
    if os.sep in place or place.startswith("."):
        raise UserError(f"There is no folder {dataset}: name a folder of photos.")
    return [str(path) for path in photos_in(tfds_photos(dataset, split, data_dir))]


def photos_in(folder: str | os.PathLike) -> list[Path]:
    """The photos of a folder (see `list_folder`), sorted; says what else is in it.

    Raises:
        UserError: If there is none.
    """
    return _photos_of(list_folder(folder), f"the folder {folder}")


def _photos_of(listing: Listing, where: str) -> list[Path]:
    others = ", ".join(
        f"{kind} ({len(paths)})" for kind, paths in sorted(listing.left_out.items())
    )
    if not listing.photos:
        raise UserError(
            f"There is no picture in {where}, which holds {others or 'nothing'} "
            f"(looked for {', '.join(PHOTO_SUFFIXES)})."
        )
    if others:
        log.warning("Left out in %s: %s.", where, others)
    return listing.photos


def list_folder(folder: str | os.PathLike) -> Listing:
    """Lists a folder in depth.

    Links to folders are followed, but each folder is listed once: a loop ends. Hidden
    files and folders and those of thumbnails are left out.
    """
    listing = Listing([], {})
    seen: set[str] = set()
    folders: list[Path] = [Path(folder)]
    links: list[Path] = []
    # Links last: of a folder's two names its own is the one that is listed.
    while folders or links:
        here = (folders or links).pop()
        if (real := os.path.realpath(here)) in seen:
            continue
        seen.add(real)
        try:
            inside = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            listing.leave_out(here, f"folder {here}: {reason(error)}")
            continue
        for entry in inside:
            path = here / entry.name
            if not os.path.isdir(path):  # entry.is_dir() fails on links in a circle
                listing.add(path)
            elif entry.name.startswith("."):
                listing.leave_out(path, "hidden folders")
            elif entry.name.lower() in SIDE_FOLDERS:
                listing.leave_out(path, f"folders {entry.name}")
            else:
                (links if entry.is_symlink() else folders).append(path)
    listing.photos.sort()
    return listing


def list_glob(pattern: str) -> Listing:
    """Lists the files that a glob names, each once.

    `**` stands for folders in any depth. Hidden files and folders that the pattern does
    not name, and folders of thumbnails, are left out; so are folders themselves.
    """
    listing = Listing([], {})
    parts = Path(pattern).parts
    fixed = sum(1 for _ in itertools.takewhile(lambda x: not glob.has_magic(x), parts))
    found = map(Path, glob.iglob(pattern, recursive=True))
    seen = set()
    for path in sorted(found, key=lambda path: (len(path.parts), path)):
        # A link to a folder around it is followed, some forty times.
        if (real := os.path.realpath(path)) in seen:
            continue
        seen.add(real)
        around = {part.lower() for part in path.parts[fixed:-1]}
        if path.is_dir():
            if parts[-1] != "**":
                listing.leave_out(path, "folders")
        elif SIDE_FOLDERS & around:
            listing.leave_out(path, "files in side folders")
        else:
            listing.add(path)
    listing.photos.sort()
    return listing
