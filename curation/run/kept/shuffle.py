"""Brings the texts of rows that are to be judged into row_id order: written once, by ranges of row ids.

A range is one task and one piece of the result, so that whoever reads a stretch of row ids later opens the files
of that stretch and no others, however many rows there are. Memory is bounded: the files are read one part at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa

from tilth.curation.reading.batch import Part
from tilth.curation.reading.repeated import LABELS
from tilth.curation.run.kept.files import Reader, ReadFile
from tilth.shards.arrow_file import table
from tilth.shards.tables import ROWS, TURNS

RANGE_ROWS = 20_000
MAX_RANGES = 200  # files that are written side by side
_HELD_LINES = 100_000  # of turns, before they are cut up
_WORDS = ("turns", "rows")


@dataclass(frozen=True)
class Range:
    """Rows of a range of row ids in two Arrow files: `turns` (TURNS) and `rows` (ROWS, text_digest null)."""

    turns: Path
    rows: Path

    def remove(self) -> None:
        """Delete the files."""
        self.turns.unlink(missing_ok=True)
        self.rows.unlink(missing_ok=True)


def range_rows(rows: int) -> int:
    """Return how many rows stand in each range of so many, the last one having fewer."""
    return max(RANGE_ROWS, -(-rows // MAX_RANGES))


def shuffled(wanted: pl.DataFrame, files: list[ReadFile], reader: Reader, out: Path) -> list[Range]:
    """Write the texts of the rows of `wanted` (schema DISTINCT, in row_id order) by ranges of row ids.

    Files that were read for it are deleted. Raises SourceError.
    """
    if not wanted.height:
        return []
    out.mkdir(parents=True, exist_ok=True)
    size = range_rows(wanted.height)
    wanted = _at_hand(wanted, files).with_columns(range=pl.int_range(pl.len()) // size)
    ranges = [
        Range(*(out / f"{number:05}-{word}.arrow" for word in _WORDS))
        for number in range(-(-wanted.height // size))
    ]
    with ExitStack() as stack:
        writers = {
            word: [_Writer(stack, getattr(each, word), schema) for each in ranges]
            for word, schema in zip(_WORDS, (TURNS, ROWS))
        }
        for frames in _gathered(_chosen(wanted, files, reader)):
            for word, frame in zip(_WORDS, frames):
                for (number,), some in frame.partition_by("range", as_dict=True, include_key=False).items():
                    writers[word][int(number)].write(some)
    return ranges


def _at_hand(wanted: pl.DataFrame, files: list[ReadFile]) -> pl.DataFrame:
    """Return `wanted` with the places of texts that this run has read, where another line has the same row."""
    far = wanted.filter(pl.col("file").is_in([n for n, file in enumerate(files) if not file.parts]))
    if not far.height:
        return wanted
    near = [
        file.said.select("row_id", near=pl.lit(number, pl.UInt32), near_part="part")
        for number, file in enumerate(files)
        if file.parts
    ]
    if not near:
        return wanted
    places = (
        pl.concat(near).join(far, on="row_id", how="semi").unique("row_id", keep="first", maintain_order=True)
    )
    return (
        wanted.join(places, on="row_id", how="left", maintain_order="left")
        .with_columns(file=pl.coalesce("near", "file"), part=pl.coalesce("near_part", "part"))
        .drop("near", "near_part")
    )


def _chosen(
    wanted: pl.DataFrame, files: list[ReadFile], reader: Reader
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield turns and rows of each part that are wanted of it, with their range."""
    of_files = wanted.partition_by("file", as_dict=True)
    for number, file in enumerate(files):
        mine = of_files.get((number,))
        parts: list[Part] = reader.texts(file) if mine is not None else file.parts
        of_parts = mine.partition_by("part", as_dict=True) if mine is not None else {}
        for place, part in enumerate(parts):
            some = of_parts.get((place,))
            if some is not None:
                yield _of(part.turns, some, TURNS), _labelled(part.rows, some)
            part.turns.unlink()
            part.rows.unlink()


def _of(path: Path, some: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    lines = pl.read_parquet(path, glob=False)
    return lines.join(some.select("row_id", "range"), on="row_id", how="inner").select(*schema, "range")


def _labelled(path: Path, some: pl.DataFrame) -> pl.DataFrame:
    """Return rows with what all lines say of them in place of what this part says."""
    rows = pl.read_parquet(path, glob=False).drop("source", *LABELS)
    return rows.join(some, on="row_id", how="inner").select(*ROWS, "range")


def _gathered(
    pairs: Iterable[tuple[pl.DataFrame, pl.DataFrame]],
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield what several parts hold together, so that pieces of ranges do not get too small."""
    held: list[tuple[pl.DataFrame, pl.DataFrame]] = []
    for pair in pairs:
        held.append(pair)
        if sum(turns.height for turns, _ in held) >= _HELD_LINES:
            yield tuple(map(pl.concat, zip(*held)))
            held = []
    if held:
        yield tuple(map(pl.concat, zip(*held)))


class _Writer:
    """An Arrow file that frames of one schema are added to."""

    def __init__(self, stack: ExitStack, path: Path, schema: pl.Schema) -> None:
        like = table(schema.to_frame()).schema
        self._schema = like
        self._file = stack.enter_context(pa.OSFile(str(path), "wb"))
        self._writer = stack.enter_context(pa.ipc.new_file(self._file, like))

    def write(self, frame: pl.DataFrame) -> None:
        self._writer.write_table(table(frame).cast(self._schema))
