"""Folders of pairs: `HR/` and `LR/` with pictures of the same names."""

import os
from pathlib import Path
from typing import NamedTuple

from srgan_tf.data.listing import photos_in
from srgan_tf.errors import UserError


class Pair(NamedTuple):
    """The files of one pair; `lr` is None where LR is to be made."""

    name: str
    hr: Path
    lr: Path | None


def is_paired(folder: str | os.PathLike) -> bool:
    """Whether a folder holds `HR/` and `LR/`."""
    return all(Path(folder, part).expanduser().is_dir() for part in ("HR", "LR"))


def find_pairs(folder: str | os.PathLike) -> list[Pair]:
    """Lists the pairs of a folder by name.

    Args:
        folder: Holds `HR/` and, optionally, `LR/` with pictures of the same names
            (suffixes may differ); or holds HR pictures itself.

    Raises:
        UserError: If there is no such folder, it has no pictures, or the names in `HR/`
            and `LR/` differ.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no folder of this name.")
    hr_folder, lr_folder = folder / "HR", folder / "LR"
    hr = _by_name(hr_folder if hr_folder.is_dir() else folder)
    if not lr_folder.is_dir():
        return [Pair(name, path, None) for name, path in hr.items()]
    lr = _by_name(lr_folder)
    if hr.keys() != lr.keys():
        odd = min(hr.keys() ^ lr.keys())
        holder, lacking = ("HR", "LR") if odd in hr else ("LR", "HR")
        raise UserError(
            f"{folder}: {len(hr)} HR and {len(lr)} LR pictures that do not pair up: "
            f"{holder}/ has {odd}, {lacking}/ does not."
        )
    return [Pair(name, path, lr[name]) for name, path in hr.items()]


def _by_name(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by their paths in it, without suffixes."""
    paths = photos_in(folder)
    named = {str(path.relative_to(folder).with_suffix("")): path for path in paths}
    if len(named) < len(paths):
        raise UserError(f"{folder} has pictures that differ in their suffix only.")
    return named


def check_sizes(
    pair: Pair, hr: tuple[int, ...], lr: tuple[int, ...], scale: int
) -> None:
    """Refuses an LR shape `(h, w, C)` that is not an HR shape reduced by the scale.

    HR may have up to `scale - 1` rows and columns more than LR shows.

    Raises:
        UserError: If h or w is not that of HR divided by the scale, rounded down; or
            one is gray and the other not.
    """
    height, width, channels = hr
    if lr != (height // scale, width // scale, channels):
        raise UserError(
            f"{pair.lr} ({_size(lr)}) is not {pair.hr} ({_size(hr)}) reduced "
            f"{scale} times; another factor is chosen by --scale."
        )


def _size(shape: tuple[int, ...]) -> str:
    height, width, channels = shape
    return f"{width}x{height}, {channels} channel{'s' if channels > 1 else ''}"
