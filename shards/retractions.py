"""Which rows may not be in the next version, and why: retractions/000001.json names a record, in order.

A record names rows by id and never by text. `retract` keeps what is stored; `erase` also removes their text from the
store; `restore` takes a retraction back. A version names the records that concerned its rows.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path

import polars as pl

from tilth.shards import atomic
from tilth.shards.digest import canonical_json
from tilth.shards.errors import CorruptObject, UsageError
from tilth.shards.object import Objects, checked_digest
from tilth.shards.refs import utc_now

STAGE, REASON = "retract", "retracted"
IDS = pl.Schema({"row_id": pl.Binary()})


class Kind(StrEnum):
    """What a record does with its rows."""

    RETRACT = "retract"
    ERASE = "erase"
    RESTORE = "restore"


@dataclass(frozen=True)
class Record:
    """One record. rows: digest of the table of their ids. chosen_by: how they were named. of: what is restored."""

    kind: Kind
    rows: str
    count: int
    chosen_by: str
    reason: str
    of: int | None = None
    format: int = 1


@dataclass(frozen=True)
class Entry:
    """A record in the log: its number, the digest that versions name, and when it was written."""

    number: int
    digest: str
    record: Record
    at: str


class Retractions:
    """Appends and reads the records of a store; one is never changed or removed."""

    def __init__(self, root: Path, objects: Objects) -> None:
        self.folder = root / "retractions"
        self.objects = objects

    def add(
        self, kind: Kind, row_ids: pl.Series, *, chosen_by: str, reason: str, of: int | None = None
    ) -> Entry:
        """Store the ids, then the record, then the line of the log; the caller holds the lock. Raises StoreError."""
        ids = row_ids.rename("row_id").unique().sort().to_frame()
        record = Record(kind, self.objects.put_frame(ids), ids.height, chosen_by, reason, of)
        digest = self.objects.put_bytes(canonical_json(asdict(record)))
        number = len(self.entries()) + 1
        line = {"record": digest, "at": utc_now()}
        atomic.create_file(self.folder / f"{number:06d}.json", canonical_json(line))
        return self.entry(number)

    def entries(self) -> list[Entry]:
        """Return every record, oldest first. Raises CorruptObject."""
        paths = sorted(self.folder.glob("[0-9]*.json")) if self.folder.is_dir() else []
        return [self._read(path) for path in paths]

    def entry(self, number: int) -> Entry:
        """Return a record by its number. Raises UsageError if there is none."""
        found = next((entry for entry in self.entries() if entry.number == number), None)
        if found is None:
            known = len(self.entries())
            raise UsageError(
                f"retraction {number}", "there is no such record", "Nothing was changed", f"There are {known}"
            )
        return found

    def effective(self) -> list[Entry]:
        """Return the records that hold: retractions that were not taken back, and every erasure."""
        entries = self.entries()
        restored = {entry.record.of for entry in entries if entry.record.kind is Kind.RESTORE}
        return [e for e in entries if e.record.kind is not Kind.RESTORE and e.number not in restored]

    def withheld(self) -> pl.Series:
        """Return the ids of the rows that no version may keep from now on, in order."""
        return row_ids_of(self.objects, [entry.digest for entry in self.effective()])

    def erased(self) -> pl.Series:
        """Return the ids of the rows whose text is to be nowhere, in order."""
        return row_ids_of(self.objects, [e.digest for e in self.effective() if e.record.kind is Kind.ERASE])

    def concerning(self, row_ids: pl.Series) -> list[str]:
        """Return the digests of the records that hold and name any of these rows, in order."""
        held = row_ids.rename("row_id").to_frame()
        return [
            entry.digest
            for entry in self.effective()
            if self.objects.frame(entry.record.rows).join(held, on="row_id", how="semi").height
        ]

    def _read(self, path: Path) -> Entry:
        with atomic.storage_errors(path):
            data = path.read_bytes()
        try:
            line = json.loads(data)
            digest = checked_digest(line["record"], str(path))
            return Entry(int(path.stem), digest, _record(self.objects, digest), str(line["at"]))
        except (ValueError, KeyError, TypeError):
            raise CorruptObject(
                str(path), "it does not name a retraction", "Nothing was done", "Restore it from a copy"
            ) from None


def row_ids_of(objects: Objects, digests: list[str]) -> pl.Series:
    """Return the ids that some records name, each once, in order. Raises CorruptObject."""
    frames = [objects.frame(_record(objects, digest).rows) for digest in digests]
    return pl.concat([IDS.to_frame(), *frames])["row_id"].unique().sort()


def _record(objects: Objects, digest: str) -> Record:
    values = json.loads(objects.read_bytes(digest))
    if not isinstance(values, dict) or set(values) != {f.name for f in fields(Record)}:
        raise CorruptObject(digest, "not a retraction", "Nothing was done", "See `tilth verify`")
    values["kind"] = Kind(values["kind"])
    checked_digest(values["rows"], f"retraction {digest}")
    return Record(**values)
