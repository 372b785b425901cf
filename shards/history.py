"""The history of a name: its versions, newest first, from the moves of its candidate."""

from __future__ import annotations

from typing import Any

from tilth.shards.contents import Contents
from tilth.shards.refs import CANDIDATE, checked_name


def ancestry(store: Contents, version_id: str | None, limit: int | None = None) -> list[str]:
    """Return a version and its ancestors, newest first, as far as they are kept and at most `limit`."""
    kept = set(store.version_ids())
    chain: list[str] = []
    while (
        version_id is not None
        and version_id in kept
        and version_id not in chain
        and (limit is None or len(chain) < limit)
    ):
        chain.append(version_id)
        version_id = store.version(version_id).manifest.parent
    return chain


def log(store: Contents, name: str) -> list[dict[str, Any]]:
    """Return one entry for every kept version of `name`, in the order of publication, newest first."""
    ref = checked_name(name) + CANDIDATE
    kept = set(store.version_ids())
    published = [
        move["to"] for move in store.refs.moves(name) if move["ref"] == ref and move["reason"] == "publish"
    ]
    newest_first = [version_id for version_id in dict.fromkeys(reversed(published)) if version_id in kept]
    refs = {ref: store.refs.read(ref), name: store.refs.read(name)}
    times = {receipt["subject"]: receipt["at"] for receipt in store.receipts("publish")}
    entries = []
    for version_id in newest_first:
        manifest = store.version(version_id).manifest
        entries.append(
            {
                "id": version_id,
                "content_id": manifest.content_id,
                "parent": manifest.parent,
                "counts": manifest.counts,
                "checks": manifest.checks,
                "feedback": manifest.feedback,
                "published_at": times.get(version_id),
                "refs": [ref for ref, target in refs.items() if target == version_id],
            }
        )
    return entries
