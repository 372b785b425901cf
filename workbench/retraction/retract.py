"""tilth retract: rows that no version may keep from now on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tilth.shards.errors import UsageError
from tilth.shards.retractions import Kind
from tilth.workbench.retraction.named_rows import Named, about, find

if TYPE_CHECKING:
    import polars as pl

    from tilth.shards.store import Store


def retract(store: Store, named: Named, *, reason: str, yes: bool, dry_run: bool) -> dict[str, Any]:
    """Record that the named rows are to go; return `about` them with number, done and reverse.

    Raises UsageError where nothing is named, or everything without `yes`.
    """
    ids = find(store, named)
    facts = about(store, ids)
    require_meant(facts, "retract", yes=yes)
    done = not dry_run and ids.len() > 0
    entry = store.retract(Kind.RETRACT, ids, chosen_by=named.by, reason=reason) if done else None
    return {
        **facts,
        "done": done,
        "number": entry and entry.number,
        "reverse": entry and f"tilth retract --undo {entry.number}",
    }


def undo(store: Store, number: int, *, reason: str) -> dict[str, Any]:
    """Take a retraction back. Raises UsageError where there is none, or its rows were erased."""
    entry = store.retractions.entry(number)
    if entry.record.kind is not Kind.RETRACT:
        raise UsageError(
            f"retraction {number}",
            f"it is of kind {entry.record.kind.value}",
            "Nothing was changed",
            "Only a retraction can be taken back; an erased text is gone",
        )
    if entry.digest not in {held.digest for held in store.retractions.effective()}:
        raise UsageError(f"retraction {number}", "it was taken back before", "Nothing was changed")
    ids: pl.Series = store.objects.frame(entry.record.rows)["row_id"]
    made = store.retract(Kind.RESTORE, ids, chosen_by=entry.record.chosen_by, reason=reason, of=number)
    return {"number": made.number, "restored": number, "rows": ids.len()}


def require_meant(facts: dict[str, Any], verb: str, *, yes: bool) -> None:
    """Raise UsageError where no row, or every row of a name, is named, unless that is meant."""
    emptied = [name for name, rows in facts["kept"].items() if rows and rows == facts["of"][name]]
    what = ""
    if emptied:
        what = f"all {facts['of'][emptied[0]]:,} rows that {emptied[0]} keeps would go"
    elif not facts["rows"] or not (facts["lines"] or any(facts["kept"].values())):
        what = f"{facts['rows']:,} rows are named, none of which is in the store"
    if what and not yes:
        raise UsageError(
            verb, what, "Nothing was done", f"Say it again with --yes to {verb} {facts['rows']:,} rows"
        )


def lines(facts: dict[str, Any]) -> list[str]:
    """Return what a person is told of a retraction, a line each."""
    kept = ", ".join(
        f"{rows:,} of {facts['of'][name]:,} kept by {name}" for name, rows in facts["kept"].items()
    )
    verb = "retracted" if facts["done"] else "would retract"
    said = [
        f"{verb} {facts['rows']:,} rows ({kept or 'no version keeps any'}), {facts['lines']:,} lines of input"
    ]
    for name, rows in facts["returning"].items():
        if rows:
            said.append(
                f"{rows:,} rows of {name} that said the same come back; --with-duplicates takes them too"
            )
    for model in facts["models"]:
        said.append(
            f"run {model['run_id']} learned {model['rows']:,} of them: train again on the next version"
        )
    if facts["done"]:
        said += ["next: curate RECIPE", f"take this back with: {facts['reverse']}"]
    return said
