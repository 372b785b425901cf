"""Arrow IPC, as a file (Feather) or as streams end to end: a row a record."""

from __future__ import annotations

from collections.abc import Iterator

from tilth.curation.reading.formats import Record
from tilth.curation.reading.opened import Opened


class Arrow:
    """Reads the rows of an Arrow file or stream, as `datasets` keeps them."""

    name = "arrow"
    suffixes = (".arrow", ".feather", ".ipc")
    magic = (b"ARROW1", b"\xff\xff\xff\xff")
    unit = "row"
    is_text = False
    is_table = True
    order = 21

    def claims(self, text: bytes, suffix: str) -> bool:
        """Claim a file by its suffix."""
        return suffix in self.suffixes

    def records(self, opened: Opened) -> Iterator[Record]:
        """Return the rows. Raises SourceError if the schema cannot be read."""
        from tilth.curation.reading.columnar import arrow_records

        return arrow_records(opened.stored, opened.name, opened.limits)


FORMAT = Arrow()
