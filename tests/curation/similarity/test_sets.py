"""Sets are read where they lie: in any number of pieces, sliced, with nulls and empty ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.curation.similarity.sets import Sets, in_place
from tilth.shards import arrow_file

LISTS = st.lists(st.none() | st.lists(st.integers(0, 2**32 - 1), max_size=4), max_size=6)


def column(lists: list[list[int] | None]) -> pl.Series:
    return pl.Series("sets", lists, dtype=pl.List(pl.UInt32))


def read(sets: Sets) -> list[list[int]]:
    return [sets.values[start:end].tolist() for start, end in zip(sets.starts, sets.ends)]


@settings(deadline=None)  # the first call loads a library
@given(st.lists(LISTS, min_size=1, max_size=3), st.lists(LISTS, min_size=1, max_size=3), st.integers(0, 3))
def test_every_set_of_every_piece_is_found(
    one: list[list[list[int] | None]], other: list[list[list[int] | None]], skipped: int
) -> None:
    columns = [
        pl.concat([column(lists) for lists in pieces], rechunk=False)[skipped:] for pieces in (one, other)
    ]
    found = in_place(*columns)
    assert [read(sets) for sets in found] == [[s or [] for s in c.to_list()] for c in columns]
    assert found[0].values is found[1].values


def test_rows_are_taken_in_another_order() -> None:
    (sets,) = in_place(column([[1, 2], None, [3]]))
    assert read(sets.of(np.array([2, 0]))) == [[3], [1, 2]]


def test_mapped_sets_are_there_again_after_their_memory_was_let_go(tmp_path: Path) -> None:
    lists: list[list[int] | None] = [[n, n + 1] for n in range(5_000)]
    batches = (part.to_frame() for part in (column(lists[:2_000]), column(lists[2_000:])))
    arrow_file.write(tmp_path / "sets.arrow", batches)
    (sets,) = in_place(arrow_file.read(tmp_path / "sets.arrow")["sets"])
    (tmp_path / "sets.arrow").unlink()
    assert read(sets) == lists
    arrow_file.let_go()
    assert read(sets) == lists
