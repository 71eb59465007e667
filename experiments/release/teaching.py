"""What `learn_ensemble.py` and `learn_teachers.py` share: targets and their crops."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from srgan_tf.data.imresize import imresize_large
from srgan_tf.data.sources import Photos
from srgan_tf.ranges import hr_from_255, lr_from_255
from srgan_tf.tiling import Upscaler
from srgan_tf.upscaling import upscale

SCALE = 4
# HR pixels at a crop's border that the loss leaves out: the targets were made from
# whole photos, where the network saw more than the zeros around a crop.
BORDER = 8


def common_arguments(description: str) -> argparse.ArgumentParser:
    """The arguments that both scripts have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--photos", required=True)
    parser.add_argument("--valid", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--model", default="srresnet_x4", help="what makes the targets")
    parser.add_argument("--init", help="what is trained; the model by default")
    parser.add_argument("--share", type=float, default=0.6, help="of targets; rest: HR")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def lr_and_hr(photo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """LR of a uint8 photo, and the photo without what SCALE does not divide."""
    height, width = (size - size % SCALE for size in photo.shape[:2])
    hr = photo[:height, :width]
    return imresize_large(hr, 1 / SCALE), hr


def with_targets(
    photos: Photos, teacher: Upscaler, folder: Path
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """`(lr, hr, target)` of every photo, uint8; the target is the teacher's SR.

    Args:
        teacher: Its mean over eight flips and turns is taken.
        folder: Keeps the targets; those it has are not made again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    for i, photo in enumerate(tqdm(photos, "Upscaling", unit="photo")):
        lr, hr = lr_and_hr(photo)
        file = folder / f"{i:04d}.npy"
        if not file.exists():
            unfinished = folder / "unfinished.npy"
            np.save(unfinished, upscale(lr, teacher, self_ensemble=True))
            os.replace(unfinished, file)
        pictures.append((lr, hr, np.load(file)))
    return pictures


def batch(
    pictures: Sequence[tuple], side: int, size: int, share: float, seed: int, step: int
) -> tuple[np.ndarray, np.ndarray]:
    """A step's crops: LR in [0, 1] and share * target + (1 - share) * HR in [-1, 1].

    They lie on the grid of LR and are flipped and turned. `side` counts HR pixels and
    must fit into every picture.
    """
    rng = np.random.default_rng((seed, step))
    span = side // SCALE
    crops = []
    for i in rng.choice(len(pictures), size, replace=False):
        top, left = (rng.integers(n - span + 1) for n in pictures[i][0].shape[:2])
        turns, flip = rng.integers(4), rng.choice((1, -1))
        parts = (
            part[n * top : n * (top + span), n * left : n * (left + span)]
            for part, n in zip(pictures[i], (1, SCALE, SCALE))
        )
        crops.append([np.rot90(part, turns)[:, ::flip] for part in parts])
    lr, hr, target = (np.stack(part).astype(np.float32) for part in zip(*crops))
    return lr_from_255(lr), hr_from_255(share * target + (1 - share) * hr)
