"""What the released generators make of pictures, and the dials between them."""

import numpy as np
import pytest
import skimage.data
from samples import values

import srgan_tf
from srgan_tf.data.degradations import degrade_photo
from srgan_tf.pictures.imresize import imresize_large


@pytest.mark.parametrize(
    ("dials", "name"),
    [
        ({}, "srgan_x4_photo"),
        ({"realism": 0}, "srresnet_x4_photo"),
        ({"denoise": 0}, "srgan_x4"),
        ({"realism": 0, "denoise": 0}, "srresnet_x4"),
    ],
)
def test_the_dials_end_at_the_released_files(dials, name):
    pixels = values(16, 20, 3)
    result = srgan_tf.upscale(pixels, **dials)
    np.testing.assert_array_equal(result, srgan_tf.upscale(pixels, name))


def block_edges(picture: np.ndarray) -> float:
    """Energy of differences across edges of JPEG's blocks, over that of all others."""
    luma = picture.astype(np.float32).mean(axis=-1)
    ratios = []
    for axis in (0, 1):
        energy = np.square(np.diff(luma, axis=axis)).mean(axis=1 - axis)
        at = np.arange(len(energy)) % 32 == 31  # blocks of 8 LR pixels
        ratios.append(energy[at].mean() / energy[~at].mean())
    return float(np.mean(ratios))


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_blocks_of_jpeg_are_weaker_than_in_bicubic_by_the_model_for_photos(name):
    hr = getattr(skimage.data, name)()[:384, :384]
    lr = degrade_photo(hr, "jpeg50")
    edges = block_edges(srgan_tf.upscale(lr))
    assert edges < 0.9 * block_edges(imresize_large(lr, 4))
    assert edges < 0.9 * block_edges(srgan_tf.upscale(lr, "srgan_x4"))
