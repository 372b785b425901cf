"""One answer for all that a row holds: a value gets one placeholder wherever it stands in the row.

A scan finds the rows that hold anything, column by column. These are taken apart into their leaves (leaves.py),
which are searched at once; what is found in one is looked for in all others of the row, also where nothing around
it would have told what it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import polars as pl

from tilth.curation.pii import Span, blanked, find, without_overlaps
from tilth.curation.pii.leaves import Leaf, leaves, quoted
from tilth.curation.pii.pattern import KindName
from tilth.curation.pii.task import kinds_of_task
from tilth.curation.pii.values import Values, masked, pseudonym
from tilth.curation.reading.chat import stable_json
from tilth.curation.stage import CHANGES, ROW_TEXTS

# In the order in which placeholders are numbered. JSON: canonical, of every row or every turn.
TURN_TEXTS = ("text", "reasoning", "tool_calls", "tool_call_id", "name")
JSON = ("tool_calls", "tools", "attributes")
KEPT = "left whole"  # what a row is said to hold where its data are what it is about, and left as they are
_ESCAPED = r"\\[nrtbf]"  # in JSON; a letter behind the number's edge otherwise
Scanned = dict[tuple[str, int], list[Span]]


@dataclass
class _Cell:
    """One text of a row, its leaves and what was found in each."""

    place: int
    column: str
    text: str
    leaves: list[Leaf] = field(default_factory=list)
    spans: list[list[Span]] = field(default_factory=list)


def redact_rows(frame: pl.DataFrame, kinds: Sequence[KindName]) -> pl.DataFrame:
    """Return `frame` with placeholders for personal data, and a column `changes` of what was found (CHANGES).

    frame: turns (schema TURNS), with the columns of ROW_TEXTS on the first turn of each row if they are there,
    ordered by row_id and turn.
    """
    columns = [name for name in (*TURN_TEXTS, *ROW_TEXTS) if name in frame.columns]
    scanned = _scan(frame, columns, kinds)
    hit = _rows_of(frame, {place for _, place in scanned})
    if not hit:
        return frame.with_columns(changes=pl.lit(None, CHANGES))
    cells = {row: _cells(frame, columns, start, end) for row, (start, end) in hit.items()}
    _search([cell for some in cells.values() for cell in some], scanned, kinds)
    written: dict[str, dict[int, str]] = {name: {} for name in columns}
    changes: dict[int, list[dict[str, str]]] = {}
    roles = frame["role"].cast(pl.String)
    for row, of_row in cells.items():
        start, end = hit[row]
        for place, change in _redact_row(of_row, roles.slice(start, end - start).to_list(), start, written):
            changes.setdefault(place, []).append(change)
    said = pl.Series([changes.get(place) for place in range(frame.height)], dtype=CHANGES)
    return frame.with_columns(
        *(frame[name].scatter(list(new), list(new.values())) for name, new in written.items() if new),
        said.alias("changes"),
    )


def _scan(frame: pl.DataFrame, columns: list[str], kinds: Sequence[KindName]) -> Scanned:
    """Return what is found in each text as it stands, by column and place."""
    scanned: Scanned = {}
    for name in columns:
        texts = frame[name]
        if texts.null_count() == len(texts):
            continue
        distinct = texts.unique() if name == "tools" else texts
        unescaped = distinct.str.replace_all(_ESCAPED, "  ") if name in JSON else _unescaped(distinct)
        places: dict[int, list[int]] = {}
        found = find(unescaped, kinds)
        if name == "tools" and found.height:
            holding = distinct.gather(found["index"].unique())
            places = {0: texts.is_in(holding.implode()).arg_true().to_list()}
            found = found.head(1).with_columns(index=pl.lit(0, pl.UInt32))
        for index, kind, start, end in found.rows():
            for place in places.get(index, [index]):
                scanned.setdefault((name, place), []).append((start, end, kind))
    return scanned


def _rows_of(frame: pl.DataFrame, places: set[int]) -> dict[int, tuple[int, int]]:
    """Return, of each row that these turns are of, its number and where its turns begin and end."""
    if not places:
        return {}
    number = frame["row_id"].rle_id()
    wanted = number.gather(sorted(places)).unique()
    bounds = (
        frame.select(row=number, place=pl.int_range(pl.len()))
        .filter(pl.col("row").is_in(wanted.implode()))
        .group_by("row", maintain_order=True)
        .agg(pl.col("place").min().alias("start"), pl.col("place").max().alias("end"))
    )
    return {row: (start, end + 1) for row, start, end in bounds.iter_rows()}


def _unescaped(texts: pl.Series) -> pl.Series:
    """Return the texts, those that look like JSON without escaped line ends."""
    like_json = texts.str.contains(r"^\s*[\[{]").fill_null(False).arg_true()
    if not len(like_json):
        return texts
    return texts.scatter(like_json, texts.gather(like_json).str.replace_all(_ESCAPED, "  "))


def _cells(frame: pl.DataFrame, columns: list[str], start: int, end: int) -> list[_Cell]:
    """Return the texts of a row: turn by turn, what is of the whole row last."""
    turns = [name for name in columns if name in TURN_TEXTS]
    of_row = [name for name in columns if name in ROW_TEXTS]
    part = frame[start:end]
    found = [
        _Cell(start + offset, name, text)
        for offset, texts in enumerate(part.select(turns).iter_rows())
        for name, text in zip(turns, texts)
        if text
    ]
    found += [_Cell(start, name, text) for name in of_row if (text := part[name][0])]
    return found


def _search(cells: list[_Cell], scanned: Scanned, kinds: Sequence[KindName]) -> None:
    """Take the cells apart and find what is in their leaves; a text that is its own leaf was scanned already."""
    every: list[tuple[_Cell, int, Leaf]] = []
    for cell in cells:
        cell.leaves = leaves(cell.text)
        cell.spans = [[] for _ in cell.leaves]
        if len(cell.leaves) == 1 and cell.leaves[0].form == "text":
            cell.spans[0] = scanned.get((cell.column, cell.place), [])
        else:
            every += [(cell, at, leaf) for at, leaf in enumerate(cell.leaves)]
    seen = pl.Series([leaf.seen for *_, leaf in every], dtype=pl.String)
    for index, kind, start, end in find(seen, kinds).rows():
        cell, at, leaf = every[index]
        if start >= leaf.offset:
            cell.spans[at].append((start - leaf.offset, end - leaf.offset, kind))


def _redact_row(
    cells: list[_Cell], roles: list[str], first: int, written: dict[str, dict[int, str]]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Write the new texts of a row's cells into `written`, and yield what was found with the turn it stands in."""
    said = [cell for cell in cells if cell.column == "text"]
    left = kinds_of_task([(roles[cell.place - first], cell.text, [*chain(*cell.spans)]) for cell in said])
    if left:
        yield first, {"kind": KEPT, "shown": ", ".join(sorted(left))}
    values = Values(cell.text for cell in cells)
    _number(cells, left, values)
    for cell in cells if values.surfaces else ():
        for at, leaf in enumerate(cell.leaves):
            rest = blanked(leaf.seen[leaf.offset :], cell.spans[at])
            if more := [
                span for span in values.elsewhere(rest) if span[2] not in left or cell.column in ROW_TEXTS
            ]:
                cell.spans[at] = without_overlaps([*cell.spans[at], *more])
        new, found = _rewritten(cell, values)
        if found:
            written[cell.column][cell.place] = new
        for kind, surface, name in found:
            yield cell.place, {"kind": kind, "shown": f"{masked(kind, surface)} → {name}"}


