"""The page: its controls are made from the options of the command `upscale`."""

import contextlib
import dataclasses
import inspect
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from srgan_tf.errors import UserError, optional
from srgan_tf.inference.loading import load_model
from srgan_tf.models.pretrained import released_models
from srgan_tf.options import RESULT_FORMATS, ServeOptions, UpscaleOptions
from srgan_tf.pictures.kinds import KINDS, is_there
from srgan_tf.serving.making import TimeLeft, make, read_headers

# What visitors may choose of the options of `upscale`, in this order, in their words.
SHOWN = {
    "realism": "0: most faithful, 1: most photo-realistic",
    "denoise": "0: clean pictures, 1: photos with noise, JPEG and the like",
    "scale": "How many times as wide and high",
    "format": "",
    "quality": "Of JPEG, WebP, AVIF, HEIC and JPEG XL",
}
# What chooses among the released models.
DIALS = ("realism", "denoise")
# Pictures to compare are shown pixel for pixel, whatever the screen's width is; and the
# dot that parts the links at the foot, of which there is one.
STYLE = """
#compared img { object-fit: none; }
footer .divider { display: none; }
"""
TITLE = "SRGAN: larger photos"
BY_DIALS = "released, by the dials"
_FIELDS = {field.name: field for field in dataclasses.fields(UpscaleOptions)}
# Uploads and results go when they are an hour old.
_CLEANING = (600, 3600)


