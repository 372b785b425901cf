"""What people decided about serving a version: a receipt with a name and a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilth.shards.store import Store
    from tilth.shards.version import Version

APPROVAL = "approval"
APPROVED, REJECTED = "approved", "rejected"


def decision(store: Store, version: Version) -> dict[str, Any] | None:
    """Return the last decision about a version: decision, by, reason, at; None where nobody decided."""
    decided = store.receipts(APPROVAL, version.id)
    return decided[-1] if decided else None
