import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from samples import graph_of, smooth_photo

from srgan_tf.data import prepare as prepare_module
from srgan_tf.data import shards as shards_module
from srgan_tf.data.cutting import cut_photo, detail, jpeg_quality
from srgan_tf.data.decoding import decode
from srgan_tf.data.listing import find_photos
from srgan_tf.data.opening import open_photos
from srgan_tf.data.pairs import training_pairs
from srgan_tf.data.photos import Photos, read_photo
from srgan_tf.data.prepare import prepare
from srgan_tf.data.prepared import Prepared, is_prepared
from srgan_tf.errors import UserError
from srgan_tf.main import main
from srgan_tf.options import PrepareOptions


def noise(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def mixed(tmp_path) -> Path:
    """Photos of several kinds and sizes, some of which are to be left out."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    Image.fromarray(noise(0, 70, 300)).save(folder / "0_wide.png")
    Image.fromarray(smooth_photo(1, 90, 80)).save(folder / "1.jpg", quality=90)
    turned = Image.Exif()
    turned[0x0112] = 6
    photo = Image.fromarray(smooth_photo(2, 90, 70))
    photo.save(folder / "2_turned.jpg", exif=turned)
    photo.convert("CMYK").save(folder / "3_cmyk.tif")
    Image.new("RGB", (80, 80), "teal").save(folder / "4_flat.png")
    Image.fromarray(noise(3, 60, 20)).save(folder / "5_thin.png")
    (folder / "6_broken.jpg").write_bytes(b"no picture")
    half = np.full((128, 64, 3), 200, np.uint8)
    half[64:] = noise(4, 64, 64)
    Image.fromarray(half).save(folder / "7_half.png")
    return folder


def options(folder: Path, output: Path, **others) -> PrepareOptions:
    some = {"size": 64, "min_size": 32, **others}
    return PrepareOptions(dataset=str(folder), output=str(output), **some)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_sub_pictures_cover_the_photo_and_keep_its_pixels(tmp_path):
    photo = noise(0, 150, 200)
    Image.fromarray(photo).save(tmp_path / "x.png")
    cut = cut_photo(tmp_path / "x.png", 64, min_size=32)
    assert cut.sizes == [(75, 66), (75, 67), (75, 67)] * 2
    rows = [
        np.hstack([decode(part) for part in cut.encoded[start : start + 3]])
        for start in (0, 3)
    ]
    np.testing.assert_array_equal(np.vstack(rows), photo)


@pytest.mark.parametrize("side", [64, 95])
def test_a_small_jpeg_or_png_stays_as_it_is(tmp_path, side):
    for name in ("x.jpg", "x.png"):
        Image.fromarray(smooth_photo(0, side, side)).save(tmp_path / name)
        cut = cut_photo(tmp_path / name, 64, min_size=32)
        assert cut.encoded == [(tmp_path / name).read_bytes()]
        (plain,) = cut_photo(tmp_path / name, 64, min_size=32, compression=0).encoded
        assert len(plain) > 3 * side * side
        np.testing.assert_array_equal(decode(plain), read_photo(tmp_path / name))


def test_a_file_with_more_than_a_picture_is_not_kept_as_it_is(tmp_path):
    Image.fromarray(smooth_photo(0, 64, 64)).save(tmp_path / "x.jpg")
    with (tmp_path / "x.jpg").open("ab") as file:
        file.write(bytes(64 * 64 * 3))  # a film, say
    (encoded,) = cut_photo(tmp_path / "x.jpg", 64, min_size=32).encoded
    assert encoded.startswith(b"\x89PNG")
    np.testing.assert_array_equal(decode(encoded), read_photo(tmp_path / "x.jpg"))


def test_detail_is_the_difference_between_neighbours():
    stripes = np.zeros((40, 40, 3), np.uint8)
    assert detail(stripes) == 0
    stripes[:, ::2] = 255
    assert detail(stripes) == pytest.approx(219 / 2)  # across, and none down


def test_a_mixed_folder(mixed, tmp_path, capsys):
    prepare(options(mixed, tmp_path / "set"))
    whole = Prepared(tmp_path / "set")
    photos = [read_photo(mixed / name) for name in ("0_wide.png", "1.jpg")]
    parts = [photos[0][:, 60 * i : 60 * (i + 1)] for i in range(5)]
    others = [read_photo(mixed / f"{n}") for n in ("2_turned.jpg", "3_cmyk.tif")]
    half = read_photo(mixed / "7_half.png")[64:]
    expected = [*parts, photos[1], *others, half]
    assert len(whole) == len(expected)
    for found, photo in zip(whole, expected):
        np.testing.assert_array_equal(found, photo)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
    left_out = (tmp_path / "set" / "left_out.txt").read_text().splitlines()
    for line, words in zip(
        left_out,
        (
            "4_flat.png: flat: detail 0.00, less than 1",
            "5_thin.png: 20x60, smaller than 32",
            "6_broken.jpg: ",
            "7_half.png at row 0, column 0: flat",
        ),
    ):
        assert words in line
    assert len(left_out) == 4
    said = capsys.readouterr().out
    assert "Prepared 9 sub-pictures (0.0 megapixels, " in said
    assert "of 5 photos in" in said
    assert "Left out 4, listed in" in said
    assert ": 2 flat, 1 too small, 1 unreadable." in said


def test_a_glob_and_one_photo_can_be_prepared(photo_folder, tmp_path):
    for name, count in (("[0-2].png", 3), ("5.png", 1)):
        folder = tmp_path / str(count)
        prepare(options(photo_folder / name, folder))
        assert len(Prepared(folder)) == count


def test_the_same_photos_give_the_same_bytes_whatever_the_shards(
    mixed, tmp_path, monkeypatch
):
    prepare(options(mixed, tmp_path / "one"))
    prepare(options(mixed, tmp_path / "two"))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    monkeypatch.setattr(prepare_module, "SHARD_BYTES", 20_000)
    prepare(options(mixed, tmp_path / "many"))
    assert len(list((tmp_path / "many").glob("*-of-00003"))) == 3
    for part, other in zip(Prepared(tmp_path / "one"), Prepared(tmp_path / "many")):
        np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("after", [0, 3, 5, 7])
def test_it_goes_on_where_it_was_killed(mixed, tmp_path, monkeypatch, capsys, after):
    monkeypatch.setattr(prepare_module, "SHARD_BYTES", 20_000)
    prepare(options(mixed, tmp_path / "whole"))
    calls = []

    def dies(path, *arguments, **others):
        calls.append(path)
        if len(calls) > after:
            raise KeyboardInterrupt
        return cut_photo(path, *arguments, **others)

    monkeypatch.setattr(shards_module, "cut_photo", dies)
    with pytest.raises(KeyboardInterrupt):
        prepare(options(mixed, tmp_path / "set"))
    assert not (tmp_path / "set").exists()
    # What a process leaves that nothing can be told any more:
    (tmp_path / ".partial.set" / ".partial.rest").write_bytes(b"half a file")
    last = tmp_path / ".partial.set" / "photos-train.tfrecord-00002-of-00003"
    last.write_bytes(b"half a shard")
    again = []

    def counts(path, *arguments, **others):
        again.append(path)
        return cut_photo(path, *arguments, **others)

    monkeypatch.setattr(shards_module, "cut_photo", counts)
    prepare(options(mixed, tmp_path / "set"))
    assert contents(tmp_path / "set") == contents(tmp_path / "whole")
    if after == 7:
        assert len(again) < 8
    prepare(options(mixed, tmp_path / "set"))
    assert "has been prepared from these photos before" in capsys.readouterr().out


def test_other_photos_or_options_begin_anew(mixed, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(prepare_module, "SHARD_BYTES", 20_000)

    def stops(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(prepare_module, "finish", stops)
        with pytest.raises(KeyboardInterrupt):
            prepare(options(mixed, tmp_path / "set"))
    prepare(options(mixed, tmp_path / "set", size=128))
    assert "have changed: begun anew" in caplog.text
    prepare(options(mixed, tmp_path / "other", size=128))
    assert contents(tmp_path / "set") == contents(tmp_path / "other")


def test_what_is_there_is_not_replaced(mixed, tmp_path):
    prepare(options(mixed, tmp_path / "set"))
    with pytest.raises(UserError, match="set exists already: remove it or name"):
        prepare(options(mixed, tmp_path / "set", size=128))
    with pytest.raises(UserError, match="set holds prepared sub-pictures, for train"):
        prepare(options(tmp_path / "set", tmp_path / "other"))
    with pytest.raises(UserError, match="mixed exists already"):
        prepare(options(mixed, mixed))


def test_nothing_usable_is_refused(mixed, tmp_path):
    with pytest.raises(UserError, match=r"No photo can be used \(first: .*0_wide"):
        prepare(options(mixed, tmp_path / "set", min_size=400))
    assert not (tmp_path / "set").exists()


def test_pairs_are_not_prepared(tmp_path):
    for part in ("HR", "LR"):
        (tmp_path / "pairs" / part).mkdir(parents=True)
    with pytest.raises(UserError, match="pairs are trained on as they are"):
        prepare(options(tmp_path / "pairs", tmp_path / "set"))


def test_a_full_disk_stops_in_one_line_and_keeps_what_is_done(
    mixed, tmp_path, monkeypatch
):
    class Full(tf.io.TFRecordWriter):
        def write(self, record):
            raise tf.errors.ResourceExhaustedError(None, None, "No space left")

    with monkeypatch.context() as patch:
        patch.setattr(tf.io, "TFRecordWriter", Full)
        with pytest.raises(UserError, match="cannot be written: No space left"):
            prepare(options(mixed, tmp_path / "set"))
    assert not (tmp_path / "set").exists()
    prepare(options(mixed, tmp_path / "set"))
    assert is_prepared(tmp_path / "set")


def test_the_command_line(mixed, tmp_path, capsys):
    flags = [f"--dataset={mixed}", f"--output={tmp_path / 'set'}"]
    main(["srgan_tf", "prepare", *flags, "--size=64", "--min_size=32"])
    assert "Prepared 9 sub-pictures" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="prepare needs --output"):
        main(["srgan_tf", "prepare", flags[0]])


def test_any_tfrecord_reader_reads_it(mixed, tmp_path):
    prepare(options(mixed, tmp_path / "set"))
    (shard,) = (tmp_path / "set").glob("*.tfrecord-*")
    feature = {"image": tf.io.FixedLenFeature([], tf.string)}
    shapes = []
    for record in tf.data.TFRecordDataset(str(shard)):
        encoded = tf.io.parse_single_example(record, feature)["image"]
        shapes.append(tuple(tf.io.decode_image(encoded).shape))
    assert shapes[:2] == [(70, 60, 3), (70, 60, 3)]
    assert len(shapes) == 9


def test_tensorflow_datasets_reads_it(mixed, tmp_path, monkeypatch):
    monkeypatch.setattr(prepare_module, "SHARD_BYTES", 20_000)
    folder = tmp_path / "photos" / "1.0.0"
    prepare(options(mixed, folder))
    assert len(list(folder.glob("*-of-00003"))) == 3
    as_files = {"image": tfds.decode.SkipDecoding()}
    built = tfds.builder_from_directory(folder)
    records = built.as_dataset("train", decoders=as_files)
    for record, photo in zip(records, Prepared(folder), strict=True):
        np.testing.assert_array_equal(decode(record["image"].numpy()), photo)
    loaded = tfds.load("photos", split="train", data_dir=tmp_path)
    for record, photo in zip(loaded, Prepared(folder), strict=True):
        # It decodes JPEG faster and less exactly.
        np.testing.assert_allclose(record["image"].numpy(), photo, atol=8)


def test_the_manifest_names_what_was_used(mixed, tmp_path):
    prepare(options(mixed, tmp_path / "set"))
    lines = (tmp_path / "set" / "manifest.jsonl").read_text().splitlines()
    sources = [json.loads(line) for line in lines]
    assert [Path(source["path"]).name for source in sources] == [
        *("0_wide.png", "1.jpg", "2_turned.jpg", "3_cmyk.tif", "7_half.png"),
    ]
    assert [source["sub_pictures"] for source in sources] == [5, 1, 1, 1, 1]
    for source in sources:
        content = Path(source["path"]).read_bytes()
        assert source["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_quality_of_jpegs(tmp_path):
    photo = Image.fromarray(smooth_photo(0, 64, 64))
    for quality in (25, 40, 74, 90):
        photo.save(tmp_path / "x.jpg", quality=quality)
        assert jpeg_quality(tmp_path / "x.jpg") == quality
    photo.save(tmp_path / "x.png")
    assert jpeg_quality(tmp_path / "x.png") is None


def test_photos_of_low_quality_and_those_seen_before_are_left_out(tmp_path):
    folder, benchmark = tmp_path / "in", tmp_path / "benchmark"
    folder.mkdir()
    benchmark.mkdir()
    first, second, third = (
        Image.fromarray(smooth_photo(seed, 120, 150)) for seed in range(3)
    )
    first.save(folder / "a.png")
    first.resize((100, 80)).save(folder / "b.jpg", quality=80)
    second.save(folder / "c.jpg", quality=20)
    third.save(folder / "d.png")
    third.resize((300, 240)).save(benchmark / "x.png")
    kept = {"min_quality": 50, "near_duplicates": True, "unlike": (str(benchmark),)}
    prepare(options(folder, tmp_path / "set", size=160, **kept))
    whole = Prepared(tmp_path / "set")
    assert len(whole) == 1
    np.testing.assert_array_equal(whole[0], first)
    assert (tmp_path / "set" / "left_out.txt").read_text().splitlines() == [
        f"{folder / 'b.jpg'}: as {folder / 'a.png'}",
        f"{folder / 'c.jpg'}: JPEG of quality 20, less than 50",
        f"{folder / 'd.png'}: resembles {benchmark / 'x.png'}",
    ]
    assert whole.info["left_out_kinds"] == {
        "like a benchmark's": 1,
        "near duplicates": 1,
        "of low JPEG quality": 1,
    }


def places_of(pairs, photos: int) -> list[list[int]]:
    """Which photo, each of one level, the crops of each batch are of."""
    return [
        [round(float(level)) % photos for level in (hr[:, 0, 0, 0] + 1) * 127.5]
        for _, hr in pairs
    ]


def test_workers_see_disjoint_parts_of_each_epoch(tmp_path):
    """Two input pipelines over one set, as two workers have them."""
    (tmp_path / "in").mkdir()
    for level in range(12):
        flat = Image.new("RGB", (48, 48), (level, level, level))
        flat.save(tmp_path / "in" / f"{level:02}.png")
    prepare(options(tmp_path / "in", tmp_path / "set", min_detail=0.0))

    def seen(part, start=0, steps=6):
        pairs = training_pairs(
            Prepared(tmp_path / "set"), 16, batch_size=4, start=start, share=(part, 2)
        )
        return places_of(pairs.take(steps), 12)

    one, other = seen(0), seen(1)
    for epoch in (0, 3):  # of three steps
        mine = {x for batch in one[epoch : epoch + 3] for x in batch}
        theirs = {x for batch in other[epoch : epoch + 3] for x in batch}
        assert len(mine) == len(theirs) == 6
        assert mine | theirs == set(range(12))
    assert one[:3] != one[3:]
    assert seen(0, start=2, steps=4) == one[2:]
    assert seen(1, start=5, steps=1) == other[5:]


def test_a_set_that_is_not_whole_is_refused(mixed, tmp_path):
    folder = tmp_path / "set"
    prepare(options(mixed, folder))
    with pytest.raises(UserError, match=r"No sub-picture .* has 91 pixels on each"):
        Prepared(folder, min_side=91)
    assert len(Prepared(folder, min_side=61)) == 4
    (shard,) = folder.glob("*.tfrecord-*")
    with shard.open("r+b") as file:
        file.truncate(100)
    with pytest.raises(UserError, match="has 100 bytes, not the"):
        Prepared(folder)
    shard.unlink()
    with pytest.raises(UserError, match="00001 cannot be read: No such file"):
        Prepared(folder)
    (folder / "index.npz").write_bytes(b"no index")
    with pytest.raises(UserError, match="is no whole prepared data set"):
        Prepared(folder)


def test_a_part_is_decoded_as_the_whole_would_be(tmp_path):
    draw = np.random.default_rng(0)
    for i, chroma in enumerate((0, 2)):
        path = tmp_path / f"{i}.jpg"
        photo = Image.fromarray(smooth_photo(i, 93, 75))
        photo.save(path, quality=80, subsampling=chroma)
    Image.fromarray(noise(0, 93, 75)).save(tmp_path / "2.png")
    prepare(options(tmp_path, tmp_path / "set"))
    whole = Prepared(tmp_path / "set")
    windows = tf.function(whole.table().windows)
    for index in range(len(whole)):
        photo = whole[index]
        room = np.array(photo.shape[:2]) - 17
        low = draw.integers(0, room, (20, 2)).astype(np.int32)
        parts = windows(tf.fill([20], tf.constant(index, tf.int64)), low, 0 * low + 17)
        for part, (y, x) in zip(parts, low, strict=True):
            np.testing.assert_array_equal(part, photo[y : y + 17, x : x + 17])


def test_training_sees_the_same_as_from_files(photo_folder, tmp_path):
    prepare(options(photo_folder, tmp_path / "set", size=96))
    photos = Photos(find_photos(str(photo_folder)), 32)
    whole = open_photos(str(tmp_path / "set"), min_side=32)
    some = [training_pairs(x, 32, batch_size=4).take(3) for x in (photos, whole)]
    for (lr, hr), (lr2, hr2) in zip(*some):
        np.testing.assert_array_equal(lr, lr2)
        np.testing.assert_array_equal(hr, hr2)


def test_no_python_is_in_the_graph_and_it_can_be_sent(photo_folder, tmp_path):
    prepare(options(photo_folder, tmp_path / "set"))
    pairs = training_pairs(Prepared(tmp_path / "set"), 32, batch_size=2)
    # TensorFlow counts each op that reads from a data set as one with a state.
    serialised = graph_of(pairs, has_state=True)
    assert b"PyFunc" not in serialised
    received = tf.data.experimental.from_variant(
        tf.raw_ops.DatasetFromGraph(graph_def=serialised), pairs.element_spec
    )
    for one, other in zip(next(iter(pairs)), next(iter(received))):
        np.testing.assert_array_equal(one, other)


def test_shards_that_change_are_named(mixed, tmp_path):
    prepare(options(mixed, tmp_path / "set"))
    whole = Prepared(tmp_path / "set")
    whole.check_unchanged()
    (shard,) = (tmp_path / "set").glob("*.tfrecord-*")
    shard.unlink()
    with pytest.raises(UserError, match="00000-of-00001 cannot be read: No such"):
        whole.check_unchanged()


def test_it_says_how_much_there_is(mixed, tmp_path):
    prepare(options(mixed, tmp_path / "set"))
    assert str(Prepared(tmp_path / "set", 61)) == (
        "4 sub-pictures, 0.0 megapixels, prepared from 5 photos and read from the "
        "disk; 5 are too small."
    )
