from __future__ import annotations

import polars as pl
import pytest

from tests.validators.version_tables import tables
from tilth.validators.divergence import divergence_bits
from tilth.validators.drift import drift


def test_the_same_version_has_not_moved() -> None:
    data = tables([{"n": n, "language": "en", "source": "ab"[n % 2]} for n in range(6)])
    assert [(d["by"], d["divergence_bits"]) for d in drift(data, data)] == [
        ("slice", 0.0), ("source", 0.0), ("language", 0.0),
    ]  # fmt: skip


def test_a_vanished_and_a_new_value_are_both_seen() -> None:
    parent = tables([{"n": 1, "source": "a"}, {"n": 2, "source": "b"}])
    child = tables([{"n": 1, "source": "a"}, {"n": 3, "source": "c"}])
    source = next(d for d in drift(parent, child) if d["by"] == "source")
    assert source["divergence_bits"] == 0.5
    assert source["values"] == [
        {"value": "b", "parent": 0.5, "child": 0.0},
        {"value": "c", "parent": 0.0, "child": 0.5},
        {"value": "a", "parent": 0.5, "child": 0.5},
    ]


def test_dropped_rows_do_not_count_and_no_language_is_left_out() -> None:
    parent = tables([{"n": 1}, {"n": 2, "source": "b", "verdict": "drop"}])
    child = tables([{"n": 1}])
    assert [(d["by"], d["divergence_bits"]) for d in drift(parent, child)] == [
        ("slice", 0.0),
        ("source", 0.0),
    ]


def test_divergence_matches_the_definition() -> None:
    shares = pl.DataFrame({"parent": [0.9, 0.1, 0.0], "child": [0.5, 0.2, 0.3]})
    scipy = pytest.importorskip("scipy.spatial.distance")
    expected = scipy.jensenshannon(shares["parent"], shares["child"], base=2) ** 2
    assert divergence_bits(shares) == pytest.approx(expected, abs=1e-6)
