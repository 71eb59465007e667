import numpy as np
from conftest import smooth_photo

from srgan_tf.data.imresize import imresize
from srgan_tf.models import Generator
from srgan_tf.monitor import comparison


def test_comparison_shows_bicubic_sr_hr_with_a_row_per_photo():
    photos = [smooth_photo(0), smooth_photo(1, height=50, width=50)]
    picture = comparison(Generator(num_blocks=1, filters=4), photos, side=40)
    assert picture.shape == (2 * 40, 3 * 40, 3)
    hr = photos[1][5:45, 5:45]
    np.testing.assert_array_equal(picture[40:, 80:], hr)
    bicubic = imresize(imresize(hr, 1 / 4), 4)
    np.testing.assert_array_equal(picture[40:, :40], bicubic)


def test_at_most_four_photos_are_shown():
    photos = [smooth_photo(i) for i in range(6)]
    picture = comparison(Generator(num_blocks=1, filters=4), photos, side=16)
    assert picture.shape == (64, 48, 3)
