"""Where results go, whatever lies there already."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import save_picture, values

from srgan_tf.errors import UserError
from srgan_tf.inference.jobs import Places, Wish
from srgan_tf.inference.outputs import Output, read_output
from srgan_tf.inference.results import Record, comparison_of
from srgan_tf.inference.sizes import Size
from srgan_tf.inference.sources import Source
from srgan_tf.options import RESULT_FORMATS, UpscaleOptions
from srgan_tf.pictures.kinds import KINDS, PHOTO_SUFFIXES


def source(path, root=None):
    return Source(path, root or path.parent)


def wish(photo, kind="png", factor=4, **settings):
    return Wish(
        photo,
        kind,
        KINDS[kind].suffixes[0],
        Size(factor),
        UpscaleOptions(),
        {"scale": factor} | settings,
    )


def choose(wishes, output=None, **options):
    places = Places(wishes, Output(folder=output), **options)
    return [places.choose(wish) for wish in wishes]


def photo(path, seed=0, **options):
    save_picture(path, values(4, 5, 3, seed=seed), **options)
    return source(path)


def make(job):
    """Writes some picture as the result of a job."""
    save_picture(job.target, values(16, 20, 3))
    origin = job.wish.source.origin(job.target.parent)
    Record(origin, job.wish.settings).write_into(job.target, job.wish.kind)


def make_comparison(job):
    target = comparison_of(job.target)
    save_picture(target, values(16, 40, 3))
    record = Record(job.wish.source.origin(target.parent), job.wish.settings)
    record.of_comparison().write_into(target, "png")


# ---- names


# Few letters, so that names meet; dots, digits and suffixes within them on purpose.
NAMES = st.sampled_from(
    ["a", "A", "b", "a.jpg", "a_x4", "a.png_x2", ".a", "é", "n" * 250]
)
FOLDERS = st.sampled_from(["", "c", "c/d", "c.png"])
ROOTS = st.sampled_from(["in", "/in", "../in", "other/in", "."])


@st.composite
def found_sources(draw):
    root = Path(draw(ROOTS))
    names = st.builds("{}/{}{}".format, FOLDERS, NAMES, st.sampled_from(PHOTO_SUFFIXES))
    chosen = draw(st.lists(names, min_size=1, max_size=12, unique=True))
    return [Source(root / name.lstrip("/"), root) for name in chosen]


@given(
    sources=found_sources(),
    scale=st.integers(2, 8),
    output=st.sampled_from([None, "out", "/out", "../out", "out/deeper"]),
    kind=st.sampled_from(RESULT_FORMATS),
    compare=st.booleans(),
)
def test_every_result_has_a_place_of_its_own(sources, scale, output, kind, compare):
    output = Path(output) if output else None
    wishes = [wish(source, kind, scale) for source in sources]
    jobs = choose(wishes, output, compare=compare)
    targets = [job.target for job in jobs]
    # Also where upper and lower case are the same.
    assert len({str(target).lower() for target in targets}) == len(targets)
    for found, target in zip(sources, targets):
        assert target.name.startswith(found.path.stem[:200])
        assert f"_x{scale}" in target.stem and target.suffix == KINDS[kind].suffixes[0]
        assert len(f"{target.stem}_compare.png" if compare else target.name) <= 255
        beside = found.path.parent
        if output:
            beside = output / beside.relative_to(found.root)
        assert target.parent == beside
    assert jobs == choose(wishes, output, compare=compare)


def test_names_are_those_of_the_photos_unless_they_meet(tmp_path):
    names = ["a.png", "b.jpg", "b.png", "c/b.jpg"]
    photos = [source(tmp_path / name, tmp_path) for name in names]
    jobs = choose([wish(photo) for photo in photos], tmp_path / "out")
    assert [str(job.target.relative_to(tmp_path / "out")) for job in jobs] == [
        "a_x4.png", "b.jpg_x4.png", "b.png_x4.png", "c/b_x4.png",
    ]  # fmt: skip


def test_two_photos_of_one_name_in_one_folder(tmp_path):
    photos = [source(tmp_path / f"{i}/a.jpg") for i in range(3)]
    jobs = choose([wish(photo) for photo in photos], tmp_path)
    names = ["a_x4.png", "a.jpg_x4.png", "a_x4_2.png"]
    assert [job.target.name for job in jobs] == names


def test_a_long_name_keeps_what_fits(tmp_path):
    for stem, kept in (("n" * 245, 245), ("n" * 251, 248), ("é" * 125, 248)):
        (job,) = choose([wish(source(tmp_path / f"{stem}.png"))])
        assert job.target.name == f"{stem[: kept if stem[0] == 'n' else 124]}_x4.png"


# ---- what is there already


def test_what_was_made_from_this_photo_by_these_settings_is_done(tmp_path):
    mine = wish(photo(tmp_path / "a.png"))
    (job,) = choose([mine])
    assert not job.done
    make(job)
    (job,) = choose([mine])
    assert job.done
    (job,) = choose([mine], overwrite=True)
    assert not job.done and job.replace and job.target.name == "a_x4.png"


@pytest.mark.parametrize("name", ["model", "scale", "realism", "anything"])
def test_other_settings_are_another_result(tmp_path, name):
    mine = photo(tmp_path / "a.png")
    make(choose([wish(mine)])[0])
    (job,) = choose([wish(mine, **{name: 0.5})])
    assert not job.done and job.older.settings == {"scale": 4}
    assert job.target.name == "a_x4.png"


def test_an_edited_photo_is_made_anew(tmp_path):
    mine = wish(photo(tmp_path / "a.png"))
    make(choose([mine])[0])
    times = (tmp_path / "a.png").stat()
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[-20] ^= 1
    (tmp_path / "a.png").write_bytes(data)
    os.utime(tmp_path / "a.png", ns=(times.st_atime_ns, times.st_mtime_ns))
    (job,) = choose([mine])
    assert not job.done and job.older and job.target.name == "a_x4.png"


def test_a_touched_or_moved_photo_is_done(tmp_path):
    mine = photo(tmp_path / "in" / "a.png")
    make(choose([wish(mine)], tmp_path / "out")[0])
    mine.path.touch()
    assert choose([wish(mine)], tmp_path / "out")[0].done
    (tmp_path / "in").rename(tmp_path / "elsewhere")
    moved = source(tmp_path / "elsewhere" / "a.png")
    assert choose([wish(moved)], tmp_path / "out")[0].done


def test_a_result_that_was_changed_is_not_done(tmp_path):
    mine = wish(photo(tmp_path / "a.png"))
    make(choose([mine])[0])
    (tmp_path / "a_x4.png").write_bytes((tmp_path / "a_x4.png").read_bytes() + b"x")
    (job,) = choose([mine])
    assert not job.done and job.older and job.target.name == "a_x4.png"


def test_files_of_others_stay(tmp_path):
    mine = wish(photo(tmp_path / "a.png"))
    save_picture(tmp_path / "a_x4.png", values(4, 4, 3))
    (job,) = choose([mine])
    assert (job.target.name, job.replace) == ("a.png_x4.png", False)
    make(job)
    (job,) = choose([mine])
    assert job.done and job.target.name == "a.png_x4.png"
    (job,) = choose([mine], overwrite=True)  # that one, and not what is another's
    assert job.replace and job.target.name == "a.png_x4.png"


@pytest.mark.parametrize("what", ["comes", "goes"])
def test_a_result_that_another_process_places_meanwhile(tmp_path, monkeypatch, what):
    """Between two looks at a place: it is no file of others then."""
    one = wish(photo(tmp_path / "a.png"))
    places = Places([one], Output())
    (job,) = choose([one])
    look = Record.of
    if what == "goes":
        make(job)

    def another_was_faster(place):
        monkeypatch.setattr(Record, "of", look)
        if what == "comes":
            found = look(place)
            make(job)
            return found
        job.target.unlink()
        return look(place)

    monkeypatch.setattr(Record, "of", another_was_faster)
    chosen = places.choose(one)
    assert (chosen.target, chosen.done) == (job.target, what == "comes")


def test_a_named_pipe_is_somebodys_and_not_waited_for(tmp_path):
    mine = wish(photo(tmp_path / "a.png"))
    os.mkfifo(tmp_path / "a_x4.png")
    (job,) = choose([mine], compare=True)
    assert job.target.name == "a.png_x4.png"


def test_overwriting_takes_what_is_no_result(tmp_path):
    mine = wish(photo(tmp_path / "a.png"))
    save_picture(tmp_path / "a_x4.png", values(4, 4, 3))
    (job,) = choose([mine], overwrite=True)
    assert job.replace and job.target.name == "a_x4.png"
    (job,) = choose([mine], overwrite=True, kept=[tmp_path / "a_x4.png"])
    assert job.target.name == "a.png_x4.png"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_photo_is_nobodys_target(tmp_path, overwrite):
    photos = [photo(tmp_path / name) for name in ("a.png", "a_x4.png")]
    jobs = choose([wish(photo) for photo in photos], overwrite=overwrite)
    assert [job.target.name for job in jobs] == ["a.png_x4.png", "a_x4_x4.png"]


@pytest.mark.parametrize("link", ["hardlink_to", "symlink_to"])
def test_nor_is_it_by_another_name(tmp_path, link):
    photos = [photo(tmp_path / name) for name in ("a.png", "b.png")]
    getattr(tmp_path / "a_x4.png", link)(tmp_path / "b.png")
    jobs = choose([wish(photo) for photo in photos], overwrite=True)
    assert [job.target.name for job in jobs] == ["a.png_x4.png", "b_x4.png"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_result_of_another_photo_stays(tmp_path, overwrite):
    first, second = (photo(tmp_path / f"{i}/a.jpg", i) for i in (1, 2))
    make(choose([wish(first)], tmp_path)[0])
    (job,) = choose([wish(second)], tmp_path, overwrite=overwrite)
    assert (job.target.name, job.replace) == ("a.jpg_x4.png", False)
    make(job)
    jobs = choose([wish(second), wish(first)], tmp_path)
    assert [job.target.name for job in jobs] == ["a.jpg_x4.png", "a_x4.png"]
    assert all(job.done for job in jobs)


def test_a_comparison_that_is_missing_is_made(tmp_path):
    mine = wish(photo(tmp_path / "a.png"))
    make(choose([mine])[0])
    (job,) = choose([mine], compare=True)
    assert not job.done and job.replace
    make_comparison(job)
    assert choose([mine], compare=True)[0].done
    assert choose([mine])[0].done


def test_a_comparison_is_that_of_any_format(tmp_path):
    mine = photo(tmp_path / "a.png")
    (job,) = choose([wish(mine)])
    make(job)
    make_comparison(job)
    as_webp = wish(mine, "webp", format="webp", quality=95)
    make(choose([as_webp])[0])
    assert choose([as_webp], compare=True)[0].done


def test_a_comparison_takes_no_file_of_others(tmp_path):
    mine = wish(photo(tmp_path / "a.png"))
    save_picture(tmp_path / "a_x4_compare.png", values(4, 4, 3))
    (job,) = choose([mine], compare=True)
    assert job.target.name == "a.png_x4.png"


def test_the_one_file_that_is_named(tmp_path):
    mine = wish(photo(tmp_path / "a.png"))
    output = Output(file=tmp_path / "r.png")
    job = Places([mine], output).choose(mine)
    assert job.target == tmp_path / "r.png" and not job.replace
    make(job)
    assert Places([mine], output).choose(mine).done
    save_picture(tmp_path / "r.png", values(4, 4, 3))
    with pytest.raises(UserError, match=r"r\.png is there and was not made from it"):
        Places([mine], output).choose(mine)
    assert Places([mine], output, overwrite=True).choose(mine).replace


# ---- what --output means


@pytest.mark.parametrize(
    ("output", "file_format", "expected"),
    [
        (None, None, (Output(), "png")),
        (None, "same", (Output(), "same")),
        ("{}/folder", None, (Output(Path("{}/folder")), "png")),
        ("{}/folder", "webp", (Output(Path("{}/folder")), "webp")),
        ("{}/v1.0", None, (Output(Path("{}/v1.0")), "png")),
        ("{}/r.gif/", None, (Output(Path("{}/r.gif")), "png")),
        ("{}/r.gif", None, (Output(file=Path("{}/r.gif")), "gif")),
        ("{}/b.JPEG", None, (Output(file=Path("{}/b.JPEG")), "jpg")),
        ("{}/b.tif", "tiff", (Output(file=Path("{}/b.tif")), "tiff")),
        ("{}/b.avif", "same", (Output(file=Path("{}/b.avif")), "avif")),
        ("-", None, (Output(file=Path("-"), stream=True), "png")),
        ("/dev/stdout", "jpg", (Output(file=Path("/dev/stdout"), stream=True), "jpg")),
    ],
)
def test_output_and_format(tmp_path, output, file_format, expected):
    output = output and output.format(tmp_path)
    place, kind = expected
    place = place._replace(
        folder=place.folder and Path(str(place.folder).format(tmp_path)),
        file=place.file and Path(str(place.file).format(tmp_path)),
    )
    found = read_output(output, [photo(tmp_path / "a.png")], file_format)
    assert found == (place, kind)


def test_the_home_folder_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    output, _ = read_output("~/out", [photo(tmp_path / "a.png")], None)
    assert output.folder == tmp_path / "out"


@pytest.mark.parametrize(
    ("output", "file_format", "message"),
    [
        (
            "{}/r.jp2",
            None,
            r"\.jp2 is not written; choose from png, .*r.jp2/ if a fol",
        ),
        ("{}/r.pgn", None, r"\.pgn is not written"),
        ("{}/a.png", None, "is the photo itself"),
        ("{}/b.png", "jpg", "contradict each other"),
        ("{}/note.txt", None, "is a file but no picture; name a folder"),
        ("{}/note", None, "is a file but no picture; name a folder"),
    ],
)
def test_what_output_cannot_mean(tmp_path, output, file_format, message):
    for name in ("note", "note.txt"):
        (tmp_path / name).touch()
    sources = [photo(tmp_path / "a.png")]
    with pytest.raises(UserError, match=message) as caught:
        read_output(output.format(tmp_path), sources, file_format)
    assert "\n" not in str(caught.value)


def test_one_file_for_several_photos(tmp_path):
    sources = [photo(tmp_path / "a.png"), photo(tmp_path / "b.png")]
    for output in (f"{tmp_path}/c.png", "-"):
        with pytest.raises(UserError, match="is one file for 2 photos; name a folder"):
            read_output(output, sources, None)
