"""Scoring a release on the sealed split, as a person asks for it: once, with a line in the receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tilth.shards.errors import UsageError
from tilth.workbench.running.train import TRAINED, request_of

if TYPE_CHECKING:
    from tilth.shards.store import Store
    from tilth.workbench.recipes.sections import Recipe

FINAL = "final"


def score_release(recipe: Recipe, store: Store) -> dict[str, Any]:
    """Score the served version of a recipe on its `final` split and keep a receipt; one that was scored is told.

    Keys: name, version, run_id, rows, loss, slices, published, is_step, at, again (whether it was scored before).
    Raises UsageError where nothing is served or it was not trained.
    """
    from tilth.training.run.final import score_final

    version = store.served(recipe.name)
    runs = store.receipts(TRAINED, version.id) if version else []
    if version is None or not runs:
        lacks = "it serves nothing yet" if version is None else f"{version.short} was not trained"
        raise UsageError(
            recipe.path.name, lacks, "Nothing was scored", f"run: refresh run {recipe.path.name}"
        )
    scored = store.receipts(FINAL, version.id)
    if scored:
        return {**scored[-1], "again": True}
    before = [r["published"] for r in store.receipts(FINAL) if r["name"] == recipe.name]
    found = score_final(request_of(recipe, version), store, min(before, default=None))
    line = {
        "name": recipe.name,
        "version": version.id,
        "run_id": runs[-1]["run_id"],
        "rows": found.rows,
        "loss": found.loss,
        "slices": found.slices,
        "published": round(found.published, 4),
        "is_step": found.is_step,
    }
    store.add_receipt(FINAL, version.id, line)
    return {**line, "again": False}


def lines(scored: dict[str, Any]) -> list[str]:
    """Return what a release came to, a line each."""
    loss = scored["loss"]
    base, tuned, change = (loss[key] for key in ("base", "tuned", "change"))
    spread = "" if change["low"] is None else f", 95 % [{change['low']:+.4f}, {change['high']:+.4f}]"
    said = [
        f"final, {scored['rows']:,} sealed rows: {base['value']:.4f} to {tuned['value']:.4f} nat/token "
        f"({change['value']:+.4f}{spread})"
    ]
    for part in scored["slices"] if len(scored["slices"]) > 1 else []:
        said.append(f"  {part['slice']}: {part['base']['value']:.4f} to {part['tuned']['value']:.4f}")
    step = "" if scored["is_step"] else ": no step that its rows can tell from the best release before"
    said.append(f"publish {scored['published']:.4f} nat/token{step}")
    if scored["again"]:
        said.append(f"scored at {scored['at']}; a version is scored on `final` once")
    return said
