"""refresh approve and reject: a person with a name and a reason lets a version be served, or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tilth.shards.errors import UsageError
from tilth.workbench.running.approval import APPROVAL, APPROVED, REJECTED, decision

if TYPE_CHECKING:
    from tilth.shards.store import Store


def decide(
    store: Store, name: str, *, approved: bool, by: str, reason: str, version_id: str | None
) -> dict[str, Any]:
    """Serve the candidate of a name, or note that it is not to be served; keep who said so and why.

    Raises UsageError where there is no candidate, another one than `version_id`, or no name or reason; ChecksFailed
    where its checks did.
    """
    candidate = store.candidate(name)
    if candidate is None:
        raise UsageError(name, "has no version", "Nothing was changed", "run: refresh run RECIPE")
    if version_id and not candidate.id.startswith(version_id):
        raise UsageError(
            name,
            f"the candidate is {candidate.short}",
            "Nothing was changed",
            f"Look at it: tilth show {candidate.short}",
        )
    if not by.strip() or not reason.strip():
        raise UsageError("--by, --reason", "are empty", "Nothing was changed", "Say who decides, and why")
    before = decision(store, candidate)
    word = APPROVED if approved else REJECTED
    if approved:
        store.promote(name)
    if before is None or (before["decision"], before["by"], before["reason"]) != (word, by, reason):
        store.add_receipt(APPROVAL, candidate.id, {"decision": word, "by": by, "reason": reason})
    return {"name": name, "version": candidate.id, "decision": word, "by": by, "reason": reason}
