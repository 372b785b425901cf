"""tilth promote: the candidate of a name is what it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tilth.shards.errors import ChecksFailed, UsageError
from tilth.workbench.running.comparison import COMPARED, allows

if TYPE_CHECKING:
    from tilth.shards.store import Store
    from tilth.shards.version import Version


def promote_version(store: Store, name: str, *, on_checks: bool = False) -> dict[str, Any]:
    """Serve the candidate of a name.

    Keys: name, version (served now), before (served until now, or null), changed. on_checks: serve a version that
    feedback steered though no comparison allows it. Raises ChecksFailed if its checks did not pass or no comparison
    allows it, UsageError if there is none.
    """
    candidate, before = store.candidate(name), store.served(name)
    if candidate is None:
        known = ", ".join(store.names()) or "none yet; run: curate RECIPE"
        raise UsageError(f"name {name}", "has no version", "Nothing was changed", f"Known names: {known}")
    if not on_checks:
        _require_comparison(store, name, candidate)
    store.promote(name)
    return {
        "name": name,
        "version": candidate.id,
        "before": before and before.id,
        "changed": before is None or before.id != candidate.id,
    }


def _require_comparison(store: Store, name: str, candidate: Version) -> None:
    """Raise ChecksFailed for a version that feedback steered and no comparison allows to serve."""
    parent = candidate.manifest.parent
    is_steered = parent is not None and store.version(parent).manifest.feedback != candidate.manifest.feedback
    compared = store.receipts(COMPARED, candidate.id) if is_steered else []
    if not is_steered or (compared and allows(compared[-1])):
        return
    why = (
        compared[-1].get("refusal") or compared[-1]["sentence"]
        if compared
        else "it was compared with nothing"
    )
    raise ChecksFailed(
        f"{name} {candidate.short}",
        f"feedback steered it, and no comparison allows it in its parent's place: {why}",
        "It stays the candidate and is not served",
        f"refresh run RECIPE compares it; tilth promote {name} --on-checks serves it on its checks alone",
    )