def page(options: ServeOptions) -> Any:
    """A Gradio page, `gradio.Blocks`, that has not been started.

    Raises:
        UserError: If Gradio is missing.
    """
    gr = optional("gradio", "web")
    models = _by_name(options.model)
    shown = [name for name in SHOWN if name != "denoise" or _for_photos()]
    with gr.Blocks(
        title=TITLE, analytics_enabled=False, delete_cache=_CLEANING
    ) as blocks:
        gr.Markdown(f"# {TITLE}")
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                photos = gr.File(
                    label="Photos", file_count="multiple", elem_id="photos"
                )
                start = gr.Button("Upscale", variant="primary", elem_id="start")
                model = gr.Dropdown(
                    [BY_DIALS, *models],
                    value=BY_DIALS,
                    label="Model",
                )
                controls = {name: _control(gr, name) for name in shown}
            with gr.Column(scale=3, min_width=300):
                compared = gr.ImageSlider(
                    label="At 100 %: bicubic, and SR",
                    type="filepath",
                    interactive=False,
                    max_height=1024,
                    buttons=["fullscreen"],
                    elem_id="compared",
                )
                # For the keyboard: the bar in the picture follows the mouse only.
                bar = gr.Slider(
                    0, 100, 50, step=1, label="Where bicubic ends", elem_id="bar"
                )
                results = gr.File(
                    label="Results", file_count="multiple", elem_id="results"
                )
                remarks = gr.Markdown(elem_id="remarks")
        start.click(
            _Upscaling(gr, options, models, shown).function(),
            [photos, model, *controls.values()],
            [compared, results, remarks],
            api_name="upscale",
            concurrency_limit=1,
        )
        dials = [controls[name] for name in shown if name in DIALS]
        model.input(
            lambda name: [
                gr.Slider(value=_start(dial), interactive=name == BY_DIALS)
                for dial in shown
                if dial in DIALS
            ],
            model,
            dials,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
        bar.input(
            lambda place: gr.ImageSlider(slider_position=place),
            bar,
            compared,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
    # One at a time: a computation uses all cores.
    return blocks.queue(max_size=options.queue, default_concurrency_limit=1)


def _by_name(models: Sequence[str]) -> dict[str, str]:
    """Models by what visitors see of them, which is not where they lie.

    Raises:
        UserError: If one cannot be used, which visitors could not mend.
    """
    named = {name: name for name in released_models()}
    for model in models:
        name = model if model in named else Path(model).resolve().name
        if named.setdefault(name, model) != model:
            raise UserError(
                f"--model={model}: there is another model named {name}, rename one."
            )
        load_model(model)
    return named


def _for_photos() -> bool:
    """Whether there are models that `--denoise` needs."""
    return any(name.endswith("_photo") for name in released_models())


def _control(gr: Any, name: str) -> Any:
    """What sets an option: a slider where it has bounds, else a list."""
    field = _FIELDS[name]
    limits, label = field.metadata, name.capitalize()
    if limits["choices"]:
        photos = [x for x in RESULT_FORMATS if is_there(KINDS[x])]
        there = [x for x in limits["choices"] if x in photos or x == "same"]
        return gr.Dropdown(there, value=field.default or there[0], label=label)
    step = 0.05 if "float" in str(field.type) else 1
    return gr.Slider(
        limits["least"],
        limits["most"],
        value=_start(name),
        step=step,
        label=label,
        info=SHOWN[name],
    )


def _start(name: str) -> Any:
    """Where a control stands first; but for `scale` it means what leaving out means."""
    field = _FIELDS[name]
    if name == "scale":
        return 4
    return field.metadata["most"] if field.default is None else field.default


class _Upscaling:
    """What the button does."""

    def __init__(
        self,
        gr: Any,
        options: ServeOptions,
        models: dict[str, str],
        shown: Sequence[str],
    ):
        self.gr, self.options, self.models, self.shown = gr, options, models, shown

    def function(self) -> Any:
        """As Gradio takes it: the names of its arguments are those of the API."""
        progress = self.gr.Progress()

        def upscale(photos, model, *values, progress=progress):
            with _as_seen(self.gr):
                wishes = dict(zip(self.shown, values))
                yield from self._results(photos, model, wishes, progress)

        names = ("photos", "model", *self.shown)
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        upscale.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                *(inspect.Parameter(name, kind) for name in names),
                inspect.Parameter("progress", kind, default=progress),
            ]
        )
        return upscale

    def _results(
        self, photos: Sequence[str], model: str, wishes: dict, progress: Any
    ) -> Iterator:
        if not photos:
            raise UserError("choose photos first")
        if not model:
            raise UserError(f"choose a model, or {BY_DIALS!r}")
        named = () if model == BY_DIALS else (self.models[model],)
        given = {k: x for k, x in wishes.items() if k == "scale" or x != _start(k)}
        if named and (dials := [name for name in DIALS if name in given]):
            raise UserError(
                f"{dials[0]} chooses among the released models: leave the model to it, "
                f"{BY_DIALS!r}"
            )
        options = UpscaleOptions(
            model=named, max_megapixels=self.options.max_megapixels, **given
        )
        found, remarks = read_headers(
            [Path(photo) for photo in photos], self.options.max_megapixels
        )
        left = TimeLeft(sum(header.width * header.height for _, header in found))
        made = []
        with tempfile.TemporaryDirectory() as folder:
            for number, (file, header) in enumerate(found):

                def advance(pixels, file=file, number=number):
                    left.done += pixels
                    name = f"{file.name} ({number + 1}/{len(found)})"
                    progress(left.done / left.work, desc=f"{name}: {left}")

                advance(0)
                place = Path(folder) / str(number)
                place.mkdir()
                try:
                    made.append(make(file, header, place, options, advance))
                except UserError as error:
                    remarks.append(f"{file.name}: {error}")
                    continue
                if made[-1].lost:
                    lost = ", ".join(made[-1].lost)
                    remarks.append(f"{file.name}: left out {lost}")
            if not made:
                raise UserError("; ".join(remarks))
            # Gradio copies the files before it asks for more.
            yield (
                (str(made[0].before), str(made[0].after)),
                [str(x.result) for x in made],
                "\n\n".join(remarks),
            )


@contextlib.contextmanager
def _as_seen(gr: Any) -> Iterator[None]:
    """Shows what was wrong, in one line."""
    try:
        yield
    except UserError as error:
        raise gr.Error(str(error), duration=None, print_exception=False) from None
