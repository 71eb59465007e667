"""What is upscaled frame by frame: videos and animated pictures."""

from srgan_tf.inference.animations import AnimationWork, animation_of
from srgan_tf.inference.jobs import Job
from srgan_tf.inference.progress import Progress
from srgan_tf.inference.results import Record
from srgan_tf.inference.upscale_video import VideoWork
from srgan_tf.options import UpscaleOptions
from srgan_tf.video.kinds import CONTAINERS
from srgan_tf.video.reading import read_video


def moving_work(
    job: Job,
    record: Record,
    *,
    options: UpscaleOptions,
    progress: Progress,
) -> VideoWork | AnimationWork | None:
    """The work on what moves; None for photos.

    Args:
        job: What is to be made.
        record: What the result says of itself.
        options: What is wanted.
        progress: Is told of each frame.

    Raises:
        UserError: If it cannot be read.
    """
    path = job.wish.source.path
    if job.wish.kind in CONTAINERS:
        return VideoWork(
            read_video(path),
            job,
            record,
            options=options,
            progress=progress,
        )
    if animation := animation_of(path, job.wish.kind):
        return AnimationWork(
            animation,
            job,
            record,
            options=options,
            progress=progress,
        )
    return None
