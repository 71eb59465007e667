import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.data.listing import find_photos
from srgan_tf.data.photos import read_photo
from srgan_tf.errors import UserError


@pytest.mark.slow
def test_a_tensorflow_data_set_is_unpacked_once(tmp_path):
    import tensorflow_datasets as tfds

    photos = [np.full((40, 48, 3), level, np.uint8) for level in (10, 200)]

    features = tfds.features.FeaturesDict(
        {"lr": tfds.features.Image(), "hr": tfds.features.Image()}
    )
    records = tf.data.Dataset.from_tensor_slices(
        {"lr": [photo[::4, ::4] for photo in photos], "hr": photos}
    )
    tfds.dataset_builders.store_as_tfds_dataset(
        name="tiny_photos",
        version="1.0.0",
        features=features,
        split_datasets={"train": records},
        data_dir=tmp_path,
    )
    paths = find_photos("tiny_photos", "train", str(tmp_path))
    assert sorted(read_photo(p)[0, 0, 0] for p in paths) == [10, 200]
    assert all(read_photo(p).shape == (40, 48, 3) for p in paths)
    assert find_photos("tiny_photos", "train", str(tmp_path)) == paths
    with pytest.raises(UserError, match="--split=test: tiny_photos has no such split"):
        find_photos("tiny_photos", "test", str(tmp_path))
