"""Benchmark folders such as Set5: HR pictures, with LR pictures or without."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from srgan_tf.data.photos import read_photo
from srgan_tf.errors import UserError
from srgan_tf.pictures.imresize import crop_to_multiple, imresize
from srgan_tf.pictures.kinds import PHOTO_SUFFIXES


class Pair(NamedTuple):
    """The files of one benchmark picture; `lr` is None where LR is to be made."""

    name: str
    hr: Path
    lr: Path | None


def find_pairs(folder: str | os.PathLike) -> list[Pair]:
    """Lists a benchmark by name.

    Args:
        folder: Holds `HR/` and, optionally, `LR/` with pictures of the same names
            (suffixes may differ); or holds HR pictures itself.

    Raises:
        UserError: If there is no such folder, it has no pictures, or the names in `HR/`
            and `LR/` differ.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"--benchmarks: there is no folder {folder}.")
    hr_folder, lr_folder = folder / "HR", folder / "LR"
    hr = _pictures(hr_folder if hr_folder.is_dir() else folder)
    if not lr_folder.is_dir():
        return [Pair(name, path, None) for name, path in hr.items()]
    lr = _pictures(lr_folder)
    if hr.keys() != lr.keys():
        odd = min(hr.keys() ^ lr.keys())
        holder, lacking = ("HR", "LR") if odd in hr else ("LR", "HR")
        raise UserError(
            f"{folder}: {len(hr)} HR and {len(lr)} LR pictures that do not pair up: "
            f"{holder}/ has {odd}, {lacking}/ does not."
        )
    return [Pair(name, path, lr[name]) for name, path in hr.items()]


def read_pair(pair: Pair, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """Reads HR and reads LR, or makes it from HR by MATLAB's bicubic.

    HR is cropped at right and bottom to a multiple of the scale.

    Returns:
        uint8 HR `[scale * h, scale * w, C]` and LR `[h, w, C]`. C is 1 for a picture
        stored with one channel, which is luma itself, else 3.

    Raises:
        UserError: If a file is no whole picture, or the sizes do not fit the scale.
    """
    hr = crop_to_multiple(_read(pair.hr), scale)
    height, width = hr.shape[:2]
    # Wang's SSIM needs its window inside what is left of the cropped borders.
    if min(height, width) < 11 + 2 * scale:
        raise UserError(
            f"{pair.hr}: {width}x{height} is too small to measure at scale {scale}; "
            f"at least {11 + 2 * scale} pixels each way are needed."
        )
    if pair.lr is None:
        return hr, np.asarray(imresize(hr, 1 / scale)).astype(np.uint8)
    lr = _read(pair.lr)
    if lr.shape != (height // scale, width // scale, hr.shape[2]):
        raise UserError(
            f"{pair.lr} ({_size(lr)}) is not {pair.hr} ({_size(hr)}) reduced "
            f"{scale} times; another factor is chosen by --scale."
        )
    return hr, lr


def _pictures(folder: Path) -> dict[str, Path]:
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in PHOTO_SUFFIXES)
    named = {path.stem: path for path in paths}
    if not named:
        raise UserError(f"--benchmarks: no picture in the folder {folder}.")
    if len(named) < len(paths):
        raise UserError(f"{folder} has pictures that differ in their suffix only.")
    return named


def _read(path: Path) -> np.ndarray:
    try:
        photo = read_photo(path)
        with Image.open(path) as image:
            one_channel = image.mode != "P" and len(image.getbands()) == 1
    except OSError as error:
        raise UserError(f"{path} cannot be read as a picture: {error}") from None
    return photo[..., :1] if one_channel else photo


def _size(picture: np.ndarray) -> str:
    height, width, channels = picture.shape
    return f"{width}x{height}, {channels} channel{'s' if channels > 1 else ''}"
