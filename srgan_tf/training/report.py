"""`report.html` of a run folder: curves, pictures to compare, results, flags.

One file without external assets: it can be opened from the disk, or mailed.
"""

import base64
import datetime
import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup
from PIL import Image

from srgan_tf.files import whole_file
from srgan_tf.training.chart import svg_chart
from srgan_tf.training.run_folder import RunFolder
from srgan_tf.training.templates import environment

NETWORKS = {"pretrain": "SRResNet", "gan": "SRGAN"}
# Columns of metrics.csv that share a chart, and how many digits tables show.
CHARTS = {
    "Loss": {"loss": ".4g"},
    "Content loss": {"content_loss": ".4g"},
    "Adversarial loss": {"adversarial_loss": ".4g"},
    "Discriminator loss": {"d_loss": ".4g"},
    "Discriminator": {"d_hr": ".3f", "d_sr": ".3f"},
    "Distance at phi 3,4": {"val_phi34": ".1f"},
    "PSNR (dB)": {"val_psnr": ".2f"},
    "SSIM": {"val_ssim": ".4f"},
    "Learning rate": {"learning_rate": ".3g"},
}
NONE = "\N{EN DASH}"
LINES = {"d_hr": "D(HR)", "d_sr": "D(SR)"}

Row = Mapping[str, str]
Line = tuple[list[int], list[float]]


class Figure(NamedTuple):
    """A chart, its title and what its lines are at last."""

    title: str
    labels: list[str]
    svg: Markup


def write_report(folder: RunFolder) -> None:
    """Writes `report.html` from what the folder holds: metrics, flags, samples.

    Workers that only read the folder write none.

    Raises:
        UserError: If it cannot be written; the one before stays.
    """
    if not folder.chief:
        return
    flags = folder.recorded_flags()
    rows = folder.metrics.rows()
    stages = {
        stage: [row for row in rows if row["stage"] == stage]
        for stage in NETWORKS
        if any(row["stage"] == stage for row in rows)
    }
    layers = _layers(folder, stages)
    names = list(layers)
    height, size, _ = layers["HR"].shape if layers else (0, 0, 0)
    page = environment.get_template("report.html.j2").render(
        title=folder.path.resolve().name,
        status=_status(folder, stages, flags),
        layers=names,
        pickers={"left": names[0], "right": names[-2]} if layers else {},
        size=size,
        photos=[
            {name: _data_uri(layer[top : top + size]) for name, layer in layers.items()}
            for top in range(0, height, size or 1)
        ],
        charts={
            NETWORKS[stage]: _charts(stage, rows) for stage, rows in stages.items()
        },
        results_head=("", *(NETWORKS[stage] for stage in stages)),
        results=_results(stages),
        flags=[(f"--{name}", value) for name, value in flags.items()],
        history=[
            (f"--{r['flag']}", NETWORKS[r["stage"]], r["step"], r["old"], r["new"])
            for r in folder.history()
        ],
    )
    with whole_file(folder.path / "report.html") as partial:
        partial.write_text(page, encoding="utf-8")


def _line(rows: Sequence[Row], column: str) -> Line:
    logged = [row for row in rows if row[column]]
    steps = [int(row["step"]) for row in logged]
    return steps, [float(row[column]) for row in logged]


def _status(folder: RunFolder, stages: Mapping, flags: Mapping[str, str]) -> str:
    totals = {stage: int(flags.get(f"{stage}_steps", 0)) for stage in NETWORKS}
    done = {s: int(rows[-1]["step"]) for s, rows in stages.items() if rows}
    parts = [
        f"{NETWORKS[stage]} {done.get(stage, 0):,} of {total:,} steps"
        for stage, total in totals.items()
        if total
    ]
    patience = int(flags.get("patience", 0))
    over = all(folder.is_over(s, total, patience) for s, total in totals.items())
    state = "finished" if over and folder.finished else "not finished"
    now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    return f"{' · '.join(parts)} · {state} · written {now}"


def _charts(stage: str, rows: Sequence[Row]) -> list[Figure]:
    figures = []
    for title, columns in CHARTS.items():
        lines = {column: _line(rows, column) for column in columns}
        if not all(steps for steps, _ in lines.values()):
            continue
        labels = [
            f"{LINES.get(column, 'now')} {lines[column][1][-1]:{digits}}"
            for column, digits in columns.items()
        ]
        limits = (0.0, 1.0) if "d_hr" in columns else None
        svg = svg_chart(f"{NETWORKS[stage]}: {title}", lines, limits)
        figures.append(Figure(title, labels, svg))
    return figures


def _results(stages: Mapping[str, Sequence[Row]]) -> list[tuple[str, ...]]:
    """Rows of a name and the last value of each stage."""
    body = [("Step", *(f"{int(rows[-1]['step']):,}" for rows in stages.values()))]
    for title, columns in CHARTS.items():
        for column, digits in columns.items():
            lines = [_line(rows, column) for rows in stages.values()]
            if any(steps for steps, _ in lines):
                cells = [f"{v[-1]:{digits}}" if v else NONE for _, v in lines]
                body.append((LINES.get(column, title), *cells))
    best = []
    for rows in stages.values():
        steps, psnr = _line(rows, "val_psnr")
        k = int(np.argmax(psnr)) if psnr else None
        best.append(NONE if k is None else f"{psnr[k]:.2f} at step {steps[k]:,}")
    body.append(("Best PSNR (dB)", *best))
    return body


def _layers(folder: RunFolder, stages: Mapping) -> dict[str, np.ndarray]:
    """Columns of the sample pictures: bicubic, SR of each stage, HR, by name.

    Each is that of the step which the stage gives.
    """
    found = {}
    keep = folder.recorded_flags().get("keep", "last")
    for stage in stages:
        step = folder.best_step(stage, keep)
        if step is not None:
            path = folder.samples / f"step_{stage}_{step:08d}.png"
            if path.exists():
                name = f"{NETWORKS[stage]}, step {step:,}"
                found[name] = np.hsplit(np.asarray(Image.open(path)), 3)
    if not found:
        return {}
    bicubic, _, hr = list(found.values())[-1]
    # A stage that was validated on other photos cannot be compared.
    sr = {name: sr for name, (_, sr, its) in found.items() if np.array_equal(its, hr)}
    return {"bicubic": bicubic, **sr, "HR": hr}


def _data_uri(tile: np.ndarray) -> str:
    encoded = io.BytesIO()
    # Little effort: a tenth of the default's time for 4 % more bytes.
    Image.fromarray(tile).save(encoded, "WEBP", lossless=True, quality=20, method=1)
    return f"data:image/webp;base64,{base64.b64encode(encoded.getvalue()).decode()}"
