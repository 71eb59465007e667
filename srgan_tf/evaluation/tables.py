"""Evaluation results as tables, with published numbers beside ours."""

import json
from collections.abc import Mapping, Sequence

# Key in the results, heading, format.
MEASURES = (
    ("psnr", "PSNR (dB)", ".2f"),
    ("ssim", "SSIM", ".4f"),
    ("ssim_paper", "SSIM (paper)", ".4f"),
    ("phi22", "phi 2,2", ".2f"),
    ("phi34", "phi 3,4", ".2f"),
)

# Table 2 of the paper, 4x.
PAPER = {
    "set5": {
        "bicubic": {"psnr": 28.43, "ssim_paper": 0.8211},
        "SRResNet": {"psnr": 32.05, "ssim_paper": 0.9019},
        "SRGAN": {"psnr": 29.40, "ssim_paper": 0.8472},
    },
    "set14": {
        "bicubic": {"psnr": 25.99, "ssim_paper": 0.7486},
        "SRResNet": {"psnr": 28.49, "ssim_paper": 0.8184},
        "SRGAN": {"psnr": 26.02, "ssim_paper": 0.7397},
    },
    "bsd100": {
        "bicubic": {"psnr": 25.94, "ssim_paper": 0.6935},
        "SRResNet": {"psnr": 27.58, "ssim_paper": 0.7620},
        "SRGAN": {"psnr": 25.16, "ssim_paper": 0.6688},
    },
}

# Of x2 and x8, whose tables have neither SRResNet nor SRGAN: Zhang et al. 2018, "Image
# Super-Resolution Using Very Deep Residual Channel Attention Networks", Table 2.
_BY_ZHANG = {
    2: {
        "bicubic": ((33.66, 0.9299), (30.24, 0.8688), (29.56, 0.8431)),
        "VDSR": ((37.53, 0.9590), (33.05, 0.9130), (31.90, 0.8960)),
        "EDSR": ((38.11, 0.9602), (33.92, 0.9195), (32.32, 0.9013)),
    },
    8: {
        "bicubic": ((24.40, 0.6580), (23.10, 0.5660), (23.67, 0.5480)),
        "VDSR": ((25.93, 0.7240), (24.26, 0.6140), (24.49, 0.5830)),
        "EDSR": ((26.96, 0.7762), (24.91, 0.6420), (24.81, 0.5985)),
    },
}


def published(benchmark: str, scale: int) -> dict[str, dict[str, float]]:
    """What others have reached, by where it is published and whose it is.

    Args:
        benchmark: Set5, Set14 or BSD100; of others nothing is known here.
        scale: Factor between LR and HR.
    """
    name = benchmark.lower()
    if scale == 4:
        return {f"paper: {who}": row for who, row in PAPER.get(name, {}).items()}
    if name not in PAPER:
        return {}
    place = list(PAPER).index(name)
    return {
        f"Zhang et al.: {who}": dict(zip(("psnr", "ssim"), sets[place]))
        for who, sets in _BY_ZHANG.get(scale, {}).items()
    }


NOTES = """\
- PSNR and SSIM on luma (BT.601) of 8-bit pictures without a border of {scale} pixels.
- SSIM: Wang et al. 2004. SSIM (paper): the daala tools' form, which the paper used.
- phi: mean squared distance of VGG19 features scaled by 1/12.75; lower is better.
"""


def means_table(result: Mapping) -> str:
    """One Markdown table for each benchmark of `evaluate`'s result: the means."""
    tables = []
    for benchmark, content in result["benchmarks"].items():
        rows = {name: model["mean"] for name, model in content["models"].items()}
        count = len(next(iter(content["models"].values()))["pictures"])
        heading = f"{benchmark} x{result['scale']}, mean of {count}"
        tables.append(_table(heading, rows | content["published"]))
    return "\n".join(tables)


def kinds_tables(result: Mapping) -> str:
    """One Markdown table for each measure: degradations by models."""
    tables = []
    benchmarks = result["benchmarks"]
    for measure, title, style in MEASURES:
        rows: dict[str, dict[str, float]] = {}
        for benchmark, content in benchmarks.items():
            means = {name: x["mean"] for name, x in content["models"].items()}
            rows[benchmark] = {n: m[measure] for n, m in means.items() if measure in m}
        models = list(dict.fromkeys(name for row in rows.values() for name in row))
        columns = [(model, model, style) for model in models]
        if models:
            tables.append(_table(f"{title} x{result['scale']}", rows, columns))
    return "\n".join(tables)


def pictures_tables(result: Mapping) -> str:
    """One Markdown table for each benchmark and model: the single pictures."""
    return "\n".join(
        _table(f"{benchmark} x{result['scale']}, {name}", model["pictures"])
        for benchmark, content in result["benchmarks"].items()
        for name, model in content["models"].items()
    )


def as_markdown(result: Mapping) -> str:
    """The whole report: means first, then the single pictures."""
    notes = NOTES.format(scale=result["scale"])
    if result["self_ensemble"]:
        notes += "- Networks answer with the mean over 8 flips and rotations.\n"
    if result["fast"]:
        notes += "- Networks compute in 8 bits.\n"
    for benchmark, content in result["benchmarks"].items():
        notes += f"- {benchmark}: LR {content['lr']}.\n"
    parts = ["# Evaluation\n", notes, means_table(result)]
    if len(result["benchmarks"]) > 1:
        parts.append(kinds_tables(result))
    return "\n".join((*parts, "## Single pictures\n", pictures_tables(result)))


def as_json(result: Mapping) -> str:
    """The result as JSON, which has no infinity: equal pictures have PSNR null."""
    return json.dumps(result, indent=1).replace(": Infinity", ": null") + "\n"


def _table(
    heading: str,
    rows: Mapping[str, Mapping[str, float]],
    columns: Sequence[tuple[str, str, str]] = MEASURES,
) -> str:
    """A Markdown table with aligned columns; measures that no row has are left out."""
    shown = [m for m in columns if any(m[0] in row for row in rows.values())]
    cells = [[heading, *(title for _, title, _ in shown)]]
    for name, row in rows.items():
        values = (format(row[k], f) if k in row else "" for k, _, f in shown)
        cells.append([name, *values])
    widths = [max(map(len, column)) for column in zip(*cells)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(row, widths) for row in (cells[0], rule, *cells[1:])) + "\n"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    numbers = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:]))
    return f"| {' | '.join((cells[0].ljust(widths[0]), *numbers))} |"
