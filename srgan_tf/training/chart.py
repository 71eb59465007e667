"""Small line charts as SVG, to stand inside an HTML page that gives the colours."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import LogLocator, MaxNLocator

from srgan_tf.training.templates import environment

WIDTH, HEIGHT = 290, 160
LEFT, RIGHT, TOP, BOTTOM = 54, 24, 10, 24  # margins
POINTS = 300  # a line at most


def svg_chart(
    title: str,
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    limits: tuple[float, float] | None = None,
) -> Markup:
    """Draws values over steps from 0, logarithmically where they span a factor of 20.

    A line of more than 300 values is drawn as 300 means of neighbours.

    Args:
        title: What a screen reader calls the chart.
        lines: Name, steps and finite values of each line. The k-th has the class `line`
            and `line-k`; colours are the page's business.
        limits: Of the values; those of the data if left out.

    Returns:
        An `<svg>` element without namespace, which only HTML understands; templates do
        not escape it again.
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
        marks = [float(every[0])]
    elif logarithmic:
        marks = _inside(LogLocator(subs=(1, 2, 5), numticks=6), low, high)
    else:
        marks = _inside(MaxNLocator(4), low, high)
    ticks = _inside(MaxNLocator(3, integer=True), 0, last)
    svg = environment.get_template("chart.svg.j2").render(
        title=title,
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        marks=[(f"{value:.5g}", y(value)) for value in marks],
        steps=[(f"{step:,.0f}", x(step)) for step in ticks],
        lines=[list(zip(x(steps), y(values))) for steps, values in drawn],
    )
    return Markup(svg)


def _thin(values: Sequence[float]) -> np.ndarray:
    parts = np.array_split(np.asarray(values, float), min(POINTS, len(values)))
    return np.array([part.mean() for part in parts])


def _inside(locator, low: float, high: float) -> list[float]:
    slack = 1e-6 * (high - low)
    ticks = locator.tick_values(low, high)
    return [tick for tick in ticks if low - slack <= tick <= high + slack]
