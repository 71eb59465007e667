import numpy as np

from srgan_tf.pictures import ranges


def test_ends_and_middle_of_each_range():
    levels = np.array([0.0, 127.5, 255.0])
    np.testing.assert_allclose(ranges.lr_from_255(levels), [0, 0.5, 1])
    np.testing.assert_allclose(ranges.hr_from_255(levels), [-1, 0, 1])
    np.testing.assert_allclose(ranges.hr_to_255(ranges.hr_from_255(levels)), levels)


def test_every_8_bit_level_survives_the_round_trip():
    levels = np.arange(256, dtype=np.float32)
    np.testing.assert_array_equal(ranges.to_uint8(ranges.hr_from_255(levels)), levels)


def test_values_beyond_the_range_are_clipped():
    np.testing.assert_array_equal(ranges.to_uint8(np.array([-1.5, 1.5])), [0, 255])
