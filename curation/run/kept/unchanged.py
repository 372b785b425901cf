"""A run that is asked again for what the last one gave: found by all that decides it, before a row is looked at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tilth.curation.run.kept import folder
from tilth.shards import arrow_file
from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.sealed import read_sealed, write_sealed
from tilth.validators.facts.data import ReadingLine
from tilth.validators.gate import CheckResult

# What of a store decides no run: content, which is named by refs, and what is only for people or made again.
_NO_INPUTS = (
    "objects",
    "versions",
    "receipts",
    "scores",
    "cache",
    "tmp",
    "runs",
    "reports",
    "lock",
    "format",
)


@dataclass(frozen=True)
class Said:
    """What a run said beside the version it gave; see `Outcome`."""

    checks: list[CheckResult]
    tags: pl.DataFrame
    rewrites: pl.DataFrame
    readings: list[ReadingLine]
    unread_feedback: int
    unread_reasons: list[str]
    unfinished_files: dict[str, str]


def key_of(inputs: dict[str, Any], store_root: Path) -> str:
    """Return the digest of what decides a run: `inputs` (JSON), and refs, feedback, reviews and retractions."""
    return sha256_hex(canonical_json([inputs, _state(store_root)]))


def remember(cache: Path, key: str, said: Said) -> None:
    """Keep what a run said."""
    name = f"run-{key[:32]}"
    arrow_file.keep(cache / f"{name}.tags.arrow", iter([said.tags]))
    arrow_file.keep(cache / f"{name}.rewrites.arrow", iter([said.rewrites]))
    plain = {
        "checks": [{**vars(check), "failing": None} for check in said.checks],
        "readings": said.readings,
        "unread_feedback": said.unread_feedback,
        "unread_reasons": said.unread_reasons,
        "unfinished_files": said.unfinished_files,
    }
    write_sealed(cache / f"{name}.json", canonical_json(plain))


def remembered(cache: Path, key: str) -> Said | None:
    """Return what the run of these inputs said, if all of it can be believed."""
    name = f"run-{key[:32]}"
    try:
        plain = json.loads(read_sealed(cache / f"{name}.json"))
        checks = [CheckResult(**check) for check in plain.pop("checks")]
        tags, rewrites = (arrow_file.kept(cache / f"{name}.{table}.arrow") for table in ("tags", "rewrites"))
        if tags is None or rewrites is None:
            return None
        found = Said(checks, tags, rewrites, **plain)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    folder.touch(cache, name)
    return found


def any_remembered(cache: Path) -> bool:
    """Return whether some run was."""
    return any(cache.glob("run-*.json"))


def _state(root: Path) -> str:
    digest = hashlib.sha256()
    for path in _files(sorted(p for p in root.iterdir() if p.name not in _NO_INPUTS)):
        digest.update(canonical_json([str(path.relative_to(root)), sha256_hex(path.read_bytes())]))
    return digest.hexdigest()


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return found
