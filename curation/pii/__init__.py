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

from tilth.curation.pii.patterns import PATTERNS, KindName, Pattern
from tilth.curation.pii.values import Values

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
    """Return the texts with what `find` finds replaced by its kind, numbered within a text: [EMAIL_1], [PHONE_2], …

    >>> redact(pl.Series(["Write to bob@firm.org."])).to_list()
    ['Write to [EMAIL_1].']
    """
    spans = _spans(texts, frozenset(kinds))
    if not spans:
        return texts
    return texts.scatter(list(spans), [_named(texts[index], found) for index, found in spans.items()])


def blanked(text: str, spans: list[Span]) -> str:
    """Return a text of the same length with what stands in the spans taken out."""
    return _replaced(text, spans, lambda start, end, kind: "\0" * (end - start)) if spans else text


def without_overlaps(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, of two that overlap the one that starts first, or else ends last."""
    kept: list[Span] = []
    for span in sorted(set(spans), key=lambda span: (span[0], -span[1])):
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return kept


def suspects(texts: pl.Series, kinds: Iterable[KindName] = KINDS) -> pl.Series:
    """Return the positions of the texts that may hold any of these: all that do, and a few that do not."""
    hints = dict.fromkeys(pattern.hint for pattern in PATTERNS if pattern.kind in kinds)
    if not hints or texts.null_count() == len(texts):
        return pl.Series(dtype=pl.UInt32)
    return texts.str.contains("|".join(hints)).fill_null(False).arg_true()


def _spans(texts: pl.Series, kinds: frozenset[KindName]) -> dict[int, list[Span]]:
    """Return the spans of every text that has some, in order.

    What may hold a line end is looked for in whole texts; all else in the lines that hold a hint of it.
    """
    patterns = [pattern for pattern in PATTERNS if pattern.kind in kinds]
    at = suspects(texts, kinds)
    held = texts.gather(at)
    spans, left = _search(held, [pattern for pattern in patterns if pattern.spans_lines])
    lines = pl.DataFrame({"index": at, "line": pl.Series(left, dtype=pl.String).str.split("\n")}).explode(
        "line"
    )
    length = pl.col("line").str.len_chars().cast(pl.Int64) + 1
    lines = lines.with_columns(start=length.cum_sum().over("index") - length)
    lines = lines[suspects(lines["line"], kinds)]
    in_lines, _ = _search(lines["line"], [pattern for pattern in patterns if not pattern.spans_lines])
    found = {index: list(some) for index, some in zip(at, spans, strict=True)}
    for index, offset, some in zip(lines["index"], lines["start"], in_lines, strict=True):
        found[index] += [(start + offset, end + offset, kind) for start, end, kind in some]
    return {index: sorted(some) for index, some in found.items() if some}


def _search(texts: pl.Series, patterns: list[Pattern]) -> tuple[list[list[Span]], list[str]]:
    """Return the spans in every text, and the texts with these blanked out.

    Blanks keep the offsets, and a later pattern finds no part of what an earlier one has found.
    """
    spans, left = [list[Span]() for _ in range(len(texts))], texts.to_list()
    hinted = {hint: texts.str.contains(hint).arg_true() for hint in {p.hint: None for p in patterns}}
    for pattern in patterns:
        places = hinted[pattern.hint]
        if len(places):
            places = places.filter(texts.gather(places).str.contains(pattern.core))
        for place in places:
            found = _matches(pattern, left[place])
            spans[place] += found
            left[place] = blanked(left[place], found)
    return spans, left


def _matches(pattern: Pattern, text: str) -> list[Span]:
    found: list[Span] = []
    for hit in _compiled(pattern).finditer(text):
        group = hit.lastgroup or 0
        start = hit.start(group)
        if pattern.stands(text, start, hit.end(group)) and (length := pattern.real(hit[group])):
            found.append((start, start + length, pattern.kind))
    return found


@cache
def _compiled(pattern: Pattern) -> re.Pattern[str]:
    return pattern.compiled()


def _replaced(text: str, spans: list[Span], mark: Callable[[int, int, KindName], str]) -> str:
    pieces, last = [], 0
    for start, end, kind in spans:
        pieces += [text[last:start], mark(start, end, kind)]
        last = end
    return "".join([*pieces, text[last:]])


def _named(text: str, spans: list[Span]) -> str:
    values = Values([text])
    return _replaced(text, spans, lambda start, end, kind: values.placeholder(kind, text[start:end]))
