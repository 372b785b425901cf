"""The feedback records of a name, in the order they came: feedback/NAME/000001.json names a header object."""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import polars as pl

from tilth.shards import atomic
from tilth.shards.digest import canonical_json
from tilth.shards.errors import CorruptObject, StoreError
from tilth.shards.feedback import FEEDBACK_ROWS, FEEDBACK_SLICES, FeedbackHeader
from tilth.shards.object import DIGEST, Objects, checked_digest
from tilth.shards.tables import conform
from tilth.shards.version import Version

KNOWN = {f.name for f in fields(FeedbackHeader)}
# What a header of an older version may lack has a value by default.
NEEDED = {f.name for f in fields(FeedbackHeader) if f.default is MISSING and f.default_factory is MISSING}


ROUNDS = "rounds.json"


class FeedbackLog:
    """Appends and reads feedback records; a record is never changed or removed."""

    def __init__(self, root: Path, objects: Objects) -> None:
        self.folder = root / "feedback"
        self.objects = objects

    def add(
        self, name: str, version: Version, header: FeedbackHeader, rows: pl.DataFrame, slices: pl.DataFrame
    ) -> str:
        """Store the tables, then the header, then the line of the log. Raises StoreError."""
        if (version.manifest.name, version.manifest.content_id) != (name, header.content_id):
            raise _refused(header, f"its version {version.short} has another name or content")
        if not _is_finite(header.to_dict()):
            raise _refused(header, "the header holds a number that is not finite")
        header = replace(
            header,
            rows=self.objects.put_frame(conform(rows, FEEDBACK_ROWS).sort("row_id")),
            slices=self.objects.put_frame(conform(slices, FEEDBACK_SLICES).sort("slice", "evaluation")),
            row_count=rows.height,
        )
        digest = self.objects.put_bytes(canonical_json(header.to_dict()))
        known = self.digests(name)
        if digest not in known:
            line = canonical_json({"record": digest})
            if not atomic.create_file(self.folder / name / f"{len(known) + 1:06d}.json", line):
                raise _refused(header, "the feedback of this name has a gap in its numbering")
        return digest

    def digests(self, name: str) -> list[str]:
        """Return the digests of the records of `name`, in order. Raises CorruptObject."""
        found = []
        for path in sorted((self.folder / name).glob("[0-9]*.json")):
            with atomic.storage_errors(path):
                line = path.read_bytes()
            try:
                digest = json.loads(line)["record"]
            except (ValueError, KeyError, TypeError):
                digest = None
            if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
                raise CorruptObject(
                    str(path), "it does not name a record", "No feedback was read", "Remove the file"
                )
            found.append(digest)
        return found

    def all_digests(self) -> list[str]:
        """Return the digests of the records of every name."""
        names = sorted(path.name for path in self.folder.glob("*") if path.is_dir())
        return [digest for name in names for digest in self.digests(name)]

    def keep_rounds(self, rounds: dict[str, int]) -> None:
        """Keep how many records had been read by the version that each record speaks of, before that version goes."""
        known = self.rounds()
        if rounds and {**known, **rounds} != known:
            atomic.write_file(self.folder / ROUNDS, canonical_json({**known, **rounds}))

    def rounds(self) -> dict[str, int]:
        """Return what `keep_rounds` kept; what is damaged is not known."""
        try:
            found = json.loads((self.folder / ROUNDS).read_bytes())
        except (OSError, ValueError):
            return {}
        return {k: v for k, v in found.items() if isinstance(v, int)} if isinstance(found, dict) else {}

    def header(self, digest: str) -> FeedbackHeader:
        """Return the header of a record. Raises CorruptObject."""
        values = json.loads(self.objects.read_bytes(digest))
        if not isinstance(values, dict) or not NEEDED <= set(values) <= KNOWN:
            raise CorruptObject(
                digest, "not a feedback header", "The record was not read", "See `tilth verify`"
            )
        for key in ("version", "rows", "slices"):
            checked_digest(values[key], f"feedback {digest}")
        return FeedbackHeader(**values)

    def read(self, digest: str) -> tuple[FeedbackHeader, pl.DataFrame, pl.DataFrame]:
        """Return header, rows and slices of a record. Raises CorruptObject."""
        header = self.header(digest)
        rows, slices = self.objects.frame(header.rows), self.objects.frame(header.slices)
        return header, conform(rows, FEEDBACK_ROWS), conform(slices, FEEDBACK_SLICES)


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _refused(header: FeedbackHeader, what: str) -> StoreError:
    return StoreError(
        f"feedback of run {header.run_id}", what, "The record was not added", "Train that version again"
    )
