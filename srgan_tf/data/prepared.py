"""Sub-pictures that `prepare` has written, read at random by TensorFlow ops alone."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from srgan_tf.data.decoding import decode, decode_part
from srgan_tf.data.photo_table import each
from srgan_tf.errors import UserError, reason

FORMAT = 1
INDEX, INFO = "index.npz", "info.json"
_FEATURES = {"image": tf.io.FixedLenFeature([], tf.string)}


def is_prepared(folder: str | os.PathLike) -> bool:
    """Whether a folder is a prepared data set."""
    return all(Path(folder, name).expanduser().is_file() for name in (INDEX, INFO))


def example(encoded: bytes) -> bytes:
    """The record of one encoded picture."""
    image = tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded]))
    features = tf.train.Features(feature={"image": image})
    return tf.train.Example(features=features).SerializeToString()


class RecordTable(NamedTuple):
    """Where the sub-pictures lie, as tensors: arrays would be copied into the graph.

    Attributes:
        shards: Paths of the TFRecord files.
        shard: int32 number of each sub-picture's file, `[count]`.
        offsets: int64 bytes before its record, `[count]`.
        sizes: int32 `[count, 2]`, height and width.
    """

    shards: tf.Tensor
    shard: tf.Tensor
    offsets: tf.Tensor
    sizes: tf.Tensor

    def encoded(self, index) -> tf.Tensor:
        """The JPEG or PNG file of a number, as TensorFlow ops."""
        records = tf.raw_ops.TFRecordDatasetV2(
            filenames=tf.gather(self.shards, tf.gather(self.shard, index))[None],
            compression_type="",
            buffer_size=tf.constant(0, tf.int64),  # whole records are read at once
            byte_offsets=tf.gather(self.offsets, index)[None],
        )
        of = {"output_types": [tf.string], "output_shapes": [[]]}
        first = tf.raw_ops.TakeDataset(
            input_dataset=records, count=tf.constant(1, tf.int64), **of
        )
        (record,) = tf.raw_ops.DatasetToSingleElement(dataset=first, **of)
        return tf.io.parse_single_example(record, _FEATURES)["image"]

    def windows(self, index, low, extent) -> list[tf.Tensor]:
        """Parts of sub-pictures, as TensorFlow ops.

        Args:
            index: int64 numbers of the sub-pictures, `[n]`, n static.
            low: int32 `[n, 2]`, each part's first row and column.
            extent: int32 `[n, 2]`, its height and width; it lies within the
                sub-picture.

        Returns:
            uint8 `[height, width, 3]` of each.
        """
        sizes = tf.gather(self.sizes, index)
        return [
            decode_part(self.encoded(number), *part)
            for number, *part in each(index, sizes, low, extent)
        ]


class Prepared(Sequence):
    """A prepared data set: HR sub-pictures that are read from the disk on use.

    It is opened in a moment, whatever its size, and held in no memory but the index's
    16 bytes a sub-picture.

    Args:
        folder: As `prepare` wrote it.
        min_side: The shorter side a sub-picture must have, in pixels.

    Indexing gives uint8 `[H, W, 3]`.

    Raises:
        UserError: If the folder is not whole, or no sub-picture is large enough.
    """

    def __init__(self, folder: str | os.PathLike, min_side: int = 1):
        self.folder = Path(folder).expanduser()
        try:
            self.info = json.loads((self.folder / INFO).read_text())
            with np.load(self.folder / INDEX) as index:
                shard, offsets, sizes = (index[x] for x in ("shard", "offset", "size"))
        except (OSError, ValueError, KeyError) as error:
            raise UserError(
                f"{self.folder} is no whole prepared data set: {reason(error)}"
            ) from None
        if self.info["format"] != FORMAT:
            raise UserError(
                f"{self.folder} was prepared by another version: prepare it anew."
            )
        self.check_unchanged()
        large = sizes.min(axis=1) >= min_side
        self.left_out = int((~large).sum())
        if not large.any():
            raise UserError(
                f"No sub-picture in {self.folder} has {min_side} pixels on each side; "
                "choose smaller crops, or prepare it anew with a larger --size."
            )
        shards = [str(self.folder / name) for name in self.info["shards"]]
        self._sizes = sizes[large]
        with tf.device("CPU"):
            each = shards, shard[large], offsets[large], self._sizes
            self._table = RecordTable(*map(tf.constant, each))

    def check_unchanged(self) -> None:
        """Looks at the shards.

        Raises:
            UserError: If one has vanished or changed, naming it.
        """
        for name, size in self.info["shards"].items():
            try:
                found = os.path.getsize(self.folder / name)
            except OSError as error:
                raise UserError(
                    f"{self.folder / name} cannot be read: {reason(error)}"
                ) from None
            if found != size:
                raise UserError(
                    f"{self.folder / name} has {found} bytes, not the {size} that were "
                    "written: prepare it anew."
                )

    def check_records(self) -> None:
        """Reads every record, as long as they agree with their checksums.

        Raises:
            UserError: At the first that does not, naming its shard.
        """
        for name in self.info["shards"]:
            read = 0
            records = tf.data.TFRecordDataset(str(self.folder / name))
            try:
                for _ in records:
                    read += 1
            except tf.errors.OpError:
                raise UserError(
                    f"{self.folder / name} is damaged after {read} sub-pictures: "
                    f"prepare {self.folder} anew, and the same command continues from "
                    "the last checkpoint."
                ) from None

    def __len__(self):
        return len(self._sizes)

    def __getitem__(self, index):
        return decode(self._table.encoded(range(len(self))[index])).numpy()

    def table(self) -> RecordTable:
        """The sub-pictures for the pipeline."""
        return self._table

    def __str__(self):
        megapixels = self._sizes.prod(axis=1, dtype=np.int64).sum() / 1e6
        text = f"{len(self):,} sub-pictures, {megapixels:,.1f} megapixels, "
        return (
            f"{text}prepared from {self.info['photos']:,} photos and read from the disk"
            + (f"; {self.left_out:,} are too small." if self.left_out else ".")
        )
