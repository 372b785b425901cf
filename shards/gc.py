"""Removing what nothing names: manifests first, so that a kill leaves none without its objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tilth.shards import atomic
from tilth.shards.contents import Contents
from tilth.shards.digest import file_sha256
from tilth.shards.history import ancestry
from tilth.shards.object import OBJECT_NAME
from tilth.shards.refs import CANDIDATE

FOLDERS = (
    "objects",
    "versions",
    "refs",
    "reflog",
    "feedback",
    "receipts",
    "scores",
    "retractions",
    "replaced",
    "erased",
)

if TYPE_CHECKING:
    from pathlib import Path


def collect(store: Contents, *, keep: int, dry_run: bool) -> dict[str, int]:
    """Remove unreachable versions and objects, left-over temporary files and the cache; the caller holds the lock.

    Kept: each ref's version and its ancestors, `keep` in all, the last `keep` versions a ref was moved to,
    the versions of the last `keep` feedback records that no candidate has read, all feedback, and the scores last
    published. Of a read record it is kept in which round it was (`FeedbackLog.keep_rounds`). Returns how many versions,
    objects, temporary and cached (files) and bytes went, and versions_kept, objects_kept. Raises StoreError,
    and removes nothing, where something that must be kept cannot be read.
    """
    versions = _reachable_versions(store, max(keep, 1))
    objects = _reachable_objects(store, versions)
    stale_manifests = [
        store.root / "versions" / f"{v}.json" for v in store.version_ids() if v not in versions
    ]
    temporary = [path for folder in FOLDERS for path in (store.root / folder).rglob(".*.tmp")]
    stale_objects = [
        path
        for path in store.objects.files()
        if (match := OBJECT_NAME.fullmatch(path.name)) and match[1] not in objects
    ]
    cached = [path for path in store.cache.glob("*") if path.is_file()]
    stale = [*stale_manifests, *stale_objects, *temporary, *cached]
    freed = sum(path.lstat().st_size for path in stale)
    if not dry_run:
        store.feedback_log.keep_rounds(_rounds(store))
        with atomic.storage_errors(store.root):
            _remove(stale_manifests)
            _remove([*stale_objects, *temporary, *cached])
        store.objects.forget()
    return {
        "versions": len(stale_manifests),
        "objects": len(stale_objects),
        "temporary": len(temporary),
        "cached": len(cached),
        "bytes": freed,
        "versions_kept": len(versions),
        "objects_kept": len(objects),
    }


def _reachable_versions(store: Contents, keep: int) -> set[str]:
    versions: set[str] = set()
    for name in store.names():
        recent = [move["to"] for move in store.refs.moves(name)]
        versions |= set(list(dict.fromkeys(reversed(recent)))[:keep])
        for ref in (name, name + CANDIDATE):
            versions |= set(ancestry(store, store.refs.read(ref), keep))
        candidate = store.candidate(name)
        read = candidate.manifest.feedback if candidate else []
        unread = [digest for digest in store.feedback_log.digests(name) if digest not in read]
        versions |= {store.feedback_log.header(digest).version for digest in unread[-keep:]}
    return versions & set(store.version_ids())


def _rounds(store: Contents) -> dict[str, int]:
    """Return how many records the version had read that each record speaks of, where that version is there."""
    known = set(store.version_ids())
    named = {digest: store.feedback_log.header(digest).version for digest in store.feedback_log.all_digests()}
    return {
        digest: len(store.version(version).manifest.feedback)
        for digest, version in named.items()
        if version in known
    }


def _reachable_objects(store: Contents, versions: set[str]) -> set[str]:
    records = set(store.feedback_log.all_digests())
    objects = {file_sha256(path) for path in store.scores.published()}
    for version_id in sorted(versions):
        manifest = store.version(version_id).manifest
        objects |= set(manifest.closure())
        records |= set(manifest.feedback)
    for digest in sorted(records):
        header = store.feedback_log.header(digest)
        objects |= {digest, header.rows, header.slices}
    for entry in store.retractions.entries():
        objects |= {entry.digest, entry.record.rows}
    return {store.objects.current(digest) for digest in objects}


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
    for folder in sorted({path.parent for path in paths}):
        atomic.sync_folder(folder)
