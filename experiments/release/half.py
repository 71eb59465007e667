"""Writes weights in float16 and as little space as HDF5 can, for the package.

    python experiments/release/half.py IN.weights.h5 OUT.weights.h5

A generator's pictures change by far less than a level. A discriminator is only ever
trained on, where the third digit of a weight does not count.
"""

import sys

import h5py
import numpy as np

from srgan_tf.files import whole_file


def main(source: str, out: str) -> None:
    """Copies a file of weights, its arrays in half precision."""
    with (
        h5py.File(source) as whole,
        whole_file(out) as partial,
        h5py.File(partial, "w", libver="latest") as half,
    ):

        def copy(name, item):
            if isinstance(item, h5py.Dataset):
                # HDF5 itself rounds wrongly just below powers of two.
                values = item[()].astype(np.float16)
                half.create_dataset(name, data=values, compression="gzip", shuffle=True)
            else:
                half.create_group(name).attrs.update(item.attrs)

        whole.visititems(copy)


if __name__ == "__main__":
    main(*sys.argv[1:])
