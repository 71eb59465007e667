"""Small line charts as SVG, to stand inside an HTML page that gives the colours."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator

WIDTH, HEIGHT = 290, 160
LEFT, RIGHT, TOP, BOTTOM = 54, 24, 10, 24  # margins
POINTS = 300  # a line at most


def svg_chart(
    title: str,
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    limits: tuple[float, float] | None = None,
) -> str:
    """Draws values over steps from 0, logarithmically where they span a factor of 20.

    A line of more than 300 values is drawn as 300 means of neighbours.

    Args:
        title: What a screen reader calls the chart.
        lines: Name, steps and finite values of each line. The k-th has the class `line`
            and `line-k`; colours are the page's business.
        limits: Of the values; those of the data if left out.

    Returns:
        An `<svg>` element without namespace, which only HTML understands.
    """
    drawn = [(_thin(steps), _thin(values)) for steps, values in lines.values()]
    every = np.concatenate([values for _, values in drawn])
    low, high = limits or (every.min(), every.max())
    constant = np.isclose(low, high, rtol=1e-6, atol=0)
    logarithmic = low > 0 and high / low > 20
    if constant:
        low, high = low - (abs(low) or 1), low + (abs(low) or 1)
    last = max(steps[-1] for steps, _ in lines.values())
    warp = np.log10 if logarithmic else np.asarray

    def x(step):
        return LEFT + step / last * (WIDTH - LEFT - RIGHT)

    def y(value):
        share = (warp(value) - warp(low)) / (warp(high) - warp(low))
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    if constant:
        marks = every[:1]
    elif logarithmic:
        marks = _inside(LogLocator(subs=(1, 2, 5), numticks=6), low, high)
    else:
        marks = _inside(MaxNLocator(4), low, high)
    parts = []
    for value in marks:
        parts.append(
            f'<path class="grid" d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}"/>'
            f'<text class="y" x="{LEFT - 6}" y="{y(value) + 4:.1f}">{value:.5g}</text>'
        )
    for step in _inside(MaxNLocator(3, integer=True), 0, last):
        parts.append(
            f'<text class="x" x="{x(step):.1f}" y="{HEIGHT - 6}">{step:,.0f}</text>'
        )
    for k, (steps, values) in enumerate(drawn):
        points = [f"{x(s):.1f},{y(v):.1f}" for s, v in zip(steps, values)]
        cx, cy = points[-1].split(",")
        parts.append(
            f'<polyline class="line line-{k}" points="{" ".join(points)}"/>'
            f'<circle class="dot-{k}" cx="{cx}" cy="{cy}" r="3"/>'
        )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def _thin(values: Sequence[float]) -> np.ndarray:
    parts = np.array_split(np.asarray(values, float), min(POINTS, len(values)))
    return np.array([part.mean() for part in parts])


def _inside(locator, low: float, high: float) -> list[float]:
    slack = 1e-6 * (high - low)
    ticks = locator.tick_values(low, high)
    return [tick for tick in ticks if low - slack <= tick <= high + slack]
