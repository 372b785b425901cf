"""An open file as its format reads it: the stored bytes, or its text in UTF-8 with lines that end in \\n."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO

from tilth.curation.reading.decompress import chunks
from tilth.curation.reading.limits import ReadLimits, Unreadable
from tilth.curation.reading.source import Source

# Longest first: the mark of UTF-32 begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass
class Taken:
    """What has been taken of a text: its bytes after decompression, and its lines, also the last one without an end."""

    size: int = 0
    lines: int = 0

    def counted(self, plain: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the chunks of a text from its start, counting them."""
        self.size = self.lines = ends = 0
        for chunk in plain:
            self.size += len(chunk)
            ends += chunk.count(b"\n")
            self.lines = ends + (not chunk.endswith(b"\n"))
            yield chunk


@dataclass(frozen=True)
class Opened:
    """One file that is being read.

    name: as the user wrote it. source: what the recipe says of it. taken: how much of its text has been taken.
    """

    stored: BinaryIO
    name: str
    limits: ReadLimits
    source: Source
    taken: Taken = field(default_factory=Taken)

    def text(self) -> Iterator[bytes]:
        """Yield the text from its start in chunks of UTF-8, as `decompress.chunks` does.

        A byte order mark or the source's `encoding` says what is decoded; a carriage return ends a line where
        no newline does. What is no text of its encoding comes out as bytes that are no UTF-8.
        """
        self.stored.seek(0)
        plain = chunks(self.stored, self.name, self.limits)
        first, plain = peek(plain)
        encoding = self.source.encoding or next((MARKS[m] for m in MARKS if first.startswith(m)), None)
        if encoding and codecs.lookup(encoding).name != "utf-8":
            first, plain = peek(_decoded(plain, encoding))
        return self.taken.counted(_with_newlines(plain) if b"\r" in first and b"\n" not in first else plain)


def peek(plain: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first chunk, and the chunks as if none had been taken."""
    try:
        first = next(plain, b"")
    except Unreadable as stop:
        return b"", _stopped(stop)
    return first, chain([first], plain)


def _stopped(stop: Unreadable) -> Iterator[bytes]:
    raise stop
    yield b""


def _decoded(plain: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Yield chunks as UTF-8; half a surrogate, or a byte that stands for nothing, stays invalid."""
    wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
    errors = "surrogatepass" if wide else "surrogateescape"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for chunk in chain(plain, [b""]):
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError:  # the file ends inside a character
            text = "\udcff"
        yield text.encode("utf-8", errors)


def _with_newlines(plain: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in plain:
        yield chunk.replace(b"\r", b"\n")
