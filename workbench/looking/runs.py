"""Finding a finished run in a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tilth.shards.errors import UsageError
from tilth.shards.store import Store

RECORD = "run.json"


def find_run(store: Store, beginning: str | None) -> Path:
    """Return the folder of the run whose id begins so, of the newest finished run where none is named.

    Raises UsageError where there is none, or more than one.
    """
    finished = [file.parent for file in (store.root / "runs").glob(f"*/{RECORD}")]
    newest_first = sorted(finished, key=lambda folder: (folder / RECORD).stat().st_mtime_ns, reverse=True)
    found = [folder for folder in newest_first if folder.name.startswith(beginning or "")]
    if not found or (beginning is not None and len(found) > 1):
        raise UsageError(
            f"run {beginning or ''}".strip(),
            f"{len(found) or 'no'} finished runs in {store.root} begin so",
            next_step=f"name one of: {', '.join(f.name for f in newest_first[:8]) or 'none yet; run train first'}",
        )
    return found[0]


def artefact_of(run_dir: Path, name: str) -> Path:
    """Return a file that a run leaves. Raises UsageError where this run left none."""
    path = run_dir / name
    if not path.is_file():
        raise UsageError(
            f"run {run_dir.name}", f"left no {name}", "", "runs of a comparison leave none; train once more"
        )
    return path


def record_of(run_dir: Path) -> dict[str, Any]:
    """Return the record of a finished run."""
    record: dict[str, Any] = json.loads((run_dir / RECORD).read_bytes())
    return record
