"""Value ranges, in one place: 8-bit 0..255, LR in [0, 1], HR and SR in [-1, 1].

Paper, section 3.2: "we scaled the range of the LR input images to [0, 1] and for the
HR images to [-1, 1]". All functions take and return arrays or tensors of any shape.
"""

import numpy as np
from keras import ops


def lr_from_255(images):
    """Maps 0..255 to the generator's input range [0, 1]."""
    return images / 255.0


def hr_from_255(images):
    """Maps 0..255 to the range of HR and SR pictures [-1, 1]."""
    return images / 127.5 - 1.0


def hr_to_255(images):
    """Maps [-1, 1] to 0..255, neither clipped nor rounded."""
    return (images + 1.0) * 127.5


def to_8bit(images):
    """Maps [-1, 1] to the 8-bit grid: whole numbers in 0..255, as a float tensor."""
    return ops.clip(ops.round(hr_to_255(images)), 0.0, 255.0)


def to_uint8(images) -> np.ndarray:
    """Maps [-1, 1] to a uint8 NumPy array."""
    return ops.convert_to_numpy(to_8bit(images)).astype(np.uint8)


def lr_from_pixels(pixels: np.ndarray) -> np.ndarray:
    """Maps a picture's uint8, uint16 or [0, 1] float values to [0, 1] as float32."""
    return np.divide(pixels, _full_scale(pixels.dtype), dtype=np.float32)


def sr_to_pixels(sr: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Maps [-1, 1] to a picture's type: clipped and, for whole numbers, rounded."""
    scaled = np.add(sr, 1.0)
    scaled *= 0.5  # in place: pictures are large
    np.clip(scaled, 0.0, 1.0, out=scaled)
    scaled *= _full_scale(dtype)
    if np.issubdtype(dtype, np.integer):
        np.round(scaled, out=scaled)
    return scaled.astype(dtype)


def _full_scale(dtype: np.dtype) -> int:
    return np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
