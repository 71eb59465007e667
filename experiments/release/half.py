"""Writes a discriminator's weights in float16, for the package.

    python experiments/release/half.py runs/NAME OUT.weights.h5

It is only ever trained on, where the third digit of a weight does not count.
"""

import sys
from pathlib import Path

import h5py
import numpy as np

from srgan_tf.files import whole_file


def main(run: str, out: str) -> None:
    """Copies the file of a run folder, its arrays in half precision."""
    source = Path(run) / "discriminator.weights.h5"
    with (
        h5py.File(source) as whole,
        whole_file(out) as partial,
        h5py.File(partial, "w") as half,
    ):

        def copy(name, item):
            if isinstance(item, h5py.Dataset):
                # HDF5 itself rounds wrongly just below powers of two.
                values = item[()].astype(np.float16)
                half.create_dataset(name, data=values)
            else:
                half.create_group(name).attrs.update(item.attrs)

        whole.visititems(copy)


if __name__ == "__main__":
    main(*sys.argv[1:])
