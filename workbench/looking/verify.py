"""tilth verify: is every byte of a store as it was written?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tilth.workbench.retraction import erase
from tilth.workbench.session import print_json, say

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


def show_erased(store: Store, *, as_json: bool) -> None:
    """Search for everything that was ever erased and print what was found. Raises StoreError where any is left."""
    facts = erase.verified(store)
    if as_json:
        print_json(facts)
    else:
        say(
            f"{facts['rows']:,} erased rows, {facts['sought']:,} of them with words of their own to look for "
            f"({facts['passages']:,} passages): {len(facts['left'])} of {facts['files']:,} files "
            f"({facts['bytes']:,} bytes, unpacked) hold any"
        )
    erase.require_nothing_left(facts)
