"""Packs photos into two small folders that travel to the machine that trains.

python experiments/release/pack_photos.py --photos=DIR --valid=DIR --out=DIR
"""

import argparse
import io
import itertools
from pathlib import Path

from PIL import Image

from srgan_tf.data.sources import find_photos, read_photo


def by_turns(paths: list[str]) -> list[str]:
    """Orders photos so that every source (the name up to `_`) has its turn."""
    sources = itertools.groupby(sorted(paths), lambda p: Path(p).name.split("_")[0])
    turns = itertools.zip_longest(*(list(group) for _, group in sources))
    return [path for turn in turns for path in turn if path]


def encode(path: str, quality: int) -> bytes:
    """The file itself, or a JPEG of it where that is smaller."""
    original = Path(path).read_bytes()
    jpeg = io.BytesIO()
    picture = Image.fromarray(read_photo(path))
    picture.save(jpeg, "JPEG", quality=quality, optimize=True)
    return min(original, jpeg.getvalue(), key=len) if quality < 100 else original


def pack(photos: str, valid: str, out: Path, max_mib: float, quality: int, side: int):
    """Writes `out/photos` up to the budget, and `out/valid`.

    Args:
        quality: Of the JPEG encoding; 100 copies the files as they are.
        side: Validation photos are cut to this square at their centre and stored as
            PNG, so that one compiled function serves them all.
    """
    for name in ("photos", "valid"):
        (out / name).mkdir(parents=True, exist_ok=True)
    room, count = max_mib * 2**20, 0
    for path in by_turns(find_photos(photos)):
        data = encode(path, quality)
        if len(data) <= room:
            suffix = ".jpg" if data.startswith(b"\xff\xd8") else Path(path).suffix
            (out / "photos" / (Path(path).stem + suffix)).write_bytes(data)
            room, count = room - len(data), count + 1
    for path in find_photos(valid):
        height, width = read_photo(path).shape[:2]
        size = min(height, width, side)
        box = ((width - size) // 2, (height - size) // 2)
        crop = Image.fromarray(read_photo(path)).crop(
            (*box, box[0] + size, box[1] + size)
        )
        crop.save(out / "valid" / f"{Path(path).stem}.png", optimize=True)
    print(f"{count} photos, {max_mib - room / 2**20:.1f} MiB, in {out}.")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--photos", required=True, help="Folder of training photos.")
    add("--valid", required=True, help="Folder of validation photos.")
    add("--out", type=Path, required=True)
    add("--max_mib", type=float, default=40.0, help="Budget of the training photos.")
    add("--quality", type=int, default=90, help="JPEG quality; 100 copies the files.")
    add("--valid_side", type=int, default=256, help="Side of the validation crops.")
    args = parser.parse_args()
    pack(args.photos, args.valid, args.out, args.max_mib, args.quality, args.valid_side)


if __name__ == "__main__":
    main()
