"""What is known of videos beforehand: what becomes of them, and what cannot be."""

from collections.abc import Sequence
from pathlib import Path

from srgan_tf.errors import UserError
from srgan_tf.inference.jobs import Wish
from srgan_tf.inference.outputs import Output
from srgan_tf.inference.settings import VIDEO_ONLY
from srgan_tf.inference.sources import Source
from srgan_tf.inference.upscale_video import Part, coding_of
from srgan_tf.options import VIDEO_FORMATS, UpscaleOptions
from srgan_tf.pictures.formats import Header
from srgan_tf.video.kinds import container_of, is_video
from srgan_tf.video.reading import read_video


def check_for_videos(sources: Sequence[Source], options: UpscaleOptions) -> None:
    """Refuses options that are for videos where there is none.

    Raises:
        UserError: Naming one.
    """
    given = [name for name in VIDEO_ONLY if getattr(options, name) is not None]
    if given and not any(is_video(source.path) for source in sources):
        raise UserError(f"--{given[0]} is for videos, and there is none.")


def video_kind(path: Path, output: Output, options: UpscaleOptions) -> str:
    """The kind of file that a video becomes, one of `VIDEO_FORMATS`.

    Raises:
        UserError: If it cannot become what is wanted.
    """
    check_alone(output, options)
    if output.file:
        if kind := container_of(output.file):
            return kind
        raise UserError(
            f"is a video: --output={output.file} must end in "
            f"{', '.join(f'.{name}' for name in VIDEO_FORMATS)}"
        )
    if options.format in VIDEO_FORMATS:
        return options.format
    return container_of(path) or "mp4"


def check_alone(output: Output, options: UpscaleOptions) -> None:
    """Refuses for videos and animations what is for photos.

    Raises:
        UserError: Saying what that is.
    """
    if output.stream:
        raise UserError("is a video, which no pipe takes: name a file or a folder")
    if options.compare:
        raise UserError("is a video: --compare is for photos; --frames shows a part")


def checked_video(wish: Wish, options: UpscaleOptions) -> tuple[Header, int]:
    """Size and number of a video's frames.

    Raises:
        UserError: If it cannot be read, or its result not be encoded.
    """
    video = read_video(wish.source.path)
    megapixels = video.width * video.height / 1e6
    if megapixels > options.max_megapixels:
        raise UserError(
            f"has {megapixels:.0f} megapixels, more than --max_megapixels="
            f"{options.max_megapixels:g}"
        )
    frames = Part.of(options).count(video.frames)
    if options.frames and video.frames and not frames:
        raise UserError(f"has {video.frames} frames, none of --frames={options.frames}")
    coding = coding_of(video, wish.size.scale, wish.kind, options)
    coding.encoder()
    header = Header(wish.kind, video.width, video.height, False, video.deep)
    return header, max(frames, 1)
