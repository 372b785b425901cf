"""JSON lines: an object a line. Whatever no other format claims is read as this."""

from __future__ import annotations

from collections.abc import Iterator

from tilth.curation.reading.formats import Record
from tilth.curation.reading.limits import ReadLimits, Reason
from tilth.curation.reading.lines import Tail, lines
from tilth.curation.reading.opened import Opened
from tilth.curation.reading.parse import parse_object

CUT_SHORT = (Reason.INVALID_JSON, Reason.INVALID_UTF8)


class JsonLines:
    """Reads one object from each line."""

    name = "jsonl"
    suffixes = (".jsonl", ".ndjson")
    magic = ()
    unit = "line"
    is_text = True
    is_table = False
    order = 99

    def claims(self, text: bytes, suffix: str) -> bool:
        """Claim every text: what is on its lines decides."""
        return True

    def records(self, opened: Opened) -> Iterator[Record]:
        """Return the object on each line, or why there is none."""
        for line in lines(opened.text(), opened.limits.max_line_bytes):
            is_tail = isinstance(line, Tail)
            yield line if isinstance(line, Reason) else parse_line(line, opened.limits, is_tail=is_tail)


def parse_line(line: bytes, limits: ReadLimits, *, is_tail: bool) -> Record:
    """Return the object on a line, or why there is none. is_tail: no newline ends it."""
    if len(line) > limits.max_line_bytes:
        return Reason.TOO_LONG
    record = parse_object(line, limits.max_depth)
    return Reason.CUT_TAIL if is_tail and record in CUT_SHORT else record


FORMAT = JsonLines()
