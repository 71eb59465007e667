"""How many frames of a video this machine upscales in a second."""

import tempfile
import time
from pathlib import Path

import numpy as np

from srgan_tf.data.listing import find_photos
from srgan_tf.data.photos import read_photo
from srgan_tf.errors import UserError, optional
from srgan_tf.inference.jobs import Job, Wish
from srgan_tf.inference.progress import Progress
from srgan_tf.inference.results import Origin, Record
from srgan_tf.inference.sizes import Size
from srgan_tf.inference.sources import Source
from srgan_tf.inference.tiles import Box, Upscaler
from srgan_tf.inference.upscale_video import VideoWork
from srgan_tf.options import UpscaleOptions
from srgan_tf.video.colours import Colours, from_pixels
from srgan_tf.video.reading import read_video

WIDTH, HEIGHT, FRAMES = 640, 360, 8


class _Timed(Upscaler):
    """A model that knows how long it worked."""

    def __init__(self, model: Upscaler):
        self.model, self.seconds = model, 0.0
        self.scale, self.channels = model.scale, model.channels
        self.radius, self.tile, self.window = model.radius, model.tile, model.window

    def __call__(self, lr: np.ndarray, box: Box | None = None) -> np.ndarray:
        start = time.perf_counter()
        sr = self.model(lr, box)
        self.seconds += time.perf_counter() - start
        return sr


def benchmark_video(model: Upscaler) -> None:
    """Prints frames per second of a video, and the share that is not the network's.

    In each frame everything moves, so that nothing is left to be computed once only.
    Without PyAV it says so.
    """
    try:
        optional("av", "video")
    except UserError as error:
        print(f"video is left out: {error}")
        return
    timed = _Timed(model)
    with tempfile.TemporaryDirectory() as folder:
        path, target = Path(folder) / "clip.mp4", Path(folder) / "result.mp4"
        _write_clip(path)
        timed(np.zeros((HEIGHT, WIDTH, model.channels), np.float32))  # compiles
        timed.seconds = 0.0
        source, options = Source(path, path.parent), UpscaleOptions()
        wish = Wish(source, "mp4", ".mp4", Size(model.scale), options, {})
        start = time.perf_counter()
        work = VideoWork(
            read_video(path),
            Job(wish, target),
            Record(Origin.of_file(path, path.parent), {}),
            options=options,
            progress=Progress(1, 0.0),
        )
        with work:
            work.upscale(timed)
            work.write(target)
        seconds = time.perf_counter() - start
    print(
        f"video of {WIDTH}x{HEIGHT} to {model.scale * WIDTH}x{model.scale * HEIGHT}: "
        f"{FRAMES / seconds:.2f} frames per second, "
        f"{1 - timed.seconds / seconds:.1%} of the time outside the network"
    )


def _write_clip(path: Path) -> None:
    av = optional("av", "video")
    photo = read_photo(find_photos("bundled", "validation")[0])
    photo = np.tile(photo, (2, 2, 1))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(FRAMES):
            pixels = photo[number : number + HEIGHT, number : number + WIDTH]
            frame = from_pixels(np.ascontiguousarray(pixels), "yuv420p", Colours(1, 1))
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
