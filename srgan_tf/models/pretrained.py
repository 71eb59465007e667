"""Loading generators: by file, by run folder, in our layout or in krasserm's."""

import hashlib
import itertools
import json
import os
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from srgan_tf.errors import UserError, reason
from srgan_tf.models.discriminator import Discriminator
from srgan_tf.models.generator import Generator

WEIGHTS = Path(__file__).parents[1] / "weights"
DISCRIMINATOR = "_discriminator"  # how their names end


def released_models() -> dict[str, Path]:
    """The generators that come with the package: name, such as `srgan_x4`, and file."""
    return {k: v for k, v in _released().items() if not k.endswith(DISCRIMINATOR)}


def released_discriminators() -> dict[str, Path]:
    """Those to fine-tune the generators against, such as `srgan_x4_discriminator`."""
    return {k: v for k, v in _released().items() if k.endswith(DISCRIMINATOR)}


def _released() -> dict[str, Path]:
    return {path.name.split(".")[0]: path for path in sorted(WEIGHTS.glob("*.h5"))}


def released_scale(name: str) -> int:
    """The factor that a released model has in its name."""
    return int(name.split("_")[1].removeprefix("x"))


def released_facts() -> dict[str, dict[str, Any]]:
    """What `weights/facts.json` says of each of them: how made, licence, scores, ..."""
    return _facts()["models"]


def _facts() -> dict[str, Any]:
    return json.loads((WEIGHTS / "facts.json").read_text("utf-8"))


def _check_released(path: Path, facts: dict[str, Any]) -> Path:
    """The file of a released model, if it is as `facts` says.

    Raises:
        UserError: If its SHA-256 is another.
    """
    if hashlib.sha256(path.read_bytes()).hexdigest() != facts.get("sha256"):
        raise UserError(f"{path} is damaged or not ours: install srgan_tf again.")
    return path


def load_generator(source: str | os.PathLike) -> Generator:
    """Loads a generator, whatever its scale and size.

    Args:
        source: A name of `released_models`, a run folder, a `.keras` file, a
            `.weights.h5` file of ours, or a `.h5` file of krasserm/super-resolution
            (the same network, saved by Keras 2).

    Raises:
        UserError: If there is no such file, it holds no generator, or it is a released
            one that does not match its SHA-256.

    Example:
        >>> load_generator("srgan_x4").scale
        4
    """
    released = released_models()
    path = Path(source)
    if str(source) in released:
        facts = released_facts().get(str(source), {})
        path = _check_released(released[str(source)], facts)
    if path.is_dir():
        path = path / "generator.keras"
        if not path.is_file():
            raise UserError(
                f"{source} has no generator.keras: name a finished run folder."
            )
    if not path.is_file():
        names = ", ".join(released) or "none in this installation"
        raise UserError(
            f"There is no model {source}: name a file, a run folder or a released "
            f"model ({names})."
        )
    try:
        if path.suffix == ".keras":
            model = keras.saving.load_model(path, compile=False)
        else:
            model = _from_h5(path)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path} holds no generator of ours: {reason(error)}") from None
    if not isinstance(model, Generator):
        raise UserError(f"{path} holds a {type(model).__name__}, not a Generator.")
    return model


def load_discriminator_weights(model: Discriminator, source: str | os.PathLike) -> None:
    """Loads the weights of a discriminator.

    Args:
        model: What takes them.
        source: A name of `released_discriminators`, a `.weights.h5` file of ours or an
            `.h5` of krasserm's.

    Raises:
        UserError: If there is no such file, it is damaged or of another architecture.
    """
    released = released_discriminators()
    path = Path(source)
    if str(source) in released:
        facts = _facts().get("discriminators", {}).get(str(source), {})
        path = _check_released(released[str(source)], facts)
    if not path.is_file():
        names = ", ".join(released) or "none in this installation"
        raise UserError(
            f"There is no discriminator {source}: name a file or a released one "
            f"({names})."
        )
    try:
        with h5py.File(path) as file:
            legacy = "layer_names" in file.attrs
        if legacy:
            model.set_weights(_legacy_weights(path))
        else:
            model.load_weights(path)
    except (OSError, KeyError, ValueError) as error:
        side = model.crop_size
        kind = f"for crops of {side} px" if side else "that is pooled"
        raise UserError(
            f"{path} does not fit a discriminator {kind} (see --discriminator): "
            f"{reason(error)}"
        ) from None


def _from_h5(path: Path) -> Generator:
    kernels = []

    def collect(name, item):
        # A compiled model's file also has its optimizer's averages of each kernel.
        weight = not name.startswith("optimizer/")
        if weight and isinstance(item, h5py.Dataset) and item.ndim == 4:
            kernels.append(item.shape)

    with h5py.File(path) as file:
        legacy = "layer_names" in file.attrs
        file.visititems(collect)
    model = Generator(**_size(kernels))
    if legacy:
        model.set_weights(_legacy_weights(path))
    else:
        model.load_weights(path)
    return model


def _size(kernels: list[tuple[int, ...]]) -> dict[str, Any]:
    """Reads the generator's arguments off the shapes of its convolutions."""
    ends = [shape[2:] for shape in kernels if shape[:2] == (9, 9)]
    if len(ends) != 2 or ends[0] != ends[1][::-1]:
        raise ValueError("its convolutions are not those of the paper's Figure 4")
    channels, filters = sorted(ends[0])
    upsampling = sum(shape[3] == 4 * filters for shape in kernels)
    # Each residual block has two more; head, body and tail are one each.
    num_blocks = (len(kernels) - 3 - upsampling) // 2
    return {
        "scale": 2**upsampling,
        "num_blocks": num_blocks,
        "filters": filters,
        "channels": channels,
    }


def _legacy_weights(path: str | os.PathLike) -> list[np.ndarray]:
    """The arrays of a Keras 2 `.h5` file in layer order, in the form our models have.

    There a convolution in front of BatchNorm has a bias. It is taken off the mean that
    BatchNorm subtracts, which changes nothing in the result.
    """
    with h5py.File(path) as file:
        layers = [
            [np.array(file[name][key]) for key in file[name].attrs["weight_names"]]
            for name in file.attrs["layer_names"]
        ]
    layers = [arrays for arrays in layers if arrays]
    for conv, norm in itertools.pairwise(layers):
        # A kernel and a bias; gamma, beta, moving mean and moving variance.
        if len(conv) == 2 and len(norm) == 4:
            norm[2] = norm[2] - conv.pop()
    return [array for arrays in layers for array in arrays]
