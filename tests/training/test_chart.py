import re

import numpy as np
import pytest

from srgan_tf.training.chart import svg_chart


def points(svg: str) -> list[np.ndarray]:
    """`[N, 2]` of each line."""
    lines = re.findall(r'points="([^"]*)"', svg)
    return [np.array([p.split(",") for p in line.split()], float) for line in lines]


def ticks(svg: str, axis: str) -> list[str]:
    return re.findall(rf'<text class="{axis}"[^>]*>([^<]*)<', svg)


def test_a_line_goes_right_with_steps_and_up_with_values():
    (line,) = points(svg_chart("PSNR", {"psnr": ([10, 20, 40], [25.0, 26.0, 27.0])}))
    assert np.all(np.diff(line[:, 0]) > 0) and np.all(np.diff(line[:, 1]) < 0)
    x = line[:, 0]
    assert (x[2] - x[1]) / (x[1] - x[0]) == pytest.approx(2, rel=0.01)


def test_axes_are_marked_in_steps_and_values():
    svg = svg_chart("PSNR", {"psnr": ([1, 3000], [20.0, 30.0])})
    assert ticks(svg, "x") == ["0", "1,000", "2,000", "3,000"]
    assert ticks(svg, "y") == ["20", "22.5", "25", "27.5", "30"]


def test_a_wide_span_is_logarithmic():
    svg = svg_chart("Loss", {"loss": ([1, 2, 3], [1.0, 0.1, 0.01])})
    (line,) = points(svg)
    first, second = np.diff(line[:, 1])
    assert first == pytest.approx(second, abs=0.2)
    assert {"0.01", "0.1", "1"} <= set(ticks(svg, "y"))


def test_a_span_that_reaches_zero_is_linear():
    (line,) = points(svg_chart("Loss", {"loss": ([1, 2, 3], [0.0, 0.1, 1.0])}))
    first, second = np.diff(line[:, 1])
    assert second / first == pytest.approx(9, rel=0.05)


@pytest.mark.parametrize("value", [0.0, 1e-5, -2.0])
def test_a_constant_or_a_single_value_has_one_mark(value):
    for count in (1, 3):
        svg = svg_chart("Rate", {"rate": (list(range(1, count + 1)), [value] * count)})
        assert ticks(svg, "y") == [f"{value:.5g}"]
        (line,) = points(svg)
        assert len(line) == count and np.ptp(line[:, 1]) == 0


def test_long_lines_are_drawn_as_means_over_the_same_steps():
    steps = np.arange(1, 9001)
    values = np.tile([0.0, 0.5, 1.0], 3000)
    svg = svg_chart("D", {"a": (steps, values)}, (0, 1))
    (line,) = points(svg)
    assert line.shape == (300, 2)
    middle = points(svg_chart("D", {"a": ([1, 2], [0.5, 0.5])}, (0, 1)))[0][0, 1]
    np.testing.assert_allclose(line[:, 1], middle, atol=0.2)


def test_two_lines_are_told_apart_and_the_title_is_escaped():
    svg = svg_chart("a<b", {"hr": ([1, 2], [0.6, 0.7]), "sr": ([1, 2], [0.4, 0.3])})
    hr, sr = points(svg)
    assert np.all(hr[:, 1] < sr[:, 1])
    assert 'class="line line-0"' in svg and 'class="line line-1"' in svg
    assert 'aria-label="a&lt;b"' in svg
