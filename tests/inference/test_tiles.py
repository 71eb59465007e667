"""Parts of an axis and the windows around them, whatever the numbers are."""

from hypothesis import given
from hypothesis import strategies as st

from srgan_tf.inference.tiles import spans


@st.composite
def axes(draw):
    """Arguments of `spans`: a stretch of an axis, in parts or in given windows."""
    length = draw(st.integers(1, 300))
    start = draw(st.integers(0, length - 1))
    stop = draw(st.integers(start + 1, length))
    tile, halo = draw(st.integers(1, 310)), draw(st.integers(0, 40))
    least = min(tile + 2 * halo, length)
    window = draw(st.none() | st.integers(least, length))
    return start, stop, length, tile, halo, window


@given(axes())
def test_parts_cover_once_in_windows_of_one_length_with_their_context(axis):
    start, stop, length, tile, halo, window = axis
    parts = list(spans(*axis))
    covered = [pixel for first, last, _, _ in parts for pixel in range(first, last)]
    assert covered == list(range(start, stop))
    assert all(last - first <= tile for first, last, _, _ in parts)
    for first, last, low, high in parts:
        assert 0 <= low <= max(first - halo, 0)
        assert min(last + halo, length) <= high <= length
    (size,) = {high - low for _, _, low, high in parts}
    assert window in (None, size)


@given(st.integers(1, 300), st.integers(1, 310), st.integers(0, 40))
def test_parts_are_as_few_and_as_equal_as_can_be(length, tile, halo):
    parts = [last - first for first, last, _, _ in spans(0, length, length, tile, halo)]
    assert len(parts) == -(-length // tile)
    assert len(set(parts[:-1])) <= 1
