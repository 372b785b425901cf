"""The elements of one large JSON array, cut out without parsing or holding the whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tilth.curation.reading.limits import Reason, Unreadable

STRUCTURE = re.compile(rb'["{}\[\],]')
STRING_REST = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)


def elements(chunks: Iterator[bytes], max_element_bytes: int) -> Iterator[bytes | Reason]:
    """Yield the bytes of each element of an array, or the reason it cannot be had.

    An empty place between commas is BLANK, an over-long element TOO_LONG, an array that is not closed ends in
    CUT_TAIL, and anything after its end is one INVALID_JSON.
    """
    scan = _Scan(max_element_bytes)
    try:
        for chunk in chunks:
            yield from scan.feed(chunk)
    except Unreadable as stop:
        yield stop.reason
        return
    if not scan.closed:
        yield Reason.CUT_TAIL
    elif scan.junk_follows:
        yield Reason.INVALID_JSON


class _Scan:
    """Where the scan stands: nesting, inside a string or not, and the bytes of the element so far."""

    def __init__(self, max_element_bytes: int) -> None:
        self.max_element_bytes = max_element_bytes
        self.depth = 0
        self.in_string = False
        self.skip = 0  # bytes of the next chunk that a backslash at the end of this one has escaped
        self.held: list[bytes] = []
        self.size = 0
        self.any_comma = False
        self.closed = False
        self.junk_follows = False

    def feed(self, chunk: bytes) -> Iterator[bytes | Reason]:
        start = position = 0
        while position < len(chunk):
            if self.closed:
                self.junk_follows = self.junk_follows or bool(chunk[position:].strip())
                return
            if self.in_string:
                position = self._leave_string(chunk, position)
                continue
            found = STRUCTURE.search(chunk, position)
            if found is None:
                break
            position = found.end()
            opened = self.depth == 0
            if self._ends_element(found.group()):
                self._hold(chunk[start : position - 1])
                start = position
                self.any_comma = self.any_comma or not self.closed
                yield from self._take()
            elif opened:
                start = position
        if not self.closed and self.depth:
            self._hold(chunk[start:])

    def _ends_element(self, mark: bytes) -> bool:
        """Take one structural byte into account; tell whether an element ends before it."""
        if mark == b'"':
            self.in_string = True
        elif mark in b"[{":
            self.depth += 1
        elif mark == b"]" or (mark == b"}" and self.depth > 1):  # a brace too many stays in its element
            self.depth -= 1
            self.closed = self.depth == 0
        return self.closed or (mark == b"," and self.depth == 1)

    def _leave_string(self, chunk: bytes, position: int) -> int:
        """Return the position after the closing quote, or the end of the chunk."""
        rest = STRING_REST.match(chunk, position + self.skip)
        end = rest.end() if rest else position
        self.skip = 0
        if end < len(chunk) and chunk[end : end + 1] == b'"':
            self.in_string = False
        elif end < len(chunk):
            self.skip = 1
            return len(chunk)
        return end + 1

    def _hold(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size <= self.max_element_bytes:
            self.held.append(piece)
        else:
            self.held.clear()

    def _take(self) -> Iterator[bytes | Reason]:
        element, size = b"".join(self.held).strip(), self.size
        self.held, self.size = [], 0
        if size > self.max_element_bytes:
            yield Reason.TOO_LONG
        elif element:
            yield element
        elif self.any_comma:  # `[]` has no elements, `[1,]` has an empty one
            yield Reason.BLANK