def _number(cells: list[_Cell], left: set[KindName], values: Values) -> None:
    """Number the values of a row in the order in which they stand, those that are left in its turns apart."""
    for cell in cells:
        if left and cell.column not in ROW_TEXTS:
            cell.spans = [[span for span in spans if span[2] not in left] for spans in cell.spans]
        for leaf, spans in zip(cell.leaves, cell.spans):
            for start, end, kind in spans:
                values.placeholder(kind, leaf.seen[leaf.offset :][start:end])


def _rewritten(cell: _Cell, values: Values) -> tuple[str, list[tuple[KindName, str, str]]]:
    """Return the new text of a cell, and kind, value and placeholder of what is replaced in it."""
    pieces: list[str] = []
    found: list[tuple[KindName, str, str]] = []
    last, key_changed = 0, False
    for leaf, spans in zip(cell.leaves, cell.spans):
        if not spans:
            continue
        content, at = leaf.seen[leaf.offset :], 0
        inside: list[str] = []
        for start, end, kind in spans:
            name = values.placeholder(kind, content[start:end])
            found.append((kind, content[start:end], name))
            inside += [content[at:start], quoted(content, start, end, name) if leaf.form == "text" else name]
            at = end
        pieces += [cell.text[last : leaf.start], leaf.written("".join([*inside, content[at:]]))]
        last, key_changed = leaf.end, key_changed or leaf.form == "key"
    if cell.column == "group" and found:
        return pseudonym([kind for kind, *_ in found], cell.text), found
    new = "".join([*pieces, cell.text[last:]])
    if cell.column in JSON and key_changed:  # canonical JSON has its keys in order
        new = stable_json(json.loads(new, object_pairs_hook=_distinct))
    return new, found


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs of an object; two spellings of one value were two keys, and stay so."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        name, number = key, 1
        while name in found:
            number += 1
            name = f"{key} ({number})"
        found[name] = value
    return found
