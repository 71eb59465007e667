"""The release script that teaches a generator from several networks, in PyTorch."""

import csv
import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import REPOSITORY
from test_learn_ensemble import assert_nearer_to_mean_of_eight

from srgan_tf import Generator, load_generator

if importlib.util.find_spec("torch") is None:
    pytest.skip("NOT TESTED: torch is not installed", allow_module_level=True)

import tensorflow as tf
import torch
from span import Span
from torch_generator import TorchGenerator

RELEASE = REPOSITORY / "experiments" / "release"


def trained_generator() -> Generator:
    """One whose BatchNorm and slopes have no start value, held."""
    generator = Generator(num_blocks=2, filters=8)
    rng = np.random.default_rng(3)
    for variable in generator.variables:
        if len(variable.shape) != 4:
            variable.assign(rng.uniform(0.1, 0.9, variable.shape))
    generator.freeze_batch_norm()
    return generator


def test_torch_computes_the_same_pictures_and_gradients():
    generator = trained_generator()
    rng = np.random.default_rng(0)
    lr = rng.random((2, 9, 12, 3), np.float32)
    hr = rng.random((2, 36, 48, 3), np.float32)
    with tf.GradientTape() as tape:
        sr = generator(lr, training=True)
        loss = keras.ops.mean(keras.losses.mean_absolute_error(hr, sr))
    variables = [v.value for v in generator.trainable_variables]
    expected = tape.gradient(loss, variables)
    gradients = {
        v.path: g for v, g in zip(generator.trainable_variables, expected, strict=True)
    }

    network = TorchGenerator(generator, torch.float32)
    theirs = network(torch.from_numpy(lr).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    (theirs - torch.from_numpy(hr)).abs().mean().backward()
    np.testing.assert_allclose(theirs.detach(), sr, atol=1e-5)
    with torch.no_grad():
        shown = network(torch.from_numpy(lr).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    np.testing.assert_allclose(shown, sr, atol=1e-5)
    assert {variable.path for variable, _ in network.source} == set(gradients)
    for variable, parameter in network.source:
        gradient = parameter.grad.numpy()
        if gradient.ndim == 4:
            gradient = gradient.transpose(2, 3, 1, 0)
        wanted = gradients[variable.path].numpy()
        error = np.linalg.norm(gradient.ravel() - wanted.ravel())
        assert error < 1e-3 * np.linalg.norm(wanted), variable.path


def test_weights_go_there_and_back():
    generator = trained_generator()
    network = TorchGenerator(generator)
    before = generator.get_weights()
    network.write_back([2 * parameter for _, parameter in network.source])
    held = {v.path for layer in generator.batch_norm_layers() for v in layer.weights}
    for variable, old in zip(generator.weights, before):
        factor = 1 if variable.path in held else 2
        np.testing.assert_array_equal(variable, factor * old, variable.path)
    network.write_back()
    for new, old in zip(generator.get_weights(), before):
        np.testing.assert_array_equal(new, old)


def write_span(path, kernel, bias, half: bool) -> None:
    """A graph as ncnn writes it: one convolution and PixelShuffle, less a mean."""
    path.write_text(
        "7767517\n5 5\n"
        "Input            in    0 1 data\n"
        "MemoryData       mean  0 1 mean 0=1 1=1 2=3\n"
        "BinaryOp         sub   2 1 data mean centred 0=1\n"
        f"Convolution      conv  1 1 centred deep 0=48 1=3 4=1 5=1 6={kernel.size}\n"
        "PixelShuffle     up    1 1 deep output 0=4\n"
    )
    mark = np.uint32(0x01306B47 if half else 0).tobytes()
    numbers = kernel.astype(np.float16 if half else np.float32).tobytes()
    mean = np.full(3, 0.5, np.float32).tobytes()
    path.with_suffix(".bin").write_bytes(mean + mark + numbers + bias.tobytes())


@pytest.mark.parametrize("half", [True, False])
def test_span_files(tmp_path, half):
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(48, 3, 3, 3)).astype(np.float16).astype(np.float32)
    bias = rng.normal(size=48).astype(np.float32)
    write_span(tmp_path / "span.param", kernel, bias, half)
    lr = rng.random((1, 5, 6, 3), np.float32)
    padded = np.pad(lr - 0.5, ((0, 0), (1, 1), (1, 1), (0, 0)))
    deep = tf.nn.conv2d(padded, kernel.transpose(2, 3, 1, 0), 1, "VALID") + bias
    # PyTorch's order: the channel first, then its row and column.
    deep = np.reshape(deep, (1, 5, 6, 3, 4, 4)).transpose(0, 1, 4, 2, 5, 3)
    sr = Span(tmp_path / "span.param", torch.float32)(
        torch.from_numpy(lr).permute(0, 3, 1, 2)
    )
    expected = 2 * deep.reshape(1, 20, 24, 3) - 1
    np.testing.assert_allclose(sr.permute(0, 2, 3, 1), expected, atol=1e-4)


def test_unknown_layers_are_named(tmp_path):
    (tmp_path / "other.param").write_text("7767517\n1 1\nPooling p 0 1 x 0=1\n")
    (tmp_path / "other.bin").write_bytes(b"")
    with pytest.raises(ValueError, match="Pooling"):
        Span(tmp_path / "other.param")


@pytest.mark.slow
def test_one_pass_comes_nearer_to_the_mean_of_eight_and_goes_on(tmp_path, photo_folder):
    generator = Generator(num_blocks=1, filters=4)
    generator.save_weights(tmp_path / "start.weights.h5")
    out = tmp_path / "out"

    def learn(steps: int) -> list[dict]:
        subprocess.run(
            [
                *(sys.executable, RELEASE / "learn_teachers.py", f"--out={out}"),
                *(f"--photos={photo_folder}", f"--valid={photo_folder}", "--share=1"),
                *(f"--model={tmp_path}/start.weights.h5", "--learning_rate=3e-3"),
                *("--crop_size=64", "--batch_size=4", "--every=50"),
                f"--steps={steps}",
            ],
            check=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        return list(csv.DictReader((out / "metrics.csv").open()))

    assert [row["step"] for row in learn(250)] == [str(n) for n in range(50, 251, 50)]
    learned = load_generator(out / "srresnet.weights.h5")
    assert_nearer_to_mean_of_eight(generator, learned, photo_folder)
    assert [row["step"] for row in learn(300)][-2:] == ["250", "300"]
