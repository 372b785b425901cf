"""The judged rows of a run, read in row_id order and a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import polars as pl

from tilth.curation.run.kept.segments import Segment

Table = Literal["turns", "rows", "measures", "rewrites"]
CHUNK_ROWS = 50_000
BATCH_ROWS = 200_000


class Parts:
    """The segments of a run and, for every distinct row, the one that speaks for it.

    Most segments hold a range of row ids, and all are cut into small row groups, so that a range is read without
    the rest. Lines come segment by segment, in the order of their file.
    """

    def __init__(self, segments: list[Segment], chosen: pl.DataFrame) -> None:
        """chosen: row_id and part (index into `segments`) of every distinct row, ordered by row_id."""
        self.segments, self.chosen = segments, chosen
        self._of = {int(n): rows for (n,), rows in chosen.partition_by("part", as_dict=True).items()}

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame]:
        """Yield `chosen` cut into slices of at most `rows` rows."""
        yield from self.chosen.iter_slices(rows)

    def scan(self, table: Table, chosen: pl.DataFrame | None = None) -> pl.LazyFrame:
        """Return the lines of a table that belong to `chosen` (by default to every distinct row).

        Columns that a segment lacks are null.
        """
        if chosen is None:
            return self._lines(table, sorted(self._of))
        within = pl.col("row_id").is_between(chosen["row_id"][0], chosen["row_id"][-1])
        frames = [
            _lines(self.segments[int(number)], table, rows).filter(within)
            for (number,), rows in sorted(chosen.partition_by("part", as_dict=True).items())
        ]
        return pl.concat(frames, how="diagonal")

    def batches(self, table: Table, rows: int = BATCH_ROWS) -> Iterator[pl.LazyFrame]:
        """Yield the lines of a table of some segments at a time, of about so many rows."""
        waiting: list[int] = []
        for number in sorted(self._of):
            waiting.append(number)
            if sum(self._of[n].height for n in waiting) >= rows:
                yield self._lines(table, waiting)
                waiting = []
        if waiting:
            yield self._lines(table, waiting)

    def _lines(self, table: Table, numbers: list[int]) -> pl.LazyFrame:
        frames = [_lines(self.segments[number], table, self._of[number]) for number in numbers]
        return pl.concat(frames, how="diagonal")

    def read(self, table: Table, row_ids: pl.Series) -> pl.DataFrame:
        """Return the lines of a table that belong to these rows, in any order.

        Takes as long however many other rows there are, if these lie together in row_id order.
        """
        ids, wanted = self.chosen["row_id"], row_ids.unique().sort()
        start, end = ids.search_sorted(wanted[0], "left"), ids.search_sorted(wanted[-1], "right")
        near = self.chosen.slice(start, end - start)
        if not near["row_id"].equals(wanted):
            near = near.join(wanted.to_frame("row_id"), on="row_id", how="semi", maintain_order="left")
        return self.scan(table, near).collect()


def _lines(segment: Segment, table: Table, rows: pl.DataFrame) -> pl.LazyFrame:
    lines = pl.scan_parquet(segment.path(table), glob=False)
    if rows.height == segment.rows:
        return lines
    return lines.join(rows.lazy().select("row_id"), on="row_id", how="semi", maintain_order="left")
