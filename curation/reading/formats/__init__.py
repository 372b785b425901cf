"""The formats that rows come in, one a file: a module here that defines FORMAT is one.

`open_records` asks them in turn. Nothing else knows a suffix or the bytes that a file begins with, except for
compression (decompress.py) and what is refused (refused.py).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import Any, BinaryIO, Protocol, runtime_checkable

from tilth.curation.reading.decompress import SUFFIXES as COMPRESSION
from tilth.curation.reading.decompress import codec, plain_suffix
from tilth.curation.reading.limits import ReadLimits, Reason
from tilth.curation.reading.opened import Opened, peek
from tilth.curation.reading.refused import refuse
from tilth.curation.reading.source import Source
from tilth.shards.errors import UsageError

Record = dict[str, Any] | Reason
HEAD_BYTES = 512


@runtime_checkable
class Format(Protocol):
    """How the records of one kind of file are read.

    name: as `init` and `doctor` say it. suffixes: of its files, without that of compression. magic: what its
    files begin with, () where the text or the suffix says it. unit: what stands under one number, from 1: a
    line, a record, an element, a row. is_text: whether it is read as text from start to end, and so from
    inside an archive too. is_table: whether its nulls may be words, as pandas writes them. order: who is asked
    first whether a text is its own, the least first.
    """

    name: str
    suffixes: tuple[str, ...]
    magic: tuple[bytes, ...]
    unit: str
    is_text: bool
    is_table: bool
    order: int

    def claims(self, text: bytes, suffix: str) -> bool:
        """Tell whether a file that no magic names is of this format, by how it opens and by its suffix."""

    def records(self, opened: Opened) -> Iterator[Record]:
        """Return the records in order, each an object or the Reason it is none.

        Nothing is held whole but one record or one chunk. Raises SourceError if the file cannot be opened.
        """


@cache
def formats() -> dict[str, Format]:
    """Return every format by name, those asked first in front."""
    found = []
    for module in pkgutil.iter_modules(__path__):
        made = getattr(importlib.import_module(f"{__name__}.{module.name}"), "FORMAT", None)
        if made is not None:
            found.append(made)
    return {made.name: made for made in sorted(found, key=lambda made: (made.order, made.name))}


def suffixes() -> tuple[str, ...]:
    """Return the suffixes of all formats, without and with those of compression."""
    plain = sorted({suffix for made in formats().values() for suffix in made.suffixes})
    packed = [
        suffix + end
        for made in formats().values()
        if made.is_text
        for suffix in made.suffixes
        for end in COMPRESSION
    ]
    return (*plain, *sorted(packed))


def open_records(
    stored: BinaryIO, name: str, limits: ReadLimits, source: Source | None = None
) -> tuple[Format, Opened]:
    """Return the format of an open file, and the file as that format reads it.

    The bytes decide where a format has magic, then the text and the suffix. Raises SourceError for what is
    known to hold no rows (an archive of files, a page, a pointer), UsageError for tables inside an archive.
    """
    opened = Opened(stored, name, limits, source or Source(path=name))
    suffix = plain_suffix(name)
    stored.seek(0)
    head = stored.read(HEAD_BYTES)
    refuse(head, name)
    found = next((f for f in formats().values() if any(head.startswith(m) for m in f.magic)), None)
    if found is None and suffix in suffixes():
        found = next((f for f in formats().values() if not f.is_text and suffix in f.suffixes), None)
    if found is not None and not found.is_text and codec(head, name):
        raise UsageError(
            name, f"{found.name} inside an archive cannot be read in pieces", "", "decompress the file first"
        )
    if found is None:
        text, _ = peek(opened.text())
        refuse(text[:HEAD_BYTES], name)
        found = next(f for f in formats().values() if f.is_text and f.claims(text, suffix))
    stored.seek(0)
    return found, opened
