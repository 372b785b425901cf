"""Refs: names that move. NAME.candidate is what curate last published, NAME what is served.

Each move is first written to the log of the name, then made; both in one step each, under the store's lock.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

from tilth.shards import atomic
from tilth.shards.digest import canonical_json
from tilth.shards.errors import CorruptObject, UsageError
from tilth.shards.object import DIGEST

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
MAX_NAME_CHARS = 80
CANDIDATE = ".candidate"


def checked_name(name: str, what: str = "name") -> str:
    """Return `name` if it can become part of a path and of a ref. Raises UsageError."""
    fits = len(name) <= MAX_NAME_CHARS and NAME.fullmatch(name)
    if not fits or name.endswith(CANDIDATE):
        raise UsageError(
            f"{what} {name[:MAX_NAME_CHARS]!r}",
            f"not a usable {what}",
            "Nothing was read or written",
            f"Use letters, digits, '-', '_' and single dots, at most {MAX_NAME_CHARS}, without {CANDIDATE!r}",
        )
    return name


def utc_now() -> str:
    """Return the time in UTC, to the second, as ISO 8601."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


class Refs:
    """The refs of a store and the log of their moves."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "refs"
        self.logs = root / "reflog"

    def names(self) -> list[str]:
        """Return every name that has a ref, in order."""
        if not self.folder.is_dir():
            return []
        found = {
            path.name.removesuffix(CANDIDATE) for path in self.folder.iterdir() if NAME.fullmatch(path.name)
        }
        return sorted(found)

    def read(self, ref: str) -> str | None:
        """Return the version id that `ref` names, or None without such a ref. Raises CorruptObject."""
        checked_name(ref.removesuffix(CANDIDATE))
        path = self.folder / ref
        if not path.is_file():
            return None
        with atomic.storage_errors(path):
            target = path.read_bytes().decode("ascii", "replace").strip()
        if not DIGEST.fullmatch(target):
            raise CorruptObject(
                str(path),
                "the ref does not hold a version id",
                "Nothing was read",
                f"Restore the last good id from {self.logs / ref.removesuffix(CANDIDATE)}.jsonl",
            )
        return target

    def move(self, ref: str, target: str, reason: str) -> None:
        """Let `ref` name the version `target`; the caller holds the lock. Raises StoreError."""
        name = checked_name(ref.removesuffix(CANDIDATE))
        move = {"ref": ref, "from": self._read_or_none(ref), "to": target, "reason": reason}
        moves = self.moves(name)
        # A run that was killed between the two writes leaves its line; running it again must not repeat it.
        last: dict[str, Any] = next((m for m in reversed(moves) if m["ref"] == ref), {})
        if any(last.get(key) != value for key, value in move.items()):
            lines = [*moves, {**move, "at": utc_now()}]
            atomic.write_file(self.logs / f"{name}.jsonl", b"".join(canonical_json(m) + b"\n" for m in lines))
        atomic.write_file(self.folder / ref, target.encode() + b"\n")

    def moves(self, name: str) -> list[dict[str, Any]]:
        """Return the moves of a name's refs, oldest first: ref, from, to, reason, at."""
        path = self.logs / f"{checked_name(name)}.jsonl"
        if not path.is_file():
            return []
        with atomic.storage_errors(path):
            lines = path.read_bytes().splitlines()
        try:
            moves = [json.loads(line) for line in lines]
        except ValueError:
            moves = [{}]
        if not all(isinstance(m, dict) and DIGEST.fullmatch(str(m.get("to"))) for m in moves):
            raise CorruptObject(
                str(path), "the log of the name is damaged", "Nothing was changed", "Restore the file"
            )
        return moves

    def _read_or_none(self, ref: str) -> str | None:
        try:
            return self.read(ref)
        except CorruptObject:
            return None  # moving a damaged ref repairs it
