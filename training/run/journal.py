"""metrics.jsonl: one object a line, each with the step it belongs to."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tilth.shards.atomic import write_file


class Journal:
    """Appends records as they come; a resumed run first takes back what lies beyond its checkpoint."""

    def __init__(
        self, path: Path, *, up_to_step: int, loggers: Sequence[Callable[[dict[str, Any]], None]] = ()
    ) -> None:
        """Open the file, keeping only whole records of steps up to `up_to_step` (-1: none).

        loggers: who else is told of each new record.
        """
        self.path, self._loggers = path, loggers
        kept = [record for record in read(path) if record["step"] <= up_to_step]
        write_file(path, b"".join(_line(record) for record in kept))
        self._file = path.open("ab", buffering=0)

    def write(self, record: dict[str, Any]) -> None:
        """Append one record."""
        self._file.write(_line(record))
        for log in self._loggers:
            log(record)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class NoJournal(Journal):
    """Keeps nothing: another process of the same run writes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, record: dict[str, Any]) -> None:
        """Keep nothing."""

    def close(self) -> None:
        """Close nothing."""


def read(path: Path) -> list[dict[str, Any]]:
    """Return the whole records of a journal; a line that a kill has cut is left out."""
    records = []
    for line in path.read_bytes().split(b"\n") if path.exists() else []:
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return records


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
