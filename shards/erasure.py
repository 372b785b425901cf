"""Takes the text of rows out of the objects of a store, and finds what of it is left anywhere.

A version keeps its id: what it names and held such text is replaced (`Objects.replace`) by an object without it. The
row keeps its line, its digests and its fate.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tilth.shards import atomic
from tilth.shards.contents import Contents
from tilth.shards.errors import StoreError
from tilth.shards.object import Objects
from tilth.shards.passages import SCHEMA, Passages, leaves
from tilth.shards.payloads import pieces
from tilth.shards.sealed import read_sealed, write_sealed
from tilth.shards.tables import MEASURE_KEYS, ROWS

FOLDER, SUFFIX = "erased", ".passages"
TEXTS = ("text", "reasoning", "tool_calls", "name")  # of a turn
ROW_TEXTS = ("tools", "attributes", "licence", "group")
JSON_TEXTS = ("tool_calls", "tools", "attributes")
_TURNS, _ROWS = {"row_id", "turn", "role", "text"}, {"row_id", "text_digest", "shape", "attributes"}


@dataclass(frozen=True)
class Left:
    """A file in which something of an erased text was found, of how many rows."""

    path: Path
    rows: int


def tables(objects: Objects) -> Iterator[tuple[str, set[str]]]:
    """Yield the digest and the columns of every table among the objects."""
    for path in objects.files():
        if path.suffix == ".parquet" and not path.name.startswith("."):
            yield path.stem, set(pl.read_parquet_schema(path))


def texts_of(objects: Objects, ids: pl.Series) -> dict[bytes, list[str]]:
    """Return every text that the objects hold of some rows, in all their versions."""
    found: dict[bytes, dict[str, None]] = {}
    for digest, columns in tables(objects):
        names = TEXTS if columns >= _TURNS else ROW_TEXTS if columns >= _ROWS else ()
        if not names or not _held(objects, digest, ids):
            continue
        lines = _of(objects.frame(digest, ["row_id", *(n for n in names if n in columns)]), ids)
        for row_id, *values in lines.iter_rows():
            told = found.setdefault(row_id, {})
            for name, value in zip(lines.columns[1:], values):
                for text in (value, *(leaves(value) if name in JSON_TEXTS and value else ())):
                    told.update({text: None} if text else {})
    return {row_id: list(told) for row_id, told in found.items()}


def rewrite(store: Contents, ids: pl.Series) -> list[tuple[str, str]]:
    """Replace every object that holds text of these rows; return what was replaced by what.

    Killed at any step, it does the rest when it is called again.
    """
    objects = store.objects
    replaced = []
    for digest, columns in list(tables(objects)):
        after = _without_texts(objects, digest, columns, ids)
        if after is not None:
            replaced.append((digest, objects.put_frame(after)))
            objects.replace(*replaced[-1])
    for digest, after in _without_notes(store, ids):
        replaced.append((digest, objects.put_frame(after)))
        objects.replace(*replaced[-1])
    return replaced


def _held(objects: Objects, digest: str, ids: pl.Series) -> bool:
    return bool(objects.frame(digest, ["row_id"])["row_id"].is_in(ids.implode()).any())


def _of(frame: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    return frame.filter(pl.col("row_id").is_in(ids.implode()))


def _without_texts(objects: Objects, digest: str, columns: set[str], ids: pl.Series) -> pl.DataFrame | None:
    """Return a table of turns, rows or measures without what it says of some rows, None where it says nothing."""
    is_turns, is_rows = columns >= _TURNS, columns >= _ROWS
    is_measures = columns >= set(MEASURE_KEYS) and not is_turns
    if not (is_turns or is_rows or is_measures) or not _held(objects, digest, ids):
        return None
    frame = objects.frame(digest)
    gone = pl.col("row_id").is_in(ids.implode())
    if not is_rows:
        return frame.filter(~gone)
    names = [name for name in ROW_TEXTS if name in columns]
    if frame.filter(gone).select(pl.any_horizontal(pl.col(names).is_not_null()).any()).item():
        return frame.with_columns(pl.when(~gone).then(pl.col(name)).alias(name) for name in names)
    return None


def _without_notes(store: Contents, ids: pl.Series) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the tables of decisions whose notes speak of some rows, without these notes.

    A table of decisions has no ids: its lines stand as those of the table of rows beside it.
    """
    spoken: dict[str, pl.Series] = {}
    for version_id in store.version_ids():
        named = store.version(version_id).manifest.objects
        for rows, decisions in zip(named["rows"], named["decisions"], strict=True):
            here = store.objects.frame(rows, ["row_id"])["row_id"].is_in(ids.implode())
            if here.any():
                current = store.objects.current(decisions)
                spoken[current] = spoken[current] | here if current in spoken else here
    for digest, here in spoken.items():
        frame = store.objects.frame(digest)
        if "note" in frame.columns and frame.filter(here)["note"].count():
            yield digest, frame.with_columns(note=pl.when(~here).then(pl.col("note")))


