import keras
import numpy as np
import pytest
from samples import smooth_photo

from srgan_tf.models import Generator
from srgan_tf.pictures.imresize import imresize
from srgan_tf.training.monitor import SATURATED_ROWS, Monitor, comparison
from srgan_tf.training.run_folder import RunFolder
from srgan_tf.training.signals import HeldSignals


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


@pytest.mark.parametrize(("d_hr", "hints"), [(0.999, 1), (0.9, 0)])
def test_a_discriminator_that_wins_for_long_is_explained_once(
    config, caplog, d_hr, hints
):
    c = config(gan_steps=100, save_every=100)
    folder = RunFolder(c.run_dir)
    folder.write_flags(c.as_flags())
    generator = Generator(num_blocks=1, filters=4)
    generator.compile("adam", "mse")
    monitor = Monitor(
        c, folder, [], "gan", 0, generator, keras.optimizers.Adam(), HeldSignals()
    )
    monitor.set_model(generator)
    monitor.on_train_begin()
    for batch in range(3 * SATURATED_ROWS):
        monitor.on_train_batch_end(batch, {"d_hr": d_hr, "d_sr": 0.001})
        said = caplog.text.count("D(HR) - D(SR)")
        assert said == (hints if batch + 1 >= SATURATED_ROWS else 0)
