"""Validation on whole photos, in tiles, and the pictures that show it."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from srgan_tf.data.degradations import degrade_photo
from srgan_tf.data.paired_photos import PhotoPair
from srgan_tf.inference.tiles import Upscaler
from srgan_tf.inference.upscale import upscale_pixels
from srgan_tf.models import VGGFeatures
from srgan_tf.pictures.imresize import crop_to_multiple, imresize_large
from srgan_tf.pictures.metrics import psnr, rgb_to_y, shave, ssim
from srgan_tf.pictures.ranges import hr_from_255
from srgan_tf.quiet import quiet_log

SHOWN = 4  # photos
FIELD = 128  # the gray around parts that are smaller than others
PICTURE = tf.TensorSpec((1, None, None, 3), tf.float32)


class FeatureDistance:
    """Mean squared distance of two pictures in VGG19's feature maps.

    Args:
        features: See `VGGFeatures`.
        side: Of larger pictures only the middle is compared, so many pixels each way.
    """

    def __init__(self, features: VGGFeatures, side: int = 512):
        self.features = tf.function(features, input_signature=[PICTURE])
        self.side = side

    def __call__(self, hr: np.ndarray, sr: np.ndarray) -> float:
        """Compares uint8 `[H, W, 3]`."""
        top, left = (max(length - self.side, 0) // 2 for length in hr.shape[:2])
        part = np.s_[top : top + self.side, left : left + self.side]
        maps = [
            self.features(hr_from_255(picture[part].astype(np.float32))[None])
            for picture in (hr, sr)
        ]
        distances = [np.mean(np.square(a.numpy() - b.numpy())) for a, b in zip(*maps)]
        return float(sum(distances))


@quiet_log()  # TensorFlow wonders at a graph that is new at each validation
def validate(
    model: Upscaler,
    photos: Sequence[np.ndarray | PhotoPair],
    *,
    degradation: str = "bicubic",
    phi34: FeatureDistance | None = None,
) -> dict[str, float]:
    """Measures a model on photos of any size, as the paper does.

    Args:
        model: Takes the LR pictures made from the photos.
        photos: uint8 `[H, W, 3]` each, or pairs, which have LR of their own.
        degradation: What LR went through, one of `KINDS`.
        phi34: The distance at phi_{3,4}, to be measured, too.

    Returns:
        `val_psnr`, in dB, and `val_ssim`, on luma, and where it is asked for
        `val_phi34`: means over the photos without a border of `scale` pixels.
    """
    measures = []
    for index in range(len(photos)):
        hr, lr = _pair(photos[index], model.scale, degradation, index)
        sr = upscale_pixels(model, lr, network_only=True)
        pair = [shave(picture, model.scale) for picture in (hr, sr)]
        luma = [rgb_to_y(picture.astype(np.float32)) for picture in pair]
        measures.append([float(psnr(*luma)), float(ssim(*luma))])
        if phi34:
            measures[-1].append(phi34(*pair))
    names = "val_psnr", "val_ssim", "val_phi34"
    return dict(zip(names, np.mean(measures, axis=0).tolist()))


@quiet_log()
def comparison(
    model: Upscaler,
    photos: Sequence[np.ndarray | PhotoPair],
    *,
    side: int = 320,
    degradation: str = "bicubic",
) -> np.ndarray:
    """Bicubic | SR | HR, one row for each of the first four photos, at 100 %.

    Args:
        model: Upscales the LR pictures made from the photos.
        photos: uint8 `[H, W, 3]` each, or pairs; the middle is shown, in a gray field
            where it is smaller than that of another photo.
        side: Side of each part at most, in pixels.
        degradation: What LR went through, one of `KINDS`.

    Returns:
        uint8 `[rows, columns, 3]`.
    """
    scale = model.scale
    shown = [photos[index] for index in range(min(SHOWN, len(photos)))]
    largest = max(_side(photo, scale) for photo in shown)
    field = min(side, largest) // scale * scale
    rows = []
    for index, photo in enumerate(shown):
        part = _middle(photo, min(field, _side(photo, scale)), scale)
        hr, lr = _pair(part, scale, degradation, index)
        sr = upscale_pixels(model, lr, network_only=True)
        parts = imresize_large(lr, scale), sr, hr
        rows.append(np.hstack([_centred(picture, field) for picture in parts]))
    return np.vstack(rows)


def _side(photo: np.ndarray | PhotoPair, scale: int) -> int:
    """The shorter side of HR, a multiple of the scale."""
    if isinstance(photo, PhotoPair):
        return min(photo.lr.shape[:2]) * scale
    return min(photo.shape[:2]) // scale * scale


def _middle(
    photo: np.ndarray | PhotoPair, size: int, scale: int
) -> np.ndarray | PhotoPair:
    """The middle of a photo, or of both of a pair, with an HR side of that size."""
    if not isinstance(photo, PhotoPair):
        top, left = ((length - size) // 2 for length in photo.shape[:2])
        return photo[top : top + size, left : left + size]
    less = size // scale
    top, left = ((length - less) // 2 for length in photo.lr.shape[:2])
    lr = photo.lr[top : top + less, left : left + less]
    top, left = scale * top, scale * left
    return PhotoPair(lr, photo.hr[top : top + size, left : left + size])


def _pair(
    photo: np.ndarray | PhotoPair, scale: int, degradation: str, index: int
) -> tuple[np.ndarray, np.ndarray]:
    """uint8 HR and LR of a whole photo."""
    if isinstance(photo, PhotoPair):
        height, width = (scale * length for length in photo.lr.shape[:2])
        return photo.hr[:height, :width], photo.lr
    hr = crop_to_multiple(photo, scale)
    if degradation == "bicubic":
        return hr, imresize_large(hr, 1 / scale)
    return hr, degrade_photo(hr, degradation, scale=scale, index=index)


def _centred(picture: np.ndarray, side: int) -> np.ndarray:
    field = np.full((side, side, 3), FIELD, np.uint8)
    size = len(picture)
    start = (side - size) // 2
    field[start : start + size, start : start + size] = picture
    return field
