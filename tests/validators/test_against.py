"""What is new is judged by itself, and a source that shrank is named."""

from __future__ import annotations

import polars as pl
import pytest

from tilth.shards.tables import DECISIONS, OCCURRENCES, conform
from tilth.validators.against import COLUMNS, Before, against, belongs, shrinks


def lines(path: str, rows: list[int | None], start: int = 1) -> pl.DataFrame:
    """Return lines of a file: row numbers, None for a line that could not be read."""
    found = [
        {"source_path": path, "line": at, "row_id": None if n is None else n.to_bytes(16, "big"),
         "reader_reason": "invalid_json" if n is None else None}
        for at, n in enumerate(rows, start)
    ]  # fmt: skip
    return conform(pl.DataFrame(found, schema_overrides={"row_id": pl.Binary}), OCCURRENCES)


def decisions(count: int, dropped: set[int] = frozenset()) -> pl.DataFrame:
    found = [
        {"row_id": n.to_bytes(16, "big"), "verdict": "drop" if n in dropped else "keep"} for n in range(count)
    ]
    return conform(pl.DataFrame(found), DECISIONS)


def before(frame: pl.DataFrame, *sources: str) -> Before:
    return Before(frame.select(COLUMNS), sources)


def test_a_bad_day_is_seen_among_many_good_ones() -> None:
    old = lines("a.jsonl", list(range(900)))
    new = pl.concat([old, lines("b.jsonl", [*range(900, 920), *[None] * 80])])
    found = against(before(old, "*.jsonl"), new, decisions(920))
    assert (found["new_lines"], found["new_quarantine_rate"], found["new_drop_rate"]) == (100, 0.8, 0.0)


def test_lines_that_were_there_before_are_not_new_wherever_they_stand_now() -> None:
    old = lines("a.jsonl", [0, 1, None, 2])
    moved = pl.concat([lines("a.jsonl", [0, 1, None, 2]), lines("c.jsonl", [2, 1, 0])])
    assert against(before(old, "*.jsonl"), moved, decisions(3))["new_lines"] == 0


def test_a_new_row_that_is_given_twice_is_once_a_repeat() -> None:
    old = lines("a.jsonl", list(range(10)))
    new = pl.concat([old, lines("b.jsonl", [*range(10, 30), *range(10, 30)])])
    found = against(before(old, "*"), new, decisions(30, dropped={10, 11}))
    assert found["new_lines"] == 40 and found["new_drop_rate"] == pytest.approx(22 / 40)


def test_too_few_new_lines_tell_no_rate() -> None:
    old = lines("a.jsonl", [0, 1])
    new = pl.concat([old, lines("b.jsonl", [None, None])])
    assert against(before(old, "*"), new, decisions(2))["new_quarantine_rate"] == 0.0


def test_files_that_are_gone_shrink_their_source() -> None:
    old = pl.concat([lines(f"t/{n}.jsonl", list(range(n * 10, n * 10 + 10))) for n in range(22)])
    new = old.filter(pl.col("source_path").is_in([f"t/{n}.jsonl" for n in range(5)]))
    assert shrinks(before(old, "t/*.jsonl", "other.csv"), new) == [("t/*.jsonl", pytest.approx(17 / 22))]
    assert against(before(old, "t/*.jsonl"), new, decisions(220))["source_shrink"] == pytest.approx(17 / 22)
    assert (
        against(before(old), new, decisions(220))["source_shrink"] == 0.0
    )  # a source that the recipe dropped


def test_a_file_belongs_to_the_source_that_names_it() -> None:
    assert (
        belongs("a/b.jsonl", "a/*.jsonl") and belongs("a/b/c.jsonl", "a/**/*.jsonl") and belongs("d/x", "d")
    )
    assert not belongs("a/b.csv", "a/*.jsonl")
