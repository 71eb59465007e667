"""The page and its API: what the command line gives, within limits."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import skimage.data
from PIL import Image
from samples import REPOSITORY, full_exif, png_with_size, trained_like, values

from srgan_tf.errors import UserError
from srgan_tf.options import ServeOptions
from srgan_tf.serving import command, making
from srgan_tf.serving.command import POLICY, serve, serving
from srgan_tf.serving.making import TimeLeft
from srgan_tf.serving.page import BY_DIALS

gradio_client = pytest.importorskip(
    "gradio_client", reason="NOT TESTED: the page needs pip install 'srgan_tf[web]'"
)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("served") / "tiny.keras"
    trained_like().save(path)
    return str(path)


@pytest.fixture
def model():
    """As visitors see it."""
    return "tiny.keras"


@pytest.fixture(scope="module")
def address(model_path):
    options = ServeOptions(model=(model_path,), port=free_port(), max_megapixels=0.01)
    with serving(options) as address:
        yield address


@pytest.fixture(scope="module")
def client(address, tmp_path_factory):
    folder = tmp_path_factory.mktemp("downloads")
    yield gradio_client.Client(address, download_files=str(folder), verbose=False)


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "me.jpg"
    picture = Image.fromarray(skimage.data.astronaut()[20:77, 200:268])
    picture.save(path, exif=full_exif(6), dpi=(300, 300))
    return path


def upscaled(client, photos, model, **wishes):
    files = [gradio_client.handle_file(str(photo)) for photo in photos]
    return client.predict(files, model, api_name="/upscale", **wishes)


def by_command(command_line, monkeypatch, photo, *flags):
    """What the command line writes for a photo from a pipe."""
    content = io.TextIOWrapper(io.BytesIO(photo.read_bytes()))
    monkeypatch.setattr("sys.stdin", content)
    output = photo.with_name("by_command")
    done = command_line("upscale", "-", f"--output={output}", *flags)
    assert done.code == 0, done.stderr
    (result,) = output.iterdir()
    content = result.read_bytes()
    result.unlink()
    return content


@pytest.mark.parametrize(
    ("wishes", "flags"),
    [
        ({}, []),
        ({"format": "jpg", "quality": 80}, ["--format=jpg", "--quality=80"]),
        ({"scale": 2, "format": "same"}, ["--scale=2", "--format=same"]),
    ],
)
def test_the_download_is_the_command_lines(
    client, photo, model, model_path, command_line, monkeypatch, wishes, flags
):
    (before, after), (result,), remarks = upscaled(client, [photo], model, **wishes)
    expected = by_command(
        command_line, monkeypatch, photo, f"--model={model_path}", *flags
    )
    assert Path(result).read_bytes() == expected
    assert not remarks
    sr = Image.open(result)
    assert sr.getexif()[0x010F] == "Maker" and sr.getexif().get(0x0112, 1) == 1
    scale = wishes.get("scale", 4)
    assert sr.size == (57 * scale, 68 * scale)  # upright
    pictures = [np.asarray(Image.open(path)) for path in (before, after)]
    assert pictures[0].shape == pictures[1].shape == (68 * scale, 57 * scale, 3)
    if result.endswith(".png"):
        np.testing.assert_array_equal(pictures[1], np.asarray(sr)[..., :3])


@pytest.mark.slow
def test_the_dials_are_those_of_the_command_line(
    client, photo, command_line, monkeypatch
):
    _, (result,), _ = upscaled(client, [photo], BY_DIALS, realism=0.4)
    expected = by_command(command_line, monkeypatch, photo, "--realism=0.4")
    assert Path(result).read_bytes() == expected


def test_several_photos_and_one_that_fails(client, photo, model, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(photo.read_bytes()[:1000])
    text = tmp_path / "text.png"
    text.write_text("no picture")
    gray = tmp_path / "gray.png"
    Image.fromarray(values(8, 9)).save(gray)
    _, results, remarks = upscaled(client, [broken, text, gray, photo], model)
    names = [Path(result).name for result in results]
    assert names == ["gray_x4.png", "me_x4.png"]
    assert Image.open(results[0]).mode == "L"
    assert sorted(line.split(":")[0] for line in remarks.split("\n\n")) == [
        *("broken.png", "text.png")
    ]


def test_what_is_refused_gets_one_line(client, photo, model, tmp_path):
    def refused(*arguments, **wishes):
        with pytest.raises(Exception) as caught:
            upscaled(client, *arguments, **wishes)
        return str(caught.value)

    assert "choose photos first" in refused([], model)
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png_with_size(60_000, 60_000))
    assert "more than --max_megapixels=0.01" in refused([bomb], model)
    assert "together, more than" in refused([photo] * 3, model)
    assert "--scale=8: the model's scale is 4" in refused([photo], model, scale=8)
    # What the page shows is meant, whatever the model's own scale is.
    assert "--scale=4: the model's scale is 2" in refused([photo], "srgan_x2")
    assert "not in the list of choices" in refused([photo], "/etc/passwd")
    assert "not in the list of choices" in refused([photo], str(photo.parent))
    assert "choose a model" in refused([photo], None)
    assert "not in the list of choices" in refused([photo], model, format="mp4")
    assert "greater than maximum" in refused([photo], BY_DIALS, realism=7)
    assert "realism chooses among the released" in refused([photo], model, realism=0.5)


def ask(address, path, data=None, **headers):
    request = urllib.request.Request(f"{address}gradio_api/{path}", data, headers)
    return urllib.request.urlopen(request, timeout=60).read()


def called(address, file, model):
    """What a call over HTTP is told in the end."""
    info = json.loads(ask(address, "info"))["named_endpoints"]["/upscale"]
    others = [x["parameter_default"] for x in info["parameters"][2:]]
    content = json.dumps({"data": [[file], model, *others]}).encode()
    kind = {"Content-Type": "application/json"}
    event = json.loads(ask(address, "call/upscale", content, **kind))["event_id"]
    return ask(address, f"call/upscale/{event}").decode()


def uploaded(address, photo):
    """Where the server keeps a photo that was sent to it."""
    body = b"\r\n".join(
        [
            b"--x",
            b'Content-Disposition: form-data; name="files"; filename="me.jpg"',
            b"",
            photo.read_bytes(),
            b"--x--",
            b"",
        ]
    )
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    (path,) = json.loads(ask(address, "upload", body, **kind))
    return path


def test_plain_http(address, photo, model):
    """As the README shows it with curl."""
    path = uploaded(address, photo)
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    told = called(address, file, model)
    data = json.loads(told.rsplit("event: complete\ndata: ")[-1].splitlines()[0])
    result = ask(address, f"file={data[1][0]['path']}")
    assert Image.open(io.BytesIO(result)).size == (228, 272)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "setup.cfg", str(Path(__file__)), "../../../etc/passwd"]
)
def test_no_file_of_the_server_is_given_away(address, model, path):
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(address, f"file={path}")
    assert caught.value.code in (403, 404)
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    told = called(address, file, model)
    assert "event: error" in told and "event: complete" not in told
    assert "enough input" not in told


def test_browsers_ask_nobody_else(address):
    with urllib.request.urlopen(address, timeout=60) as answer:
        assert answer.headers["Content-Security-Policy"] == POLICY
        text = answer.read().decode()
    assert "fonts.googleapis" not in text
    assert "default-src 'self'" in POLICY and "http" not in POLICY


def test_a_taken_port_and_other_hosts_are_told(model_path, capsys, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"--port={port}"):
            serve(ServeOptions(model=(model_path,), port=port))
    monkeypatch.setattr(command, "wait", lambda: None)
    assert "Warning" not in capsys.readouterr().err
    serve(ServeOptions(model=(model_path,), port=free_port(), host="0.0.0.0"))
    told = capsys.readouterr()
    assert "lets everybody who reaches this machine use it" in told.err
    assert "Serving on http" in told.out


def test_a_proxy_is_not_asked_for_the_page_itself(model_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "example.org")
    with serving(ServeOptions(model=(model_path,), port=free_port())) as address:
        assert ask(address, "info")
    assert os.environ["no_proxy"] == "example.org,localhost,127.0.0.1,127.0.0.1"


def test_models_that_cannot_be_served_are_told_at_the_start(model_path, tmp_path):
    with pytest.raises(UserError, match="There is no model none"):
        serve(ServeOptions(model=("none.keras",), port=free_port()))
    for name in ("tiny.keras", "srgan_x4"):
        other = tmp_path / "other" / name
        other.mkdir(parents=True)
        with pytest.raises(UserError, match=f"another model named {name}"):
            serve(ServeOptions(model=(model_path, str(other)), port=free_port()))


def test_uploads_go_with_the_server(model_path, photo):
    with serving(ServeOptions(model=(model_path,), port=free_port())) as address:
        path = Path(uploaded(address, photo))
        assert path.read_bytes() == photo.read_bytes()
    assert not path.exists()


def test_nobody_else_on_the_machine_is_in_the_way(model_path, photo, monkeypatch):
    """Another user's server was the first, and made Gradio's usual folder."""
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)  # another's in this process
    with serving(ServeOptions(model=(model_path,), port=free_port())) as address:
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        assert folder.stat().st_mode & 0o077 == 0
        assert Path(uploaded(address, photo)).is_relative_to(folder)


def test_the_container_asks_whether_the_page_answers(model_path):
    text = (REPOSITORY / "deploy" / "Dockerfile").read_text().replace("\\\n", "")
    (words,) = re.findall(r"^HEALTHCHECK .* CMD (.*)$", text, re.MULTILINE)
    _, option, code = json.loads(words)
    port = free_port()

    def asked():
        words = [sys.executable, option, code.replace("7860", str(port))]
        environment = {**os.environ, "http_proxy": "http://127.0.0.1:9"}
        return subprocess.run(words, capture_output=True, env=environment).returncode

    assert asked() != 0
    with serving(ServeOptions(model=(model_path,), port=port)):
        assert asked() == 0


def test_a_server_that_is_told_to_end_leaves_nothing(model_path, monkeypatch):
    before, known_wait = signal.getsignal(signal.SIGTERM), command.wait
    folders = []

    def tell():
        while signal.getsignal(signal.SIGTERM) is before:
            time.sleep(0.01)
        signal.raise_signal(signal.SIGTERM)

    def wait():
        folders.append(Path(os.environ["GRADIO_TEMP_DIR"]))
        threading.Thread(target=tell).start()
        known_wait()

    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)  # another's in this process
    monkeypatch.setattr(command, "wait", wait)
    try:
        serve(ServeOptions(model=(model_path,), port=free_port()))
    finally:
        signal.signal(signal.SIGTERM, before)
    (folder,) = folders
    assert not folder.exists()


def test_time_left(monkeypatch):
    now = iter([0.0, 10.0, 100.0])
    # The module's clock alone: the servers' threads look at Python's.
    monkeypatch.setattr(making, "time", SimpleNamespace(monotonic=lambda: next(now)))
    left = TimeLeft(10)
    assert str(left) == "starting"
    left.done = 2
    assert str(left) == "40 seconds left"
    left.done = 5
    assert str(left) == "2 minutes left"
