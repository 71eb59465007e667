"""What stands beside the shards of a prepared set, written when all are there."""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from srgan_tf.data.prepared import FORMAT, INDEX, INFO
from srgan_tf.data.shards import PARTS
from srgan_tf.errors import UserError, reason
from srgan_tf.files import whole_file

LEFT_OUT, MANIFEST = "left_out.txt", "manifest.jsonl"


def finish(
    partial: Path, folder: Path, names: Sequence[str], plan: str
) -> dict[str, Any]:
    """Writes index, lists and metadata, and puts the folder in its place.

    Args:
        partial: The folder of unfinished work, with all shards.
        folder: Its place.
        names: Of the shards.
        plan: What the set has been made of.

    Returns:
        What the index tells of the set.

    Raises:
        UserError: If no photo can be used, or the folder cannot be written.
    """
    parts = [json.loads((partial / PARTS / name).read_text()) for name in names]
    left_out = [line for part in parts for line in part["left_out"]]
    sizes = [size for part in parts for size in part["size"]]
    if not sizes:
        raise UserError(f"No photo can be used (first: {left_out[0][1]}).")
    kinds = Counter(kind for kind, _ in left_out)
    info = {
        "format": FORMAT,
        "plan": plan,
        "photos": sum(len(part["sources"]) for part in parts),
        "sub_pictures": len(sizes),
        "megapixels": sum(height * width for height, width in sizes) / 1e6,
        "left_out": len(left_out),
        "left_out_kinds": dict(sorted(kinds.items())),
        "shards": {name: part["bytes"] for name, part in zip(names, parts)},
    }
    with whole_file(partial / LEFT_OUT) as file:
        file.write_text("".join(f"{line}\n" for _, line in left_out))
    with whole_file(partial / MANIFEST) as file, file.open("w") as lines:
        for shard, part in enumerate(parts):
            for digest, path, count in part["sources"]:
                source = {"sha256": digest, "path": path, "shard": shard}
                lines.write(json.dumps({**source, "sub_pictures": count}) + "\n")
    counts = [len(part["size"]) for part in parts]
    with whole_file(partial / INDEX) as file:
        np.savez(
            file,
            shard=np.repeat(np.arange(len(parts), dtype=np.int32), counts),
            offset=np.array([x for part in parts for x in part["offset"]], np.int64),
            size=np.array(sizes, np.int32),
        )
    with whole_file(partial / INFO) as file:
        file.write_text(json.dumps(info, indent=1))
    _write_tfds(partial, counts, sum(info["shards"].values()))
    try:
        for rest in partial.glob(".*"):  # of a process that was killed while it wrote
            rest.unlink()
        for rest in [path for path in partial.iterdir() if path.is_dir()]:
            shutil.rmtree(rest)
        partial.rename(folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {reason(error)}") from None
    (folder / "plan.txt").unlink(missing_ok=True)
    return info


def _write_tfds(folder: Path, counts: Sequence[int], size: int) -> None:
    """Writes what `tfds.builder_from_directory` needs."""
    import tensorflow_datasets as tfds

    tfds.folder_dataset.write_metadata(
        data_dir=folder,
        features=tfds.features.FeaturesDict({"image": tfds.features.Image()}),
        split_infos=[
            tfds.core.SplitInfo(
                name="train", shard_lengths=list(counts), num_bytes=size
            )
        ],
        check_data=False,
    )
