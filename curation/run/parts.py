"""The judged parts of a run, read in row_id order and a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import polars as pl

from tilth.curation.run.local import LocalPart

Table = Literal["turns", "rows", "measures", "findings", "rewrites"]
CHUNK_ROWS = 50_000


class Parts:
    """The part files of a run and, for every distinct row, the one part that speaks for it.

    The files are sorted by row_id and cut into small row groups, so that a range of ids is read without the
    rest. Lines come part by part, in the order of their file.
    """

    def __init__(self, parts: list[LocalPart], chosen: pl.DataFrame) -> None:
        """chosen: row_id and part (index into `parts`) of every distinct row, ordered by row_id."""
        self.parts, self.chosen = parts, chosen

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame]:
        """Yield `chosen` cut into slices of at most `rows` rows."""
        yield from self.chosen.iter_slices(rows)

    def scan(self, table: Table, chosen: pl.DataFrame | None = None) -> pl.LazyFrame:
        """Return the lines of a table that belong to `chosen` (by default to every distinct row).

        Columns that a part lacks are null.
        """
        if chosen is None:
            frames = [self._of(table, index, self.chosen) for index in range(len(self.parts))]
        else:
            within = pl.col("row_id").is_between(chosen["row_id"][0], chosen["row_id"][-1])
            frames = [
                self._of(table, index, rows).filter(within)
                for (index,), rows in sorted(chosen.partition_by("part", as_dict=True).items())
            ]
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

    def _of(self, table: Table, index: int, chosen: pl.DataFrame) -> pl.LazyFrame:
        mine = chosen.lazy().filter(pl.col("part") == index).select("row_id")
        return pl.scan_parquet(getattr(self.parts[index], table), glob=False).join(
            mine, on="row_id", how="semi", maintain_order="left"
        )
