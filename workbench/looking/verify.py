"""tilth verify: is every byte of a store as it was written?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilth.shards.store import Store
    from tilth.shards.version import Version


def verified(store: Store, version: Version | None) -> dict[str, Any]:
    """Check digests, closure, counts and conservation of a version, or of the whole store (None).

    Keys: version (null for the whole store), versions (how many were read), problems (a sentence each).
    """
    problems = store.verify(version)
    return {
        "version": version.id if version else None,
        "versions": 1 if version else len(store.version_ids()),
        "problems": problems,
    }
