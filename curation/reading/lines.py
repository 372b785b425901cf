"""Plain chunks to lines, split at \\n and nowhere else, with no line longer than the bound in memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from tilth.curation.reading.limits import Reason, Unreadable


class Tail(bytes):
    """The last line of a file, when no newline ends it."""


def blocks(chunks: Iterable[bytes], max_line_bytes: int) -> Iterator[bytes | Reason]:
    """Yield whole lines, each with its newline, as many together as a chunk ends, or the reason for a gap.

    A line that spans chunks and is over-long is TOO_LONG and never held. The last line, where no newline
    ends it, is a Tail. Where the chunks stop early, one reason stands for the rest.
    """
    held: list[bytes] = []
    size = 0
    stopped = None
    try:
        for chunk in without_bom(chunks):
            end = chunk.rfind(b"\n") + 1
            if not end:
                size += len(chunk)
                held = [*held, chunk] if size <= max_line_bytes else []
                continue
            first = chunk.find(b"\n")
            if size and size + first > max_line_bytes:
                yield Reason.TOO_LONG
                block = chunk[first + 1 : end]
            else:
                block = b"".join([*held, memoryview(chunk)[:end]])
            if block:
                yield block
            held, size = [chunk[end:]], len(chunk) - end
    except Unreadable as stop:
        stopped = stop.reason
    if stopped is not None:
        yield stopped
    elif size > max_line_bytes:
        yield Reason.TOO_LONG
    elif size:
        yield Tail(b"".join(held))


def lines(chunks: Iterable[bytes], max_line_bytes: int) -> Iterator[bytes | Reason]:
    """Yield each line without its newline, or the reason it cannot be had, as `blocks` does."""
    for block in blocks(chunks, max_line_bytes):
        if isinstance(block, Reason | Tail):
            yield block
            continue
        for line in block[:-1].split(b"\n"):
            yield line if len(line) <= max_line_bytes else Reason.TOO_LONG


def without_bom(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks without a UTF-8 byte order mark at the start of the file."""
    first = True
    for chunk in chunks:
        yield chunk.removeprefix(codecs.BOM_UTF8) if first else chunk
        first = False
