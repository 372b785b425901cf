"""The judgements of a name, in the order they came: review/NAME.jsonl, one canonical JSON object a line.

Append-only but for `erase`: a line is written in one piece and on the disk before anyone is told so. A process killed
while it writes leaves the end of a line that nobody was told of; it is not read, and the next writer cuts it off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path

from tilth.shards import atomic
from tilth.shards.errors import UsageError
from tilth.shards.judgement import Judgement, checked, read_judgement
from tilth.shards.lock import Lock
from tilth.shards.refs import checked_name

WAIT_S = 20.0


@dataclass(frozen=True)
class Read:
    """What a log holds; damaged: how many lines of it are no judgement, and are left out."""

    judgements: tuple[Judgement, ...]
    damaged: int = 0


class JudgementLog:
    """Appends and reads judgements; one writer at a time, readers wait for nobody."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "review"
        self._read: dict[str, tuple[int, Read]] = {}  # name -> bytes read so far, and what they hold

    def path(self, name: str) -> Path:
        """Return where the judgements of a name lie."""
        return self.folder / f"{checked_name(name)}.jsonl"

    def add(self, name: str, judgements: Iterable[Judgement]) -> int:
        """Append judgements and return how many were new; one that is there already changes nothing.

        All of them are checked before the first is written. Raises UsageError, Busy, StoreError.
        """
        wanted = [checked(one) for one in judgements]
        path = self.path(name)
        with atomic.storage_errors(path):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with Lock(path.with_suffix(".lock")).held(WAIT_S):
            known = {one.id for one in self.read(name).judgements}
            by_id = {one.id: one for one in wanted if one.id not in known}
            if by_id:
                with atomic.storage_errors(path):
                    _append(path, b"".join(one.to_bytes() + b"\n" for one in by_id.values()))
            return len(by_id)

    def read(self, name: str) -> Read:
        """Return every whole line, oldest first. Raises StoreError where the file cannot be read."""
        path = self.path(name)
        if not path.is_file():
            return Read(())
        with atomic.storage_errors(path):
            size = path.stat().st_size
            at, held = self._read.get(name, (0, Read(())))
            if size < at:
                at, held = 0, Read(())
            with path.open("rb") as file:
                file.seek(at)
                data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        more, damaged = [], held.damaged
        for line in whole.splitlines():
            try:
                more.append(read_judgement(json.loads(line)))
            except (ValueError, RecursionError, UsageError):
                damaged += 1
        found = Read((*held.judgements, *more), damaged)
        self._read[name] = (at + len(whole), found)
        return found

    def erase(self, rows: Container[str]) -> list[str]:
        """Remove every judgement of these rows (hex), whose edits hold their text; return the names it concerned."""
        concerned = []
        for name in self.names():
            path = self.path(name)
            with Lock(path.with_suffix(".lock")).held(WAIT_S):
                held = self.read(name).judgements
                left = [one for one in held if one.row not in rows]
                if len(left) < len(held):
                    atomic.write_file(path, b"".join(one.to_bytes() + b"\n" for one in left))
                    self._read.pop(name, None)
                    concerned.append(name)
        return concerned

    def names(self) -> list[str]:
        """Return the names of which somebody judged a row."""
        return sorted(path.stem for path in self.folder.glob("*.jsonl"))


def _append(path: Path, data: bytes) -> None:
    """Write `data` behind the last whole line and wait until it is on the disk; the caller holds the lock."""
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        end = _end_of_lines(descriptor, size)
        if end < size:
            os.ftruncate(descriptor, end)
        atomic.step("log opened")
        written = 0
        while written < len(data):
            written += os.pwrite(descriptor, data[written:], end + written)
        atomic.step("log written")
        os.fsync(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    if is_new:
        atomic.sync_folder(path.parent)


def _end_of_lines(descriptor: int, size: int) -> int:
    """Return the offset behind the last line end."""
    end = size
    while end > 0:
        start = max(0, end - 65_536)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
