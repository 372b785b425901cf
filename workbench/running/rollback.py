"""tilth rollback: an earlier version is the candidate again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilth.shards.store import Store


def roll_back(store: Store, name: str, to: str | None) -> dict[str, Any]:
    """Move the refs of a name back, to the version before or to the one named; nothing is deleted.

    Keys: name, version (the candidate now), before (the candidate until now), undo (the command that takes it back).
    """
    before = store.candidate(name)
    version = store.rollback(name, to)
    undo = f"tilth rollback {name} --to {before.short}" if before else None
    return {"name": name, "version": version.id, "before": before and before.id, "undo": undo}