def keep_passages(store: Contents, number: int, passages: Passages) -> None:
    """Keep what an erasure is looked for by."""
    write_sealed(store.root / FOLDER / f"{number:06d}{SUFFIX}", passages.to_bytes())


def kept_passages(store: Contents, number: int | None = None) -> Passages:
    """Return the passages of one erasure, or of all. Raises StoreError where they are damaged."""
    pattern = f"*{SUFFIX}" if number is None else f"{number:06d}{SUFFIX}"
    frames = [SCHEMA.to_frame()]
    for path in sorted((store.root / FOLDER).glob(pattern)):
        try:
            frames.append(Passages.from_bytes(read_sealed(path)).frame)
        except ValueError as error:
            raise StoreError(str(path), "it is damaged", "Nothing was searched", "Erase again") from error
    return Passages(pl.concat(frames).unique())


def shared(objects: Objects, passages: Passages) -> pl.DataFrame:
    """Return row_id and passage of those that stand in rows that stay: they prove nothing."""
    held = [SCHEMA.to_frame().select("row_id", "passage")]
    for digest, columns in tables(objects):
        if columns >= _TURNS or columns >= _ROWS:
            held.append(passages.hits(pieces(objects.find(digest))))
    return pl.concat(held).unique()


def rows_that_share(objects: Objects, texts: Iterable[bytes]) -> pl.Series:
    """Return the ids of the rows in whose text one of some passages stands, in order."""
    wanted = [text.decode("utf-8", "ignore") for text in texts]
    found = [ROWS.to_frame()["row_id"]]
    for digest, columns in tables(objects):
        if wanted and columns >= _TURNS:
            lines = objects.frame(digest, ["row_id", "text"])
            found.append(lines.filter(pl.col("text").str.contains_any(wanted))["row_id"])
    return pl.concat(found).unique().sort()


def search(root: Path, passages: Passages) -> tuple[list[Left], int, int]:
    """Search every file below a folder; return where something is left, and how many files and bytes were read."""
    left, files, size = [], 0, 0
    for path in sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink()):
        if path.suffix == SUFFIX:
            continue
        with atomic.storage_errors(path):
            counted = _Counted(pieces(path))
            hits = passages.hits(counted)
        files, size = files + 1, size + counted.bytes
        if hits.height:
            left.append(Left(path, hits["row_id"].n_unique()))
    return left, files, size


class _Counted:
    """Passes bytes on and counts them."""

    def __init__(self, source: Iterator[bytes | memoryview]) -> None:
        self._source, self.bytes = source, 0

    def __iter__(self) -> Iterator[bytes | memoryview]:
        for piece in self._source:
            self.bytes += len(memoryview(piece).cast("B"))
            yield piece


def parquet_of(frame: pl.DataFrame) -> bytes:
    """Return a table as the pages keep theirs."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()
