"""Folders given for files: what `datasets.save_to_disk` wrote is read, of any other the files are named."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson

from tilth.shards.errors import SourceError, UsageError

SPLITS, STATE = "dataset_dict.json", "state.json"
SHOWN = 5


def saved_files(named: str, local: Path) -> list[str]:
    """Return the files of a set that `save_to_disk` wrote to a folder, or only `named`, if it is none.

    Raises UsageError for a folder of several splits: whether all are to be learned is not ours to guess;
    SourceError for one whose files are not all there.
    """
    folder = named.rstrip("/")
    if (local / SPLITS).is_file():
        splits = _json(local / SPLITS).get("splits") or ["train"]
        raise UsageError(
            named,
            f"this folder holds the splits {', '.join(map(str, splits))}",
            "which of them are meant is not known",
            f"name each that is to be read, for example {folder}/{splits[0]}",
        )
    if not (local / STATE).is_file():
        return [named]
    held = [str(entry.get("filename")) for entry in _json(local / STATE).get("_data_files", [])]
    missing = [name for name in held if "/" in name or not (local / name).is_file()]
    if missing or not held:
        raise SourceError(
            named,
            f"of the {len(held)} files that its {STATE} names {len(missing)} are not there",
            "the set would be read in part",
            "save or copy the folder again",
        )
    return [f"{folder}/{name}" for name in held]


def what_to_name(named: str, local: Path) -> str:
    """Return what to write in place of a folder: a pattern for the files of it that can be read."""
    from tilth.curation.reading.formats import suffixes

    known = sorted(suffixes(), key=len, reverse=True)
    found: Counter[str] = Counter()
    for path in sorted(local.rglob("*")):
        suffix = next((s for s in known if path.name.lower().endswith(s)), None)
        if suffix and path.is_file():
            depth = len(path.relative_to(local).parts) - 1
            found["/".join([named.rstrip("/"), *["*"] * depth, f"*{suffix}"])] += 1
    if not found:
        return f"no file in it ends in a known suffix ({', '.join(suffixes()[:SHOWN])} …); name the files"
    return "write " + " or ".join(f"{pattern} ({n} files)" for pattern, n in found.most_common(SHOWN))


def _json(path: Path) -> dict[str, Any]:
    try:
        value = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise SourceError(str(path), "it holds no JSON object", "the set cannot be read", "save it again")
    return value
