from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.validators import charts
from tilth.validators.charts import Bar, Chart, Range

labels = st.text(max_size=60)
shares = st.floats(0, 1e9, allow_nan=False)
values = st.one_of(st.none(), st.floats(-1e6, 1e6, allow_nan=False))


def parsed(chart: Chart) -> ElementTree.Element:
    """Parse the drawing as XML, without the characters that XML cannot hold."""
    return ElementTree.fromstring(
        re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", "", chart.svg)
    )


def sound(chart: Chart) -> None:
    drawing = parsed(chart)
    assert drawing.get("role") == "img" and drawing[0].tag == "title"
    assert "script" not in {element.tag for element in drawing.iter()}
    for element in drawing.iter():
        for name in ("x", "y", "width", "height", "cx", "cy", "x1", "x2", "y1", "y2"):
            assert math.isfinite(float((element.get(name) or "0").rstrip("%")))
    assert all(len(row) == len(chart.columns) for row in chart.rows)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(labels, shares, values, values), max_size=8))
def test_bars_and_columns_are_sound_and_carry_their_numbers(drawn: list) -> None:
    bars = [Bar(label, value, abs(a) if a else a, abs(b) if b else b) for label, value, a, b in drawn]
    for chart in (charts.bars("<b>", bars), charts.columns("&", bars)):
        sound(chart)
        assert len(chart.rows) == len(bars)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(values, values, values), max_size=60))
def test_lines_are_sound_with_any_gaps(points: list) -> None:
    series = {name: [p[i] for p in points] for i, name in enumerate(("probe", "twin", "feedback"))}
    chart = charts.lines("loss", "step", list(range(len(points))), series)
    sound(chart)
    assert len(chart.rows) == min(len(points), charts.MAX_POINTS)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(labels, values, values, values), max_size=8), st.booleans())
def test_intervals_are_sound_even_half_empty(drawn: list, zero: bool) -> None:
    labelled = [(label, [Range("s1", "tuned", *numbers)]) for label, *numbers in drawn]
    sound(charts.intervals("difference", labelled, zero=zero))


def test_a_bar_is_as_long_as_its_share_of_the_largest_number() -> None:
    drawing = parsed(charts.bars("share", [Bar("a", 0.5, target=1.0), Bar("b", 0.25)]))
    assert [r.get("width") for r in drawing.iter("rect")] == ["50%", "25%"]
    assert [line.get("x1") for line in drawing.iter("line")] == ["100%"]


def test_zero_is_marked_where_it_lies() -> None:
    drawing = parsed(charts.intervals("d", [("x", [Range("s1", "d", 1.0, 0.0, 2.0)])], zero=True))
    zero = next(line for line in drawing.iter("line") if line.get("class") == "zero")
    low = next(line for line in drawing.iter("line") if line.get("class") == "range s1")
    assert zero.get("x1") == low.get("x1")


def test_a_gap_splits_a_curve_and_a_lonely_point_is_a_dot() -> None:
    drawing = parsed(charts.lines("l", "step", range(6), {"probe": [1, 2, None, 3, None, 4]}))
    assert len(list(drawing.iter("polyline"))) == 1
    assert len(list(drawing.iter("circle"))) == 2


def test_the_legend_names_only_what_is_drawn() -> None:
    assert charts.bars("x", [Bar("a", 1.0)]).legend == ()
    assert [m for m, _ in charts.bars("x", [Bar("a", 1.0, before=0.5)]).legend] == ["before", "after"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.5, 1]), (0.58, 2.5, [1, 2]), (-0.02, 0.03, [-0.02, 0, 0.02]), (0, 2e-4, [0, 1e-4, 2e-4])],
)
def test_ticks_are_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert charts.round_ticks(low, high, 3) == pytest.approx(expected)
