"""The command `serve`: the page on an address of this machine."""

import contextlib
import ipaddress
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

from srgan_tf.errors import UserError, optional, reason
from srgan_tf.options import ServeOptions
from srgan_tf.serving.page import STYLE, page

# Browsers then ask nobody else for anything, whatever Gradio's page names.
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'self'"
)
# Of 16 bits in four channels: what a file takes at most, its metadata apart.
_BYTES_PER_PIXEL = 8


def serve(options: ServeOptions) -> None:
    """Serves the page until it is interrupted.

    Raises:
        UserError: If it cannot: Gradio is missing, or the port is taken.
    """
    if not _is_loopback(options.host):
        print(
            f"Warning: --host={options.host} lets everybody who reaches this machine "
            "use it; there is no password and no encryption.",
            file=sys.stderr,
        )
    with serving(options) as address:
        print(f"Serving on {address}; Ctrl-C ends it.", flush=True)
        wait()


def wait() -> None:
    """Until the process is told to end."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: ended.set())
    # A signal that another thread gets is seen only when this one wakes up.
    while not ended.wait(1):
        pass


@contextlib.contextmanager
def serving(options: ServeOptions) -> Iterator[str]:
    """Serves the page meanwhile; gives its address.

    Raises:
        UserError: As in `serve`.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    _past_proxies(options.host)
    gr = optional("gradio", "web")
    with _folder_of_its_own():
        yield from _launched(gr, options)


def _launched(gr: Any, options: ServeOptions) -> Iterator[str]:
    blocks = page(options)
    try:
        _, address, _ = blocks.launch(
            server_name=options.host,
            server_port=options.port,
            prevent_thread_lock=True,
            share=False,
            inbrowser=False,
            quiet=True,
            show_error=True,
            ssr_mode=False,
            max_file_size=_largest_file(options.max_megapixels),
            footer_links=["api"],
            css=STYLE,
            # Else it gives up if its first page takes more than three seconds.
            _frontend=False,
            theme=gr.themes.Default(
                font=("system-ui", "sans-serif"),
                font_mono=("ui-monospace", "monospace"),
            ),
            app_kwargs={"middleware": [_only_from_here()]},
        )
    except OSError as error:
        raise UserError(
            f"--port={options.port}, --host={options.host}: {reason(error)}"
        ) from None
    try:
        yield address
    finally:
        blocks.close(verbose=False)


@contextlib.contextmanager
def _folder_of_its_own() -> Iterator[None]:
    """Where uploads and results lie meanwhile, unless `GRADIO_TEMP_DIR` says it.

    Gradio's own, `/tmp/gradio`, belongs to whoever was the first on this machine.
    """
    name = "GRADIO_TEMP_DIR"
    if os.environ.get(name):
        yield
        return
    with tempfile.TemporaryDirectory(
        prefix="srgan_tf_", ignore_cleanup_errors=True
    ) as folder:
        os.environ[name] = folder
        try:
            yield
        finally:
            del os.environ[name]


def _past_proxies(host: str) -> None:
    """Lets Gradio, which asks itself whether it runs, do so without a proxy."""
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    hosts = [known, "localhost", "127.0.0.1", host]
    os.environ["no_proxy"] = ",".join(x for x in hosts if x)


def _largest_file(megapixels: float) -> int:
    return int(megapixels * 1e6 * _BYTES_PER_PIXEL) + 2**20


def _only_from_here() -> Any:
    """Middleware that tells browsers the policy."""
    from starlette.middleware import Middleware

    class Policy:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            async def told(message):
                if message["type"] == "http.response.start":
                    header = (b"content-security-policy", POLICY.encode())
                    message["headers"] = [*message.get("headers", ()), header]
                await send(message)

            await self.app(scope, receive, told if scope["type"] == "http" else send)

    return Middleware(Policy)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False
