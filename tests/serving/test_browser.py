"""The page in a browser, on a desk and on a telephone."""

import shutil
import socket

import pytest
import skimage.data
from PIL import Image
from samples import trained_like

from srgan_tf.inference.upscale import upscale
from srgan_tf.options import ServeOptions
from srgan_tf.pictures.formats import read_photo_file
from srgan_tf.serving.command import serving

pytest.importorskip("gradio", reason="NOT TESTED: needs pip install 'srgan_tf[web]'")
playwright = pytest.importorskip(
    "playwright.sync_api", reason="NOT TESTED: the page in a browser needs playwright"
)
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LONG = 120_000  # milliseconds, on a machine that does other things, too


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("served") / "tiny.keras"
    trained_like().save(path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with serving(ServeOptions(model=(str(path),), port=port)) as address:
        yield address, str(path)


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="NOT TESTED: there is no Chromium here")
def test_a_visitor_upscales_a_photo(address, tmp_path):
    address, model = address
    photo = tmp_path / "photo.jpg"
    Image.fromarray(skimage.data.astronaut()[:200, 120:340]).save(photo)
    asked: list[str] = []
    with playwright.sync_playwright() as tool:
        browser = tool.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        for width, height in ((1280, 900), (390, 844)):
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(LONG)
            playwright.expect.set_options(timeout=LONG)
            page.on("request", lambda request: asked.append(request.url))
            page.goto(address)
            page.locator("#photos input[type=file]").set_input_files(photo)
            # In the list, which is there when all is uploaded.
            page.locator("#photos").get_by_label("photo.jpg").wait_for()
            page.get_by_label("Model").first.fill("tiny.keras")
            page.keyboard.press("Enter")
            playwright.expect(page.get_by_role("option")).to_have_count(0)
            page.locator("#start").click()
            link = page.locator("#results a").first
            link.wait_for()
            page.locator("#compared img").nth(1).wait_for()
            with page.expect_download() as download:
                link.click()
            result = tmp_path / f"{width}.png"
            download.value.save_as(result)
            assert read_photo_file(result).pixels.tobytes() == (
                upscale(photo, model).tobytes()
            )
            # Pixel for pixel, though the picture is wider than a telephone.
            for side in page.locator("#compared img").all():
                page.wait_for_function(
                    "x => x.naturalWidth == 880", arg=side.element_handle()
                )
                playwright.expect(side).to_have_css("object-fit", "none")
            before = page.locator("#compared").screenshot()
            # By the keyboard: the bar goes to the left end.
            page.locator("#bar input[type=range]").focus()
            page.keyboard.press("Home")
            page.wait_for_function(
                "x => new DOMMatrix(getComputedStyle(x).transform).e < 1",
                arg=page.locator("#compared [data-testid=slider]").element_handle(),
            )
            assert page.locator("#compared").screenshot() != before
            # Nothing is wider than the screen.
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.screenshot(path=tmp_path / f"page_{width}.png", full_page=True)
            page.close()
        browser.close()
    inside = (address, "data:", "blob:")
    assert [url for url in asked if not url.startswith(inside)] == []
