"""Why a row, or a line of input, came out as it did: the facts, for others to print."""

from __future__ import annotations

import json
import re
from typing import Any

import polars as pl

from tilth.shards.errors import UsageError
from tilth.shards.ledger import PLACE
from tilth.shards.version import Version

ROW_PREFIX = re.compile(r"[0-9a-f]{4,32}")
SHOWN_MATCHES = 5
REVIEW = "review"  # what a version keeps of people's words


def explain(version: Version, key: str) -> dict[str, Any]:
    """Return what the version knows of a row (an id or its first 4+ hex digits) or of a line (`path:line`,
    of the path as much as names one file).

    Ids are hex. Keys: version, row_id, line (the ledger's line asked for, or of the least occurrence),
    occurrences, row, decision, measures, turns, witness (row_id, occurrences, turns; or null), feedback
    (lines of the records that the version read, newest last), people (what reviewers had said of it).
    A line that could not be read has only version,
    line and null row_id. Raises UsageError where nothing, or more than one row, matches.
    """
    ledger = version.ledger()
    lines = _lines(version, ledger, key)
    row_id = lines["row_id"][0]
    facts: dict[str, Any] = {"version": version.id, "row_id": None, "line": _plain(lines.head(1))[0]}
    if row_id is None:
        return facts
    decision = version.decisions().filter(pl.col("row_id") == row_id)
    witness_id = decision["witness_id"][0]
    return facts | {
        "row_id": row_id.hex(),
        "occurrences": _occurrences(ledger, row_id),
        "row": _plain(version.rows().filter(pl.col("row_id") == row_id))[0],
        "decision": _plain(decision)[0],
        "measures": _measures(version, row_id),
        "turns": _turns(version, row_id),
        "witness": witness_id
        and {
            "row_id": witness_id.hex(),
            "occurrences": _occurrences(ledger, witness_id),
            "turns": _turns(version, witness_id),
        },
        "feedback": _feedback(version, row_id),
        "people": _people(version, row_id),
    }


def _lines(version: Version, ledger: pl.DataFrame, key: str) -> pl.DataFrame:
    """Return the ledger lines that `key` names, of one row, the least first."""
    path, _, line = key.rpartition(":")
    if path and line.isdecimal():
        whole = whole_path(ledger["source_path"], path, key)
        found = ledger.filter(pl.col("source_path") == whole, pl.col("line") == int(line))
    elif ROW_PREFIX.fullmatch(key):
        # The ledger is in order of occurrence, so a row's own decision comes before its repeats.
        found = ledger.filter(pl.col("row_id").bin.encode("hex").str.starts_with(key))
    else:
        raise UsageError(
            repr(key[:80]), "neither a row id nor path:line", "", "Give 4 to 32 hex digits, or file.jsonl:12"
        )
    ids = found["row_id"].unique(maintain_order=True)
    if found.is_empty():
        raise UsageError(
            repr(key[:80]),
            f"version {version.short} has no such row or line",
            "",
            "See the paths in `tilth show`",
        )
    if len(ids) > 1:
        some = ", ".join(row_id.hex()[:16] for row_id in ids.head(SHOWN_MATCHES))
        raise UsageError(repr(key), f"{len(ids)} rows match: {some}", "", "Give more digits")
    return found


def whole_path(paths: pl.Series, path: str, key: str) -> str:
    """Return the one path of the version that is `path` or ends in it: the name of a file is enough."""
    known = paths.unique().sort().to_list()
    if path in known:
        return path
    ending = [one for one in known if one.endswith(f"/{path}")]
    if len(ending) > 1:
        some = ", ".join(ending[:SHOWN_MATCHES])
        raise UsageError(
            repr(key[:80]), f"{len(ending)} files are called so: {some}", "", "Give more of the path"
        )
    return ending[0] if ending else path


def _plain(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.with_columns(pl.col(pl.Binary).bin.encode("hex")).to_dicts()


def _occurrences(ledger: pl.DataFrame, row_id: bytes) -> list[dict[str, Any]]:
    return ledger.filter(pl.col("row_id") == row_id).select(PLACE).to_dicts()


def _turns(version: Version, row_id: bytes) -> list[dict[str, Any]]:
    return version.turns(pl.Series([row_id], dtype=pl.Binary())).drop("row_id").to_dicts()


def _measures(version: Version, row_id: bytes) -> dict[str, Any]:
    """Return the measures of the row, and of its turns under `turns`; those that do not apply are left out."""
    rows, turns = (
        _said(frame.filter(pl.col("row_id") == row_id))
        for frame in (version.measures(), version.turn_measures())
    )
    return (rows[0] if rows else {}) | ({"turns": turns} if turns else {})


def _said(frame: pl.DataFrame) -> list[dict[str, Any]]:
    lines = frame.drop("row_id").to_dicts()
    return [{name: value for name, value in line.items() if value is not None} for line in lines]


def _people(version: Version, row_id: bytes) -> list[dict[str, Any]]:
    """Return what people had said of the row when the version was made: id, by, at, act, note, said."""
    words = (json.loads(line) for line in (version.fitted(REVIEW) or b"").splitlines())
    keys = ("id", "by", "at", "act", "note", "said")
    return [{key: word[key] for key in keys} for word in words if word["row"] == row_id.hex()]


def _feedback(version: Version, row_id: bytes) -> list[dict[str, Any]]:
    seen = []
    for digest in version.manifest.feedback:
        header = json.loads(version.objects.read_bytes(digest))
        lines = version.objects.frame(header["rows"]).filter(pl.col("row_id") == row_id)
        seen += [{"record": digest, "run_id": header["run_id"], **line} for line in _plain(lines)]
    return seen
