"""What separates and quotes the fields of a table in text: said by the source, by its first line, or found."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from tilth.curation.reading.decompress import plain_suffix
from tilth.curation.reading.lines import without_bom
from tilth.curation.reading.source import Source

if TYPE_CHECKING:
    from _csv import Reader

USUAL = {".tsv": "\t", ".psv": "|"}
DELIMITERS = ",;\t|"
SAMPLE_RECORDS = 50
ALIKE_SHARE = 0.5  # of the sampled records that must have as many fields as the header


@dataclass(frozen=True)
class Dialect:
    """How fields are separated and quoted. lead_lines: lines before the header."""

    delimiter: str
    quote: str
    lead_lines: int = 0

    def reader(self, source: Iterable[str]) -> Reader:
        """Return the strict reader of these lines."""
        return csv.reader(source, delimiter=self.delimiter, quotechar=self.quote, strict=True)


def find_dialect(text: bytes, name: str, source: Source) -> Dialect:
    """Return the dialect of a table that opens with `text`.

    `sep=` on the first line, as Excel writes it, or the source's `delimiter` decides. Else it is what the
    suffix says, unless that leaves the header in one piece and another delimiter parts it and the records alike.
    """
    lines = next(without_bom([text])).decode("utf-8", "replace").splitlines(keepends=True)
    quote = source.quote or '"'
    lead = 0
    delimiter = source.delimiter
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].strip("\r\n")) == len("sep=;"):
        lead, delimiter = 1, delimiter or lines[0][len("sep=")]
    if delimiter is None:
        usual = USUAL.get(plain_suffix(name), ",")
        alike = {mark: _alike(lines, mark, quote) for mark in (usual, *DELIMITERS)}
        delimiter = usual if alike[usual] else max(alike, key=lambda mark: alike[mark])
    return Dialect(delimiter, quote, lead)


def _alike(lines: list[str], delimiter: str, quote: str) -> float:
    """Return the share of the first records with as many fields as the header, 0 where that is one, or few are."""
    counts = []
    try:
        for fields in islice(csv.reader(lines, delimiter=delimiter, quotechar=quote), SAMPLE_RECORDS + 1):
            counts.append(len(fields))
    except csv.Error:
        pass
    if not counts or counts[0] < 2:
        return 0.0
    records = [count for count in counts[1:] if count]
    share = sum(count == counts[0] for count in records) / len(records) if records else 1.0
    return share if share >= ALIKE_SHARE else 0.0
