"""Rows that come in from the reserve: next in the order of selection, of the slices that lack some."""

from __future__ import annotations

import polars as pl

from tilth.curation.run.decide import _taken_in
from tilth.curation.select.select import Select
from tilth.shards.tables import SPLIT


def ids(*numbers: int) -> list[bytes]:
    return [n.to_bytes(16, "big") for n in numbers]


def test_the_next_in_the_order_of_selection_come_in() -> None:
    kept = pl.DataFrame(
        {
            "row_id": ids(*range(8)),
            "slice": ["a", "a", "a", "a", "b", "b", "b", None],
            "split": ["train", "reserve", "reserve", "reserve", "reserve", "reserve", "feedback", "reserve"],
        },
        schema_overrides={"split": SPLIT},
    )
    left = pl.DataFrame({"row_id": ids(1, 2, 3, 4, 5), "next": [2, 0, 1, 0, None]})
    taken = _taken_in(kept, [left], {"a": 2, "b": 5})
    assert taken["row_id"].to_list() == ids(2, 4, 3)
    assert set(taken["split"]) == {"train"} and set(taken["reason"]) == {"top_up"}
    assert _taken_in(kept, [], {"a": 2}).is_empty()


def test_selection_puts_a_tenth_of_the_others_in_order_and_chooses_as_before() -> None:
    rows = pl.DataFrame(
        {"row_id": ids(*range(40)), "split": ["train"] * 40, "scores.x": [float(i) for i in range(40)]}
    )
    said = Select(method="top", by="scores.x", rows=10).evidence(rows, None)  # type: ignore[arg-type]
    chosen = said.drop_nulls("place").sort("place")["row_id"].to_list()
    assert chosen == ids(*range(39, 29, -1))
    assert said.drop_nulls("next").sort("next")["row_id"].to_list() == ids(29, 28, 27, 26)
