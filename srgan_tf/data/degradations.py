"""What happens to photos before people enlarge them, as stateless TensorFlow ops.

A photo is blurred, reduced by some filter, sharpened, gets noise and is saved as JPEG,
at times twice. Each part has its own probability and a good part of the crops is only
reduced ("A Closer Look at Blind Super-Resolution", arXiv 2205.04910): always-on
degradations of wide ranges cost accuracy on clean pictures. The parts are those of
Real-ESRGAN (arXiv 2107.10833) and BSRGAN (arXiv 2103.14006), in milder ranges.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from srgan_tf.data.degradation_ops import (
    FILTERS,
    Range,
    add_noise,
    between,
    jpeg,
    maybe,
    resize,
    sharpen,
    soften,
    to_8bit,
    uniform,
)
from srgan_tf.errors import UserError

BLOCK = 8  # of JPEG, in LR pixels
SLACK = 3  # LR pixels around a crop that the widest filter, Lanczos, reaches
MARGIN = BLOCK - 1 + SLACK  # LR pixels around a crop that `degrade_crop` needs


@dataclasses.dataclass(frozen=True)
class Degradation:
    """Which parts are applied, how often, and how strongly; by default none.

    Probabilities and shares are in 0..1; ranges are uniform, ends included. Lengths in
    HR pixels are those at a scale of 4 and grow with the scale.

    Attributes:
        clean: Probability of a downscaling filter and nothing else (2205.04910).
        clean_filters: Weights of these filters in the order of `FILTERS`.
        sharpen_hr: Probability of an unsharp mask on HR, as cameras apply it.
        blur: Probability of a Gaussian blur of HR (2107.10833, section 3.2).
        blur_sigma: Its standard deviation in HR pixels, along each axis of its own.
        anisotropic: Share of blurs with two sigmas and an angle (2103.14006, III-A).
        filters: Weights of the downscaling filters in the order of `FILTERS`; the last
            is bicubic without antialiasing (2103.14006, III-B).
        again: Probability that HR is resized and saved as JPEG twice (2107.10833, 3.3).
        again_size: Size of that first JPEG as a multiple of LR's; above 1 it is what a
            web page shrinks, below 1 what it enlarges.
        again_quality: Quality of that first JPEG, 1..100.
        sharpen: Probability of an unsharp mask on LR.
        sharpen_amount: Its strength: 1 doubles what lies above its blur.
        sharpen_sigma: Of its blur, in LR pixels.
        noise: Probability of noise.
        noise_sigma: Its standard deviation in 8-bit levels; of Poisson noise, that of
            a middle gray (128).
        gray: Share of noise that is equal in all channels (2107.10833, 3.2).
        poisson: Share of noise that is Poisson's, stronger where it is bright.
        jpeg: Probability of JPEG at the end.
        jpeg_quality: Its quality, 1..100; in steps of 5 where colours are at 4:4:4.
        subsampled: Share of JPEG with colours at half resolution (4:2:0).
    """

    clean: float = 0.0
    clean_filters: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 0.0)
    sharpen_hr: float = 0.0
    blur: float = 0.0
    blur_sigma: Range = (0.3, 2.5)
    anisotropic: float = 0.0
    filters: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 0.0)
    again: float = 0.0
    again_size: Range = (0.6, 1.6)
    again_quality: tuple[int, int] = (60, 95)
    sharpen: float = 0.0
    sharpen_amount: Range = (0.2, 1.0)
    sharpen_sigma: Range = (0.5, 1.2)
    noise: float = 0.0
    noise_sigma: Range = (0.5, 12.0)
    gray: float = 0.0
    poisson: float = 0.0
    jpeg: float = 0.0
    jpeg_quality: tuple[int, int] = (35, 95)
    subsampled: float = 1.0


def _jpeg_kind(quality: int) -> Degradation:
    return Degradation(jpeg=1, jpeg_quality=(quality, quality))


def _filter_kind(name: str, **others) -> Degradation:
    return Degradation(filters=tuple(float(name == f) for f in FILTERS), **others)


KINDS: dict[str, Degradation] = {
    "bicubic": Degradation(),
    "photo": Degradation(
        clean=0.4,
        # What is drawn among the other parts is hardly ever aliased alone: with no more
        # than that, edges of aliased pictures come out worse than by bicubic.
        clean_filters=(0.45, 0.1, 0.15, 0.1, 0.2),
        sharpen_hr=0.1,
        blur=0.3,
        anisotropic=0.5,
        filters=(0.3, 0.2, 0.15, 0.2, 0.15),
        again=0.25,
        sharpen=0.3,
        noise=0.4,
        gray=1 / 3,
        poisson=1 / 5,
        jpeg=0.9,
        subsampled=0.7,
    ),
    **{f"jpeg{quality}": _jpeg_kind(quality) for quality in (90, 70, 50, 30)},
    **{name: _filter_kind(name) for name in FILTERS[1:]},
    "blur1": Degradation(blur=1, blur_sigma=(1, 1)),
    "blur2": Degradation(blur=1, blur_sigma=(2, 2)),
    "noise3": Degradation(noise=1, noise_sigma=(3, 3)),
    "noise8": Degradation(noise=1, noise_sigma=(8, 8)),
    "web": Degradation(
        again=1,
        again_size=(1.25, 1.25),
        again_quality=(75, 75),
        jpeg=1,
        jpeg_quality=(60, 60),
    ),
    "sharpened": Degradation(
        sharpen=1, sharpen_amount=(0.6, 0.6), sharpen_sigma=(1, 1)
    ),
    "thumbnail": _filter_kind(
        "area",
        sharpen=1,
        sharpen_amount=(0.6, 0.6),
        sharpen_sigma=(0.7, 0.7),
        jpeg=1,
        jpeg_quality=(85, 85),
    ),
}


def degrade(hr, seed, *, kind: Degradation, scale: int = 4) -> tf.Tensor:
    """Makes LR of one HR picture. Equal seeds give equal LR.

    Args:
        hr: `[H, W, 3]`, values 0..255, H and W static multiples of `scale`.
        seed: Two integers, as for `tf.random.stateless_uniform`.
        kind: What may happen to it.
        scale: Factor between LR and HR.

    Returns:
        float32 `[H / scale, W / scale, 3]` of whole numbers in 0..255.
    """
    size = hr.shape[0] // scale, hr.shape[1] // scale
    clean, *seeds = tf.unstack(tf.random.split(seed, 7))

    def reduced():
        (which,) = _draw(kind.clean_filters, seeds[2], 1)
        return resize(tf.cast(hr, tf.float32), size, which)

    def worsened():
        k, unit = kind, scale / 4
        x = tf.cast(hr, tf.float32)
        x = maybe(k.sharpen_hr, x, seeds[0], sharpen, (0.2, 0.6), (unit, 2 * unit))
        sigmas = unit * k.blur_sigma[0], unit * k.blur_sigma[1]
        x = maybe(k.blur, x, seeds[1], soften, sigmas, k.anisotropic)
        x = _shrink(x, seeds[2], k, size)
        x = maybe(k.sharpen, x, seeds[3], sharpen, k.sharpen_amount, k.sharpen_sigma)
        x = maybe(k.noise, x, seeds[4], add_noise, k.noise_sigma, k.gray, k.poisson)
        return maybe(k.jpeg, to_8bit(x), seeds[5], jpeg, k.jpeg_quality, k.subsampled)

    if kind.clean:
        gate = tf.random.stateless_uniform((), clean)
        lr = tf.cond(gate < kind.clean, reduced, worsened)
    else:
        lr = worsened()
    return tf.ensure_shape(lr, (*size, 3))


def degrade_crop(crop, seed, *, kind: Degradation, scale: int = 4) -> tf.Tensor:
    """Makes LR of an HR crop with a margin, so that it shows no border of the crop.

    JPEG's blocks begin at a random place up to 7 LR pixels before the crop: a network
    would learn where they are if they began with it.

    Args:
        crop: `[h + 2 * MARGIN * scale, w + 2 * MARGIN * scale, 3]`, values 0..255, of
            static shape.
        seed, kind, scale: As for `degrade`.

    Returns:
        float32 `[h / scale, w / scale, 3]` of whole numbers in 0..255.
    """
    spare = (BLOCK - 1) * scale
    height, width = (side - spare for side in crop.shape[:2])
    place, seed = tf.unstack(tf.random.split(seed, 2))
    start = tf.random.stateless_uniform((2,), place, 0, BLOCK, tf.int32)
    start = tf.concat([start, [0]], 0)
    seen = tf.slice(crop, start * scale, (height, width, 3))
    lr = degrade(seen, seed, kind=kind, scale=scale)
    height, width = (side // scale - 2 * MARGIN for side in crop.shape[:2])
    return tf.slice(lr, [MARGIN, MARGIN, 0] - start, (height, width, 3))


def degrade_photo(
    photo: np.ndarray, name: str, *, scale: int = 4, seed: int = 0, index: int = 0
) -> np.ndarray:
    """Makes LR of a whole photo.

    Args:
        photo: uint8 `[H, W, 3]`; cropped at right and bottom to a multiple of `scale`.
        name: One of `KINDS`.
        scale: Factor between LR and HR.
        seed: Equal seeds give equal LR.
        index: Of the photo in its set, which else would all have the same noise.

    Returns:
        uint8 `[H // scale, W // scale, 3]`.

    Raises:
        UserError: If there is no such kind.

    Example:
        >>> degrade_photo(np.zeros((45, 80, 3), np.uint8), "jpeg50").shape
        (11, 20, 3)
    """
    if name not in KINDS:
        raise UserError(f"--degradation={name}: choose from {', '.join(KINDS)}.")
    height, width = (side - side % scale for side in photo.shape[:2])
    with tf.device("CPU"):  # other devices multiply matrices less exactly
        photo = tf.constant(photo[:height, :width])
        lr = degrade(photo, (seed, index), kind=KINDS[name], scale=scale)
    return lr.numpy().astype(np.uint8)


def _draw(weights, seed, count: int) -> list[tf.Tensor]:
    """The numbers of that many filters."""
    drawn = tf.random.stateless_uniform((count,), seed, 0.0, sum(weights))
    return tf.unstack(
        tf.searchsorted(np.cumsum(weights, dtype=np.float32), drawn, "right")
    )


def _shrink(x, seed, kind: Degradation, size):
    """HR to LR at once, or by way of a JPEG picture of another size."""
    filters, seed = tf.unstack(tf.random.split(seed, 2))
    which = _draw(kind.filters, filters, 2)

    def by_way(x, seed):
        seeds = tf.unstack(tf.random.split(seed, 2))
        factor = between(kind.again_size, uniform(seeds[0], 1)[0])
        first = [tf.cast(tf.round(side * factor), tf.int32) for side in size]
        x = resize(x, first, which[0])
        return jpeg(x, seeds[1], kind.again_quality, kind.subsampled)

    return resize(maybe(kind.again, x, seed, by_way), size, which[1])
