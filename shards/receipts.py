"""Receipts: when, where and how fast something happened. Kept beside what has an id, never inside it."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

from tilth.shards import atomic
from tilth.shards.digest import canonical_json
from tilth.shards.refs import checked_name, utc_now

_FILE = re.compile(r"(?P<kind>[^/]+)/(?P<subject>[^/]+)/(?P<number>[0-9]{6})\.json")


class Receipts:
    """receipts/KIND/SUBJECT/000001.json, …; a file is never changed."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "receipts"

    def add(self, kind: str, subject: str, receipt: dict[str, Any]) -> None:
        """Keep a receipt about `subject`; the time (`at`) and the host are added. Raises StoreError."""
        folder = self.folder / checked_name(kind, "kind") / checked_name(subject, "subject")
        data = canonical_json({**receipt, "at": utc_now(), "host": socket.gethostname()})
        number = len(list(folder.glob("*.json"))) + 1
        while not atomic.create_file(folder / f"{number:06d}.json", data):
            number += 1

    def read(self, kind: str | None = None, subject: str | None = None) -> list[dict[str, Any]]:
        """Return receipts, oldest first of each kind and subject, with `kind` and `subject` added."""
        kind_pattern = checked_name(kind, "kind") if kind else "*"
        subject_pattern = checked_name(subject, "subject") if subject else "*"
        found = []
        for path in sorted(self.folder.glob(f"{kind_pattern}/{subject_pattern}/*.json")):
            match = _FILE.fullmatch(path.relative_to(self.folder).as_posix())
            if match:
                with atomic.storage_errors(path):
                    receipt = json.loads(path.read_bytes())
                found.append({**receipt, "kind": match["kind"], "subject": match["subject"]})
        return found
