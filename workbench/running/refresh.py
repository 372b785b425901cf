"""The loop as a job: due or not, under a lock, idempotent, with a receipt of what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tilth.shards.errors import TilthError
from tilth.shards.lock import Lock
from tilth.workbench.running.loop import pending, run_loop
from tilth.workbench.running.schedule import is_due, next_due
from tilth.workbench.running.train import what_changed

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.shards.store import Store
    from tilth.workbench.recipes.sections import Recipe

RECEIPT = "refresh"


def refresh_once(
    recipe: Recipe, store: Store, screen: Console, *, if_due: bool, dry_run: bool
) -> dict[str, Any]:
    """Do the loop once, or say why not. Raises Busy if another refresh of this store is running.

    Returns state ("not due", "would run", "no news", "checks failed", "done") and a summary; the receipt of a
    run that failed says so and why.
    """
    with Lock(store.root / "refresh.lock").held(0):
        last = last_run(recipe, store)
        if if_due and not is_due(recipe.refresh.schedule, last, datetime.now().astimezone()):
            return _facts("not due", f"not due before {_due_at(recipe, last)}")
        if dry_run:
            return _facts("would run", _plan(recipe, store))
        try:
            outcome = run_loop(recipe, store, screen)
        except TilthError as error:
            store.add_receipt(RECEIPT, recipe.name, _facts("failed", error.message()))
            raise
        store.add_receipt(RECEIPT, recipe.name, outcome)
        return outcome


def status(recipe: Recipe, store: Store) -> dict[str, Any]:
    """Return when the loop last ran and what came of it, when it is due, and what the refs are."""
    receipts = store.receipts(RECEIPT, recipe.name)
    last = receipts[-1] if receipts else None
    served, candidate = store.served(recipe.name), store.candidate(recipe.name)
    return {
        "name": recipe.name,
        "served": served.short if served else None,
        "candidate": candidate.short if candidate else None,
        "last_run": last["at"] if last else None,
        "last_state": last["state"] if last else None,
        "last_summary": last["summary"] if last else None,
        "schedule": recipe.refresh.schedule,
        "next_due": _due_at(recipe, last_run(recipe, store)),
        "unread_feedback": len(
            set(store.feedback_digests(recipe.name)) - set(candidate.manifest.feedback if candidate else [])
        ),
    }


def last_run(recipe: Recipe, store: Store) -> datetime | None:
    """Return when the loop of this name last ended, or None."""
    receipts = store.receipts(RECEIPT, recipe.name)
    return datetime.fromisoformat(receipts[-1]["at"]).astimezone() if receipts else None


def _due_at(recipe: Recipe, last: datetime | None) -> str | None:
    if recipe.refresh.schedule is None:
        return None
    now = datetime.now().astimezone()
    if last is None:
        return "now"
    due = next_due(recipe.refresh.schedule, last)
    return "now" if due <= now else due.isoformat(timespec="minutes")


def _plan(recipe: Recipe, store: Store) -> str:
    """Say what a run would do, without doing it."""
    candidate = store.candidate(recipe.name)
    if candidate is None:
        return "would curate for the first time, train, steer, train again and compare"
    changed = what_changed(recipe, store, candidate)
    if changed:
        return f"would curate again ({changed}), train, steer, train again and compare"
    served = store.served(recipe.name)
    if served is None or (recipe.training is None and served.id != candidate.id):
        return f"would serve {candidate.short}, if its checks passed"
    return pending(recipe, store, candidate) or f"nothing: {recipe.name} {candidate.short} is up to date"


def _facts(state: str, summary: str) -> dict[str, Any]:
    return {"state": state, "summary": summary}
