"""The elements of one large JSON array, or objects over several lines, cut out without parsing or holding the whole.

Brackets are matched, not counted: an element that lacks one, or has one too many, costs itself and not those
after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tilth.curation.reading.limits import Reason, Unreadable

STRUCTURE = re.compile(rb'["{}\[\],]')
STRING_REST = re.compile(rb'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+', re.DOTALL)
OPENS = {b"}": b"{"[0], b"]": b"["[0]}
OBJECT = b"{"[0]


def elements(
    chunks: Iterator[bytes], max_element_bytes: int, *, in_array: bool = True
) -> Iterator[bytes | Reason]:
    """Yield the bytes of each element of an array, or the reason it cannot be had.

    An empty place between commas is BLANK, an over-long element TOO_LONG, an array that is not closed ends in
    CUT_ARRAY. An array behind its end is read on as if it were the same; other bytes there are one INVALID_JSON
    before a further array, and UNREAD_BYTES at the end. in_array: False for objects that only follow each
    other; what stands between two of them is one INVALID_JSON.
    """
    scan = _ArrayScan(max_element_bytes) if in_array else _ObjectScan(max_element_bytes)
    try:
        for chunk in chunks:
            yield from scan.feed(chunk)
    except Unreadable as stop:
        yield stop.reason
        return
    yield from scan.end()


class _Scan:
    """Where the scan stands: open brackets, inside a string or not, and the bytes of the element so far."""

    floor = 0  # open brackets around an element

    def __init__(self, max_element_bytes: int) -> None:
        self.max_element_bytes = max_element_bytes
        self.open = bytearray()
        self.in_string = False
        self.skip = 0  # bytes of the next chunk that a backslash at the end of this one has escaped
        self.held: list[bytes] = []
        self.size = 0

    def hold(self, piece: bytes) -> None:
        """Add to the element."""
        self.size += len(piece)
        if self.size <= self.max_element_bytes:
            self.held.append(piece)
        else:
            self.held.clear()

    def take(self) -> bytes | Reason:
        """Return the element, and begin another."""
        element, size = b"".join(self.held).strip(), self.size
        self.held, self.size = [], 0
        return element if size <= self.max_element_bytes else Reason.TOO_LONG

    def leave_string(self, chunk: bytes, position: int) -> int:
        """Return the position after the closing quote, or after the end of the line or the chunk.

        No string holds a line end: where one stands, its quote is missing.
        """
        rest = STRING_REST.match(chunk, position + self.skip)
        end = rest.end() if rest else position
        self.skip = 0
        if end < len(chunk) and chunk[end] != ord("\\"):
            self.in_string = False
        elif end < len(chunk):
            self.skip = 1
            return len(chunk)
        return end + 1

    def next_mark(self, chunk: bytes, position: int) -> tuple[int, bytes] | None:
        """Return the next structural byte outside strings and the position after it, or None where the chunk ends."""
        while self.in_string and position < len(chunk):
            position = self.leave_string(chunk, position)
        found = STRUCTURE.search(chunk, position)
        return (found.end(), found.group()) if found else None

    def bracket(self, mark: bytes) -> None:
        """Take a bracket into account.

        One that closes another than the last opened closes that too, as what lacks its own; one that closes
        none of the element stays in it.
        """
        if mark in b"{[":
            self.open += mark
            return
        opener = self.open.rfind(OPENS[mark], self.floor)
        if opener >= 0:
            del self.open[opener:]

    def lacks_brace(self, mark: bytes, chunk: bytes, position: int) -> bool:
        """Tell whether an object opens where only a key may stand: the brace of the one before it is missing."""
        in_object = len(self.open) > self.floor and self.open[-1] == OBJECT
        return in_object and mark == b"{" and chunk[: position - 1].rstrip()[-1:] in (b",", b"}", b"]")


class _ArrayScan(_Scan):
    """The elements between the brackets of one array."""

    floor = 1

    def __init__(self, max_element_bytes: int) -> None:
        super().__init__(max_element_bytes)
        self.any_comma = False
        self.closed = False
        self.junk_follows = False

    def feed(self, chunk: bytes) -> Iterator[bytes | Reason]:
        """Yield the elements that end in a chunk."""
        start = position = 0
        while position < len(chunk):
            if self.closed:
                position = self._behind(chunk, position)
                if not self.closed and self.junk_follows:
                    self.junk_follows = False
                    yield Reason.INVALID_JSON
                continue
            found = self.next_mark(chunk, position)
            if found is None:
                break
            position, mark = found
            if not self.open:
                self.open += b"["
                start = position
                continue
            split = self.lacks_brace(mark, chunk, position)
            if split or self._ends_element(mark):
                self.hold(chunk[start : position - 1])
                start = position - split
                self.any_comma = self.any_comma or not self.closed
                yield from self._element()
            if split:
                self.open[self.floor :] = mark
        if not self.closed and self.open:
            self.hold(chunk[start:])

    def end(self) -> Iterator[Reason]:
        """Yield what the end of the text leaves."""
        if not self.closed:
            yield Reason.CUT_ARRAY
        elif self.junk_follows:
            yield Reason.UNREAD_BYTES

    def _behind(self, chunk: bytes, position: int) -> int:
        """Pass over what stands behind the end of an array, up to the bracket that opens another."""
        opens = chunk.find(b"[", position)
        between = chunk[position:] if opens < 0 else chunk[position:opens]
        self.junk_follows = self.junk_follows or bool(between.strip(b", \t\r\n"))
        if opens < 0:
            return len(chunk)
        self.closed = self.any_comma = False
        self.open.clear()
        return opens

    def _ends_element(self, mark: bytes) -> bool:
        """Take one structural byte into account; tell whether an element ends before it."""
        if mark == b'"':
            self.in_string = True
        elif mark == b"]" and len(self.open) == self.floor:
            self.closed = True
        elif mark != b",":
            self.bracket(mark)
        return self.closed or (mark == b"," and len(self.open) == self.floor)

    def _element(self) -> Iterator[bytes | Reason]:
        element = self.take()
        if element:
            yield element
        elif self.any_comma:  # `[]` has no elements, `[1,]` has an empty one
            yield Reason.BLANK


class _ObjectScan(_Scan):
    """Objects one after the other, whatever blanks and commas stand between them."""

    def feed(self, chunk: bytes) -> Iterator[bytes | Reason]:
        """Yield the objects that end in a chunk."""
        start = position = 0
        while position < len(chunk):
            found = self.next_mark(chunk, position)
            if found is None:
                break
            position, mark = found
            opens = mark == b"{" and not self.open
            if opens or self.lacks_brace(mark, chunk, position) or self._starts_line(mark, chunk, position):
                self.hold(chunk[start : position - 1])
                yield from self._between()
                start = position - 1
                self.open[:] = mark
            elif mark == b'"':
                self.in_string = bool(self.open)
            elif mark != b",":
                self.bracket(mark)
                if mark == b"}" and not self.open:
                    self.hold(chunk[start:position])
                    start = position
                    yield self.take()
        self.hold(chunk[start:])

    def end(self) -> Iterator[Reason]:
        """Yield what the end of the text leaves."""
        if self.open:
            yield Reason.CUT_ARRAY
        else:
            yield from self._between()

    def _starts_line(self, mark: bytes, chunk: bytes, position: int) -> bool:
        """Tell whether an object begins where only a new one does: at the start of a line."""
        return bool(self.open) and mark == b"{" and chunk[position - 2 : position - 1] == b"\n"

    def _between(self) -> Iterator[Reason]:
        between = self.take()
        if isinstance(between, Reason) or between.strip(b", \t\r\n"):
            yield Reason.INVALID_JSON
