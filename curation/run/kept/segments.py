"""Rows that were judged, kept in segments: a run judges only those that no segment holds.

A segment is what `run_local` made of some rows, in files ordered by row_id, and a record with their digests, written
last. Its name begins with the digest of all that decides what is made of a row (stages, their code, libraries); a row
is found in it by its id and labels. Bounds of rules are no part of it: findings are made from the measures each time.
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import polars as pl

from tilth.curation.run.kept import folder
from tilth.curation.run.kept.distinct import JUDGED_BY
from tilth.curation.run.kept.folder import Damaged
from tilth.curation.run.kept.match import matched
from tilth.shards.digest import canonical_json, file_sha256, sha256_hex
from tilth.shards.sealed import read_sealed, write_sealed

Table = Literal["turns", "rows", "measures", "rewrites", "entered"]
TABLES: tuple[Table, ...] = ("turns", "rows", "measures", "rewrites", "entered")


@dataclass
class Segment:
    """The files of some judged rows, ordered by row_id (and turn).

    turns, rows: after rewrites (schemas TURNS, ROWS). measures: wide. rewrites: schema REWRITES. entered: JUDGED_BY of
    each row. raised: on how many rows each stage raised in this run. digests: of the files, empty while they are this
    run's own.
    """

    paths: dict[Table, Path]
    raised: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    @cached_property
    def rows(self) -> int:
        """How many rows it holds."""
        return int(pl.scan_parquet(self.path("rows"), glob=False).select(pl.len()).collect().item())

    def path(self, table: Table) -> Path:
        """Return the file of a table, checked once. Raises Damaged."""
        expected = self.digests.pop(table, None)
        path = self.paths[table]
        try:
            if expected is not None and file_sha256(path) != expected:
                raise Damaged(path)
        except FileNotFoundError:
            raise Damaged(path) from None
        return path


class Segments:
    """The kept segments that the stages of a recipe made."""

    def __init__(self, cache: Path, stages: Mapping[str, object]) -> None:
        """stages: what decides what is made of a row: JSON."""
        self._cache = cache
        self._made_by = sha256_hex(canonical_json([stages, platform.machine()]))[:32]

    def known(self, wanted: pl.DataFrame) -> tuple[list[Segment], pl.Series]:
        """Return the segments that hold some of `wanted` (schema DISTINCT), and which of them holds each row."""
        segments, entered = [], []
        for record in sorted(self._cache.glob(f"judged-{self._made_by}-*.json")):
            segment = self._open(record)
            if segment is not None:
                segments.append(segment)
                entered.append(pl.read_parquet(segment.path("entered"), glob=False))
        found = matched(wanted.select(JUDGED_BY), entered)
        used = found.drop_nulls().unique().sort().to_list()
        for number in used:
            folder.touch(self._cache, _stem(segments[number]))
        places = {number: place for place, number in enumerate(used)}
        if used:
            found = found.replace_strict(places, return_dtype=pl.UInt32)
        return [segments[n] for n in used], found

    def add(self, segment: Segment) -> Segment:
        """Keep a segment of this run; return it where it lies now."""
        self._cache.mkdir(parents=True, exist_ok=True)
        digests = {table: file_sha256(path) for table, path in segment.paths.items()}
        stem = f"judged-{self._made_by}-{sha256_hex(canonical_json(digests))[:32]}"
        paths: dict[Table, Path] = {}
        for table, path in segment.paths.items():
            paths[table] = self._cache / f"{stem}.{table}.parquet"
            shutil.move(path, paths[table])
        write_sealed(self._cache / f"{stem}.json", canonical_json(digests))
        return Segment(paths, segment.raised)

    def _open(self, record: Path) -> Segment | None:
        """Return a segment whose record and index can be believed; what cannot is removed."""
        stem = record.name.partition(".")[0]
        try:
            paths = {table: self._cache / f"{stem}.{table}.parquet" for table in TABLES}
            segment = Segment(paths, digests=json.loads(read_sealed(record)))
            segment.path("entered")
        except (OSError, ValueError, KeyError, TypeError, Damaged):
            folder.remove(self._cache, stem)
            return None
        return segment


def _stem(segment: Segment) -> str:
    return segment.paths["entered"].name.partition(".")[0]
