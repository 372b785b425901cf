"""The labels of a task: the answers there are, where they are few and short, so that one can be chosen with a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tilth.workbench.serving.search.index import index_key

if TYPE_CHECKING:
    from tilth.workbench.serving.room import Room
    from tilth.workbench.serving.search.index import Index

MAX_LABELS, MAX_CHARS, ROWS_LOOKED_AT, MIN_ROWS_EACH = 300, 60, 20_000, 4


def labels_of(room: Room, index: Index) -> list[str]:
    """Return the distinct last answers, in order, if they look like labels; else nothing."""
    key = (index_key(index.version), "labels")
    if key not in room.kept:
        last = index.texts.head(ROWS_LOOKED_AT).str.extract(r"(?s).*\nassistant: (.{1,200})$", 1).drop_nulls()
        found = last.unique().sort()
        few = 1 < found.len() <= MAX_LABELS and last.len() >= MIN_ROWS_EACH * found.len()
        short = few and int(found.str.len_chars().max() or 0) <= MAX_CHARS  # type: ignore[arg-type]
        room.kept[key] = found.to_list() if short and isinstance(found.dtype, pl.String) else []
    return list(room.kept[key])
