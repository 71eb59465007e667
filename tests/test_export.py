import numpy as np
import tensorflow as tf

from srgan_tf.export import export_saved_model
from srgan_tf.models import Generator
from srgan_tf.ranges import lr_from_255, to_uint8


def test_saved_model_equals_the_generator_at_any_size(tmp_path):
    generator = Generator(num_blocks=1, filters=4)
    export_saved_model(generator, tmp_path / "saved")
    loaded = tf.saved_model.load(tmp_path / "saved")
    serve = loaded.signatures["serving_default"]
    for shape in ((1, 7, 9, 3), (2, 16, 5, 3)):
        images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        (sr,) = serve(images=tf.constant(images)).values()
        expected = to_uint8(generator(lr_from_255(images.astype(np.float32))))
        assert sr.dtype == tf.uint8
        assert np.abs(sr.numpy().astype(int) - expected).max() <= 1


def test_an_export_replaces_the_old_one_whole(tmp_path):
    for scale in (2, 4):
        generator = Generator(scale=scale, num_blocks=1, filters=4)
        export_saved_model(generator, tmp_path / "saved")
    loaded = tf.saved_model.load(tmp_path / "saved")
    images = tf.zeros((1, 3, 3, 3), tf.uint8)
    (sr,) = loaded.signatures["serving_default"](images=images).values()
    assert sr.shape == (1, 12, 12, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]
