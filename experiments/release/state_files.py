"""The state of `train_jax.py` in files of 15 MiB, which carry it between machines."""

import io
import re
from pathlib import Path

import jax.numpy as jnp
import ml_dtypes
import numpy as np
from jax_steps import State

PART = 15 * 2**20


def save(folder: Path, stage: str, step: int, steps: int, state: State, compact: bool):
    """Writes the state as numbered parts, then removes those of the step before.

    Compact, for stage gan: the moments of the generator's Adam as bfloat16, the
    discriminator's kernels as float16 and its moments left out, so that 283 MB of the
    discriminator become 47 MB. All else is float32.
    """
    arrays = {"steps": np.array(steps)}
    for name, values in state.items():
        for i, value in enumerate(values):
            array = np.asarray(value)
            if compact and name == "d_slots":
                continue
            if compact and name == "g_slots" and array.ndim:
                array = array.astype(ml_dtypes.bfloat16).view(np.uint16)
            elif compact and name == "d_weights" and array.ndim > 1:
                array = array.astype(np.float16)
            if name != "average":  # that is the result file
                arrays[f"{name}/{i}"] = array
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    data = packed.getbuffer()
    count = -(-len(data) // PART)
    folder.mkdir(parents=True, exist_ok=True)
    old = list(folder.glob(f"{stage}-*.part*"))
    for i in range(count):
        path = folder / f"{stage}-{step:09d}.part{i + 1}of{count}"
        path.write_bytes(data[i * PART : (i + 1) * PART])
        old = [other for other in old if other != path]
    for path in old:
        path.unlink()


def newest(folder: Path, stage: str) -> tuple[int, list[Path]]:
    """The step and the parts of the newest state whose parts are all there."""
    states = {}
    for path in sorted(folder.glob(f"{stage}-*.part*")):
        step, _, count = map(int, re.findall(r"\d+", path.name))
        states.setdefault((step, count), []).append(path)
    whole = {step: paths for (step, n), paths in states.items() if n == len(paths)}
    return max(whole.items(), default=(0, []))


def restore(paths: list[Path], state: State) -> tuple[int, State]:
    """Reads what `save` wrote into a first state; returns the planned steps as well."""
    data = b"".join(path.read_bytes() for path in paths)
    with np.load(io.BytesIO(data)) as arrays:
        for name, values in state.items():
            for i, value in enumerate(values):
                if f"{name}/{i}" not in arrays:
                    continue
                array = arrays[f"{name}/{i}"]
                if array.dtype == np.uint16:
                    array = array.view(ml_dtypes.bfloat16)
                values[i] = jnp.asarray(array, value.dtype)
        return int(arrays["steps"]), state
