import keras
import pytest

from srgan_tf.models import Generator
from srgan_tf.training.monitor import SATURATED_ROWS, Monitor
from srgan_tf.training.run_folder import RunFolder
from srgan_tf.training.signals import HeldSignals


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
