"""What `--output` and `--format` mean together."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from srgan_tf.errors import UserError
from srgan_tf.inference.sources import STDIN, Source, is_stream
from srgan_tf.options import ANIMATION_FORMATS, RESULT_FORMATS, VIDEO_FORMATS
from srgan_tf.pictures.kinds import kind_of_suffix
from srgan_tf.video.kinds import container_of

STDOUT = "-"
_FORMATS = (*RESULT_FORMATS, *ANIMATION_FORMATS, *VIDEO_FORMATS)
_TYPE = re.compile(r"\.[a-z][a-z0-9]{1,4}", re.IGNORECASE)


class Output(NamedTuple):
    """What `--output` means.

    Attributes:
        folder: Where results go; None for beside their photos.
        file: The one file; None for several, in a folder.
        stream: Whether that is a pipe or a device.
    """

    folder: Path | None = None
    file: Path | None = None
    stream: bool = False


def read_output(
    output: str | None, sources: Sequence[Source], file_format: str | None
) -> tuple[Output, str]:
    """Understands `--output` and `--format`.

    Returns:
        The place, and one of `RESULT_FORMATS`, `ANIMATION_FORMATS`, `VIDEO_FORMATS` or
        `same`.

    Raises:
        UserError: If they do not go together, or cannot be meant so.
    """
    if output is None and any(source.content is not None for source in sources):
        if [str(source.path) for source in sources] != [STDIN]:
            raise UserError("Photos from pipes need an --output.")
        output = STDOUT
    if output is None:
        return Output(), file_format or "png"
    path = Path(output).expanduser()
    stream = output == STDOUT or is_stream(path)
    kind = kind_of_suffix(path.suffix) or container_of(path)
    if not stream:
        if path.is_dir() or output.endswith(("/", os.sep)):
            return Output(folder=path), file_format or "png"
        if path.is_file() and kind is None:
            raise UserError(
                f"--output={output} is a file but no picture; name a folder."
            )
        if not _TYPE.fullmatch(path.suffix):
            return Output(folder=path), file_format or "png"
        if kind not in _FORMATS:
            raise UserError(
                f"--output={output}: {path.suffix} is not written; choose from "
                f"{', '.join(_FORMATS)}, or {output}/ if a folder is meant."
            )
        if file_format not in (None, "same", kind):
            raise UserError(
                f"--output={output} and --format={file_format} contradict each other."
            )
    if len(sources) != 1:
        raise UserError(
            f"--output={output} is one file for {len(sources)} photos; name a folder."
        )
    if stream:
        return Output(file=path, stream=True), file_format or (
            kind if kind in RESULT_FORMATS else "png"
        )
    source = sources[0]
    if path.exists() and source.content is None and path.samefile(source.path):
        raise UserError(f"--output={output} is the photo itself.")
    assert kind is not None
    return Output(file=path), kind
