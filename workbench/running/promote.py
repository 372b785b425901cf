"""tilth promote: the candidate of a name is what it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tilth.shards.errors import UsageError

if TYPE_CHECKING:
    from tilth.shards.store import Store


def promote_version(store: Store, name: str) -> dict[str, Any]:
    """Serve the candidate of a name. Raises ChecksFailed if its checks did not pass, UsageError if there is none.

    Keys: name, version (served now), before (served until now, or null), changed.
    """
    candidate, before = store.candidate(name), store.served(name)
    if candidate is None:
        known = ", ".join(store.names()) or "none yet; run: curate RECIPE"
        raise UsageError(f"name {name}", "has no version", "Nothing was changed", f"Known names: {known}")
    store.promote(name)
    return {
        "name": name,
        "version": candidate.id,
        "before": before and before.id,
        "changed": before is None or before.id != candidate.id,
    }
