"""Refuses a version whose bytes are not what was published."""

from __future__ import annotations

from tilth.shards.errors import CorruptObject
from tilth.shards.store import Store
from tilth.shards.version import Version


def verify_version(store: Store, version: Version) -> None:
    """Check a version before it is used: every digest, the closure of the manifest, counts, conservation.

    Raises CorruptObject naming the first thing that is wrong, and how many more there are.
    """
    problems = store.verify(version)
    if not problems:
        return
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    raise CorruptObject(
        f"version {version.short}",
        problems[0].rstrip(".") + more,
        "Nothing was done with it",
        f"Restore the store from a copy, or go back with: tilth rollback {version.manifest.name}",
    )
