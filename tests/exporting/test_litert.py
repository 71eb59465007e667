"""LiteRT models of 8 bits: near the plain network, smaller, and of its colours."""

import numpy as np
import pytest
from samples import (
    by_network,
    keras_8bit,
    levels_apart,
    save_picture,
    smooth_photo,
    trained_like,
)

from srgan_tf.data.listing import find_photos
from srgan_tf.data.photos import read_photo
from srgan_tf.exporting.export import export
from srgan_tf.inference.loading import load_model
from srgan_tf.models.pretrained import load_generator


@pytest.mark.parametrize("quantize", ["dynamic", "int8"])
def test_8_bit_is_near_and_smaller(tmp_path, quantize):
    wide = trained_like(filters=32)
    paths = [tmp_path / "photos" / f"{seed}.png" for seed in range(3)]
    for seed, path in enumerate(paths):
        save_picture(path, smooth_photo(seed, 300, 300))
    export(wide, tmp_path / "m.tflite", file_format="litert")
    options = {"quantize": quantize, "photos": list(map(str, paths))}
    export(wide, tmp_path / "q.tflite", file_format="litert", **options)
    size = (tmp_path / "m.tflite").stat().st_size
    assert (tmp_path / "q.tflite").stat().st_size < 0.6 * size
    picture = smooth_photo(9, 30, 47)
    exact = keras_8bit(wide, picture)
    error = levels_apart(by_network(picture, load_model(tmp_path / "q.tflite")), exact)
    assert 0 < np.sqrt(np.mean(error**2.0)) < 0.1 * exact.std()


def test_8_bit_weights_keep_colours(tmp_path):
    released = load_generator("srresnet_x4")
    options = {"quantize": "dynamic", "photos": find_photos("bundled")}
    export(released, tmp_path / "q.tflite", file_format="litert", **options)
    picture = read_photo(find_photos("bundled", "validation")[0])[100:300:2, 100:350:2]
    error = by_network(picture, load_model(tmp_path / "q.tflite")).astype(float)
    error -= keras_8bit(released, picture)
    # Without correction green is 1.5 levels off.
    assert np.all(np.abs(error.mean(axis=(0, 1))) < 0.7)
