"""What is new is judged by itself, and a source that shrank is named."""

from __future__ import annotations

import math
import random

import polars as pl
import pytest

from tilth.shards.tables import DECISIONS, OCCURRENCES, conform
from tilth.validators.against import COLUMNS, KEPT, Before, against, belongs, drifted, shrinks
from tilth.validators.divergence import divergence_bits


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


def kept(counts: dict[str, int], start: int = 0) -> pl.DataFrame:
    names = [name for name, count in counts.items() for _ in range(count)]
    ids = [n.to_bytes(16, "big") for n in range(start, start + len(names))]
    return pl.DataFrame({"row_id": ids, "slice": names, "source": "s"}, schema_overrides=dict(KEPT.items()))


def test_rows_of_another_kind_are_a_drift_and_chance_is_none() -> None:
    served = kept({"a": 500, "b": 500})
    reference = Before(OCCURRENCES.to_frame().select(COLUMNS), (), served)
    same = pl.concat([served, kept({"a": 52, "b": 48}, 1000)])
    assert drifted(reference, same) == {"drift_bits": 0.0, "new_drift_bits": 0.0}
    other = drifted(reference, pl.concat([served, kept({"b": 100, "c": 100}, 1000)]))
    assert other["new_drift_bits"] > 0.4 > other["drift_bits"] > 0.02
    assert drifted(reference, pl.concat([served, kept({"c": 20}, 1000)]))["new_drift_bits"] == 0.0


def test_what_chance_moves_is_what_the_formula_says() -> None:
    rng = random.Random(3)
    found = []
    for _ in range(200):
        first, second = (
            pl.DataFrame({"slice": rng.choices("abcdef", weights=(5, 4, 3, 2, 1, 1), k=k)})
            for k in (400, 300)
        )
        shares = [
            frame["slice"].value_counts(normalize=True, name=n)
            for frame, n in ((first, "parent"), (second, "child"))
        ]
        found.append(divergence_bits(shares[0].join(shares[1], on="slice", how="full").fill_null(0.0)))
    assert sum(found) / len(found) == pytest.approx(5 * (1 / 400 + 1 / 300) / (8 * math.log(2)), rel=0.15)
