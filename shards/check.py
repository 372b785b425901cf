"""Checking what is kept: digests, closure, alignment, counts, conservation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import polars as pl

from tilth.shards.contents import Contents
from tilth.shards.digest import content_id
from tilth.shards.errors import TilthError
from tilth.shards.ledger import count
from tilth.shards.lock import left_behind
from tilth.shards.object import OBJECT_NAME
from tilth.shards.publish import textless
from tilth.shards.version import Version


def version_problems(store: Contents, version: Version) -> list[str]:
    """Return what is wrong with one version: its bytes, then its tables."""
    problems = _unreadable(store, version.manifest.closure())
    if problems:
        return problems
    try:
        store.version(version.id)
        for digest in version.manifest.feedback:
            store.feedback(digest)
        return _table_problems(version)
    except TilthError as error:
        return [str(error)]


def store_problems(store: Contents) -> list[str]:
    """Return what is wrong anywhere: refs, versions, feedback, objects, and files that do not belong."""
    problems = []
    for name in store.names():
        problems += _attempt(partial(store.served, name)) + _attempt(partial(store.candidate, name))
    for version_id in store.version_ids():
        try:
            problems += version_problems(store, store.version(version_id))
        except TilthError as error:
            problems.append(str(error))
    problems += _attempt(lambda: [store.feedback(digest) for digest in store.feedback_log.all_digests()])
    for path in store.objects.files():
        match = OBJECT_NAME.fullmatch(path.name)
        if match and path.parent.name == match[1][:2]:
            problems += _unreadable(store, [match[1]])
        elif not path.name.startswith("."):
            problems.append(f"{path}: does not belong among the objects")
    problems += [
        f"{folder}: left by a run that was killed, and may hold text as it was read; remove it"
        for folder in left_behind(store.root / "tmp")
    ]
    return list(dict.fromkeys(problems))


def _attempt(read: Callable[[], object]) -> list[str]:
    try:
        read()
    except TilthError as error:
        return [str(error)]
    return []


def _unreadable(store: Contents, digests: Iterable[str]) -> list[str]:
    return [problem for digest in digests for problem in _attempt(partial(store.objects.verify, digest))]


def _table_problems(version: Version) -> list[str]:
    rows, occurrences = version.rows(), version.occurrences()
    decision_count = sum(version.objects.frame(d).height for d in version.manifest.objects["decisions"])
    if decision_count != rows.height:
        return [f"{version.short}: {decision_count} decisions for {rows.height} rows"]
    decisions = version.decisions()
    counts = count(occurrences, decisions)
    problems = [
        f"{version.short}: the manifest counts {version.manifest.counts.get(name)} {name}, the tables {value}"
        for name, value in counts.items()
        if version.manifest.counts.get(name) != value
    ]
    if counts["unaccounted"]:
        problems.append(f"{version.short}: {counts['unaccounted']} lines are unaccounted for")
    if not rows["row_id"].equals(occurrences["row_id"].drop_nulls().unique().sort()):
        problems.append(f"{version.short}: rows and lines of input do not match")
    if content_id(rows, decisions) != version.manifest.content_id:
        problems.append(f"{version.short}: the tables do not have the manifest's content id")
    held = [version.objects.frame(d, ["row_id", "text_digest"]) for d in version.manifest.objects["turns"]]
    lost = rows.join(pl.concat(held), on=["row_id", "text_digest"], how="anti") if held else rows
    lost = lost.filter(~pl.col("row_id").is_in(version.erased.implode()))
    if missing := textless(rows, lost).height:
        problems.append(f"{version.short}: the text of {missing} rows is missing")
    return problems
