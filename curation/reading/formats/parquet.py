"""Parquet: a row a record."""

from __future__ import annotations

from collections.abc import Iterator

from tilth.curation.reading.formats import Record
from tilth.curation.reading.opened import Opened


class Parquet:
    """Reads the rows of a Parquet file; of a damaged row group each row that the footer promises is a Reason."""

    name = "parquet"
    suffixes = (".parquet", ".pq")
    magic = (b"PAR1",)
    unit = "row"
    is_text = False
    is_table = True
    order = 20

    def claims(self, text: bytes, suffix: str) -> bool:
        """Claim a file by its suffix."""
        return suffix in self.suffixes

    def records(self, opened: Opened) -> Iterator[Record]:
        """Return the rows. Raises SourceError if the footer cannot be read."""
        from tilth.curation.reading.columnar import parquet_records

        return parquet_records(opened.stored, opened.name, opened.limits)


FORMAT = Parquet()
