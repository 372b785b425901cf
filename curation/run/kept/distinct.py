"""Every distinct row once, with what all its lines say of it and the place where its text stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from tilth.curation.reading.repeated import LABELS, agreed
from tilth.curation.run.kept.files import ReadFile
from tilth.shards.digest import sha256_hex
from tilth.shards.tables import ROWS

SAID = ("row_id", "source", *LABELS)
# What a row is judged by: its text (row_id), the source that it counts under, its labels and what people did to it.
JUDGED_BY = (*SAID, "apart")
DISTINCT = pl.Schema([*((name, ROWS[name]) for name in SAID), ("file", pl.UInt32()), ("part", pl.UInt32())])
WITHHELD = "withheld"


def distinct(files: Sequence[ReadFile]) -> pl.DataFrame:
    """Return schema DISTINCT in row_id order: the file of a row's least place (source_path, line) speaks for it.

    file: its index in `files`.
    """
    order = sorted(range(len(files)), key=lambda n: files[n].input.named)
    said = [
        files[n].said.with_columns(file=pl.lit(n, pl.UInt32), source=pl.lit(files[n].input.source_name))
        for n in order
    ]
    lines = pl.concat([DISTINCT.to_frame(), *(some.select(DISTINCT.names()) for some in said)])
    first = lines.unique("row_id", keep="first", maintain_order=True).sort("row_id")
    if first.height == lines.height:
        return first
    return agreed(first, lines.filter(pl.col("row_id").is_duplicated()))


def set_apart(rows: pl.DataFrame, withheld: pl.Series, edits: Mapping[bytes, object]) -> pl.DataFrame:
    """Return rows with `apart`: what people did to each, that its texts are withheld or what was written; else null."""
    said = {row: sha256_hex(repr(_sorted(edit)).encode()) for row, edit in edits.items()}
    said |= dict.fromkeys(withheld, WITHHELD)
    apart = pl.DataFrame(
        {"row_id": list(said), "apart": list(said.values())}, schema={"row_id": pl.Binary, "apart": pl.String}
    )
    return rows.join(apart, on="row_id", how="left", maintain_order="left")


def _sorted(edit: object) -> object:
    """Return what was written with its sets and mappings in order."""
    if isinstance(edit, Mapping):
        return sorted((key, _sorted(value)) for key, value in edit.items())
    if isinstance(edit, tuple):
        return tuple(map(_sorted, edit))
    return sorted(edit) if isinstance(edit, frozenset) else edit
