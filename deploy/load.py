"""How many photos a server takes: the page of `srgan_tf serve`, or TensorFlow Serving.

    python deploy/load.py http://127.0.0.1:7860 photo.jpg --requests=20 --threads=4
    python deploy/load.py http://127.0.0.1:8501/v1/models/sr:predict photo.jpg

Needs the standard library only.
"""

import argparse
import base64
import collections
import json
import statistics
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TIMEOUT = 600  # seconds


def ask(url: str, data: bytes | None = None, kind: str = "application/json") -> bytes:
    request = urllib.request.Request(url, data, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        return answer.read()


def by_tensorflow_serving(url: str, photo: Path) -> int:
    """Bytes of the result."""
    encoded = base64.b64encode(photo.read_bytes()).decode()
    call = {"signature_name": "serving_bytes", "instances": [{"b64": encoded}]}
    answer = json.loads(ask(url, json.dumps(call).encode()))
    return len(base64.b64decode(answer["predictions"][0]["b64"]))


def by_page(url: str, photo: Path) -> int:
    """Bytes of the result."""
    api = f"{url.rstrip('/')}/gradio_api"
    head = f'Content-Disposition: form-data; name="files"; filename="{photo.name}"'
    body = b"--x\r\n%s\r\n\r\n%s\r\n--x--\r\n" % (head.encode(), photo.read_bytes())
    (path,) = json.loads(ask(f"{api}/upload", body, "multipart/form-data; boundary=x"))
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    info = json.loads(ask(f"{api}/info"))["named_endpoints"]["/upscale"]
    others = [x["parameter_default"] for x in info["parameters"][1:]]
    call = json.dumps({"data": [[file], *others]}).encode()
    event = json.loads(ask(f"{api}/call/upscale", call))["event_id"]
    told = ask(f"{api}/call/upscale/{event}").decode()
    if "event: complete\n" not in told:
        raise ValueError(told.strip().splitlines()[-1][:80])
    data = json.loads(told.rsplit("event: complete\ndata: ")[1].splitlines()[0])
    return len(ask(f"{api}/file={data[1][0]['path']}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("photo", type=Path)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--threads", type=int, default=4)
    arguments = parser.parse_args()
    send = by_tensorflow_serving if arguments.url.endswith(":predict") else by_page
    failures: collections.Counter[str] = collections.Counter()

    def one(_: int) -> float | None:
        began = time.monotonic()
        try:
            send(arguments.url, arguments.photo)
        except (OSError, ValueError) as error:
            failures[str(error)] += 1
            return None
        return time.monotonic() - began

    began = time.monotonic()
    with ThreadPoolExecutor(arguments.threads) as threads:
        found = list(threads.map(one, range(arguments.requests)))
    gone = time.monotonic() - began
    seconds = sorted(x for x in found if x is not None)
    print(f"{len(seconds)} of {len(found)} answered in {gone:.1f} s: ", end="")
    print(f"{len(seconds) / gone:.2f} a second")
    if seconds:
        late = seconds[min(int(0.95 * len(seconds)), len(seconds) - 1)]
        print(f"median {statistics.median(seconds):.2f} s, 95 % within {late:.2f} s")
    for text, number in failures.items():
        print(f"{number} times: {text}")


if __name__ == "__main__":
    main()
