"""Plain chunks to lines, split at \\n and nowhere else, with no line longer than the bound in memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from tilth.curation.limits import Reason, Unreadable


class Tail(bytes):
    """The last line of a file, when no newline ends it."""


def lines(chunks: Iterable[bytes], max_line_bytes: int) -> Iterator[bytes | Reason]:
    """Yield each line without its newline, or the reason it cannot be had.

    An over-long line is TOO_LONG and never held. The empty piece after the last newline is no line. Where the
    chunks stop early, one reason stands for the rest.
    """
    held: list[bytes] = []
    size = 0
    stopped = None
    try:
        for chunk in without_bom(chunks):
            first, *others = chunk.split(b"\n")
            size += len(first)
            if size <= max_line_bytes:
                held.append(first)
            else:
                held.clear()
            if not others:
                continue
            yield b"".join(held) if size <= max_line_bytes else Reason.TOO_LONG
            last = others.pop()
            for line in others:
                yield line if len(line) <= max_line_bytes else Reason.TOO_LONG
            held, size = [last], len(last)
    except Unreadable as stop:
        stopped = stop.reason
    if stopped is not None:
        yield stopped
    elif size > max_line_bytes:
        yield Reason.TOO_LONG
    elif size:
        yield Tail(b"".join(held))


def without_bom(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks without a UTF-8 byte order mark at the start of the file."""
    first = True
    for chunk in chunks:
        yield chunk.removeprefix(codecs.BOM_UTF8) if first else chunk
        first = False
