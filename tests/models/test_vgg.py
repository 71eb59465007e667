import h5py
import keras
import numpy as np
import pytest

from srgan_tf.errors import UserError
from srgan_tf.models import VGGFeatures


def test_maps_have_the_size_and_depth_of_their_layer():
    features = VGGFeatures(["1,2", "2,2", "5,4"], weights=None)
    shapes = [tuple(f.shape) for f in features(np.zeros((1, 32, 48, 3), np.float32))]
    assert shapes == [(1, 32, 48, 64), (1, 16, 24, 128), (1, 2, 3, 512)]


def test_maps_are_taken_after_the_activation_and_frozen():
    features = VGGFeatures("2,2", weights=None)
    assert features.model.outputs[0].name.startswith("keras_tensor")
    maps = np.asarray(features(np.random.default_rng(0).random((1, 16, 16, 3)))[0])
    assert maps.min() == 0 < maps.max()
    assert not features.trainable_variables


def test_real_weights_are_those_of_the_file(shared_data):
    path = shared_data / "vgg19" / "vgg19_blocks1-3.h5"
    features = VGGFeatures("3,4", weights=str(path))
    with h5py.File(path) as file:
        for layer in features.model.layers:
            if layer.weights:
                group = file[layer.name]
                stored = [np.array(group[n]) for n in group.attrs["weight_names"]]
                for ours, theirs in zip(layer.get_weights(), stored):
                    np.testing.assert_array_equal(ours, theirs)


def test_a_file_without_a_needed_layer_is_refused_by_its_name(tmp_path):
    path = tmp_path / "part.h5"
    with h5py.File(path, "w") as file:
        for name in ("block1_conv1", "block1_conv2"):
            file.create_group(name)["kernel"] = np.zeros(1)
    with pytest.raises(UserError, match="lacks the layer block2_conv1"):
        VGGFeatures("2,2", weights=str(path))


def test_shared_file_lacks_vgg54(shared_data):
    path = shared_data / "vgg19" / "vgg19_blocks1-3.h5"
    with pytest.raises(UserError, match="lacks the layer block4_conv1"):
        VGGFeatures("5,4", weights=str(path))


def test_missing_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(UserError, match="there is no file"):
        VGGFeatures("2,2", weights=str(tmp_path / "none.h5"))
    text = tmp_path / "text.h5"
    text.write_text("no weights")
    with pytest.raises(UserError, match="not an HDF5 file"):
        VGGFeatures("2,2", weights=str(text))


def test_an_unknown_map_is_refused():
    with pytest.raises(ValueError, match=r"phi_\{7,1\}"):
        VGGFeatures("7,1", weights=None)


def test_config_makes_the_same_layer():
    features = VGGFeatures(["2,2", "3,4"], weights=None)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(features)
    )
    assert again.get_config() == features.get_config()
