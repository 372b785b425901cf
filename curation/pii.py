"""Finds and replaces personal data and secrets: keys, e-mail addresses, IBANs, cards, national ids, phones, IPs.

One scan for the hints of all patterns at once, in polars and in linear time, finds the texts that may hold
anything. These are scanned for each pattern, and where one occurs Python goes through the text: look-around,
checksums and registers decide. A clean text costs 2 ns a byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import get_args

import polars as pl

from tilth.curation.pii_patterns import PATTERNS, KindName, Pattern

KINDS: tuple[KindName, ...] = get_args(KindName)
FOUND = pl.Schema({"index": pl.UInt32(), "kind": pl.Enum(KINDS), "start": pl.UInt32(), "end": pl.UInt32()})
Span = tuple[int, int, KindName]


def find(texts: pl.Series, kinds: Iterable[KindName] = KINDS) -> pl.DataFrame:
    """Return where the texts hold personal data or secrets.

    Columns: index (position in `texts`), kind, start and end (in characters, end excluded); ordered by index and
    start, spans never overlap. Nulls hold nothing.

    >>> find(pl.Series(["Hello.", "Write to bob@firm.org."])).rows()
    [(1, 'email', 9, 21)]
    """
    spans = _spans(texts, frozenset(kinds))
    rows = [(index, kind, start, end) for index, found in spans.items() for start, end, kind in found]
    return pl.DataFrame(rows, schema=FOUND, orient="row")


def redact(texts: pl.Series, kinds: Iterable[KindName] = KINDS) -> pl.Series:
    """Return the texts with what `find` finds replaced by its kind: [EMAIL], [NATIONAL_ID], …

    >>> redact(pl.Series(["Write to bob@firm.org."])).to_list()
    ['Write to [EMAIL].']
    """
    spans = _spans(texts, frozenset(kinds))
    if not spans:
        return texts
    return texts.scatter(
        list(spans), [_replaced(texts[index], found, _name) for index, found in spans.items()]
    )


def suspects(texts: pl.Series, kinds: Iterable[KindName] = KINDS) -> pl.Series:
    """Return the positions of the texts that may hold any of these: all that do, and a few that do not."""
    hints = dict.fromkeys(pattern.hint for pattern in PATTERNS if pattern.kind in kinds)
    if not hints:
        return pl.Series(dtype=pl.UInt32)
    return texts.str.contains("|".join(hints)).fill_null(False).arg_true()


def _spans(texts: pl.Series, kinds: frozenset[KindName]) -> dict[int, list[Span]]:
    """Return the spans of every text that has some, in order."""
    patterns = [pattern for pattern in PATTERNS if pattern.kind in kinds]
    at = suspects(texts, kinds)
    held = texts.gather(at)
    # Each kind found is blanked out, so that offsets hold and a later kind finds no part of it.
    blanked, spans = held.to_list(), [list[Span]() for _ in range(len(held))]
    for pattern in patterns:
        for place in held.str.contains(pattern.core).arg_true():
            found = _matches(pattern, blanked[place])
            spans[place] += found
            blanked[place] = _replaced(blanked[place], found, lambda start, end, kind: "\0" * (end - start))
    return {index: sorted(found) for index, found in zip(at, spans, strict=True) if found}


def _matches(pattern: Pattern, text: str) -> list[Span]:
    matches, unless = _compiled(pattern)
    found: list[Span] = []
    for hit in matches.finditer(text):
        group = hit.lastgroup or 0
        start = hit.start(group)
        length = pattern.real(hit[group])
        if length and not (unless and unless.search(text[max(0, start - 16) : start])):
            found.append((start, start + length, pattern.kind))
    return found


@cache
def _compiled(pattern: Pattern) -> tuple[re.Pattern[str], re.Pattern[str] | None]:
    return pattern.compiled(), re.compile(pattern.unless) if pattern.unless else None


def _replaced(text: str, spans: list[Span], mark: Callable[[int, int, KindName], str]) -> str:
    pieces, last = [], 0
    for start, end, kind in spans:
        pieces += [text[last:start], mark(start, end, kind)]
        last = end
    return "".join([*pieces, text[last:]])


def _name(start: int, end: int, kind: KindName) -> str:
    return f"[{kind.upper()}]"
