"""Printing what a store holds: log, show, diff, explain, verify, export, rollback, gc."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import polars as pl
from rich.markup import escape
from rich.table import Table

from tilth.shards import diff as diffing
from tilth.shards import explain as explaining
from tilth.shards.errors import UsageError
from tilth.shards.export import export as export_version
from tilth.shards.store import Store
from tilth.shards.tables import Split
from tilth.shards.version import SHORT_HEX, Version
from tilth.workbench.looking.differences import mark
from tilth.workbench.session import console, in_brackets, print_json

MAX_TEXT_CHARS = 600
SPLITS = [split.value for split in Split]
# Balance moves every weight a little when rows come or go: such changes stand after all others, the largest first.
WEIGHTS_LAST = (
    pl.when(pl.col("change") == "weight")
    .then(10.0 - (pl.col("weight_after") / pl.col("weight_before")).log().abs())
    .otherwise(0.0)
)


def open_existing(path: Path) -> Store:
    """Open a store that must be there already."""
    if not (path / "format").is_file():
        raise UsageError(
            str(path), "there is no store here", next_step="run curate first, or name the folder with --store"
        )
    return Store.open(path)


def only_name(store: Store, name: str | None) -> str:
    """Return `name`, or the only name of the store."""
    names = store.names()
    if name is None and len(names) != 1:
        raise UsageError(
            str(store.root),
            f"holds {len(names)} names",
            next_step=f"name one of: {', '.join(names) or 'none yet'}",
        )
    return name or names[0]


def log(store_path: Path, name: str | None, *, as_json: bool) -> None:
    """Print the versions of a name, newest first."""
    store = open_existing(store_path)
    entries = store.log(only_name(store, name))
    if as_json:
        print_json(entries)
        return
    table = _table("version", "published", "kept", "dropped", "quarantined", "feedback", "checks", "refs")
    for entry in entries:
        counts, failed = entry["counts"], [n for n, ok in entry["checks"].items() if not ok]
        table.add_row(
            entry["id"][:SHORT_HEX],
            str(entry["published_at"] or "")[:19],
            *(f"{counts[k]:,}" for k in ("kept", "dropped", "quarantined")),
            str(len(entry["feedback"])),
            "failed: " + ", ".join(failed) if failed else "passed",
            ", ".join(entry["refs"]),
        )
    console().print(table)


def show(store_path: Path, version_id: str, *, as_json: bool) -> None:
    """Print the manifest of a version."""
    import json

    version = open_existing(store_path).version(version_id)
    manifest = json.loads(version.manifest.to_bytes())
    if as_json:
        print_json({"id": version.id, **manifest})
        return
    screen = console()
    screen.print(f"[bold]{manifest['name']}[/] {version.id}")
    for key in ("content_id", "parent", "recipe_digest", "sources", "feedback"):
        value = manifest[key]
        shown = ", ".join(value) if isinstance(value, list) else value
        screen.print(f"{key.replace('_', ' '):<16} {shown or '–'}")
    counts = manifest["counts"]
    for key in sorted(counts, key=lambda key: (key in SPLITS, key)):
        screen.print(f"{'split ' + key if key in SPLITS else key:<16} {counts[key]:,}")
    paths = version.occurrences().group_by("source_path").len().sort("source_path")
    for path, lines in paths.iter_rows():
        screen.print(f"{'source':<16} {escape(path)} ({lines:,} lines)")


def diff(store_path: Path, old_id: str, new_id: str, *, max_rows: int, as_json: bool) -> None:
    """Print what changed between two versions, row by row, with the reason of each change."""
    store = open_existing(store_path)
    old, new = store.version(old_id), store.version(new_id)
    changes = (
        diffing.diff(old, new).with_columns(pl.col("row_id").bin.encode("hex")).sort(WEIGHTS_LAST, "row_id")
    )
    if as_json:
        print_json(
            {"old": old.id, "new": new.id, "feedback": new.manifest.feedback, "rows": changes.to_dicts()}
        )
        return
    screen = console()
    counts = changes.group_by("change").len().sort("change")
    summary = ", ".join(f"{n:,} {change}" for change, n in counts.iter_rows()) or "no row changed"
    screen.print(f"{old.short} → {new.short}: {summary}")
    if new.manifest.feedback and new.manifest.feedback != old.manifest.feedback:
        screen.print(f"feedback read: {', '.join(d[:SHORT_HEX] for d in new.manifest.feedback)}")
    table = _table("row", "change", "before", "after", "reason")
    for line in changes.head(max_rows).iter_rows(named=True):
        table.add_row(line["row_id"][:SHORT_HEX], line["change"], *_sides(line))
    if changes.height:
        screen.print(table)
    if changes.height > max_rows:
        screen.print(f"… and {changes.height - max_rows:,} more (--rows N, or --json for all)")
    screen.print(f"take it back with: tilth rollback {new.manifest.name} --to {old.short}")


def _sides(line: dict[str, Any]) -> tuple[str, str, str]:
    """Return what a changed row was, what it is, and why."""
    if line["change"] == "weight":
        return f"{line['weight_before'] / 1e6:g}", f"{line['weight_after'] / 1e6:g}", "pushback or balance"
    if line["change"] == "split":
        return line["split_before"], line["split_after"], ""
    reason = " ".join(part for part in (line["stage_after"], line["reason_after"]) if part)
    before = " ".join(p for p in (line["verdict_before"], line["stage_before"], line["reason_before"]) if p)
    return before, line["verdict_after"] or "", reason


def explain(store_path: Path, row: str, version_id: str | None, *, as_json: bool) -> None:
    """Print why one row stayed or went, with its witness side by side."""
    store = open_existing(store_path)
    version = store.version(version_id) if version_id else _newest(store)
    facts = explaining.explain(version, row)
    if as_json:
        print_json(facts)
        return
    screen, line = console(), facts["line"]
    if facts["row_id"] is None:
        screen.print(f"{line['source_path']}:{line['line']}: quarantined by the reader: {line['reason']}")
        return
    decision = facts["decision"]
    places = ", ".join(f"{o['source_path']}:{o['line']}" for o in facts["occurrences"][:5])
    screen.print(f"[bold]{facts['row_id'][:SHORT_HEX]}[/]  in {version.short}  from {escape(places)}")
    verdict = " ".join(str(decision[k]) for k in ("verdict", "stage", "reason") if decision[k])
    bound = ""
    if decision["value"] is not None:
        bound = f"  value {decision['value']:g}"
        if decision["threshold"] is not None:
            bound += f", bound {decision['threshold']:g}"
    turn = f"  in turn {decision['turn']}" if decision["turn"] is not None else ""
    screen.print(f"{escape(verdict)}{bound}{turn}")
    if decision["note"]:
        screen.print(escape(decision["note"]))
    if decision["split"]:
        screen.print(
            f"split {decision['split']}, fold {decision['fold']}, slice {escape(decision['slice'] or '')}, "
            f"weight {decision['weight'] / 1e6:g}"
        )
    for record in facts["feedback"]:
        screen.print(
            f"feedback {record['record'][:SHORT_HEX]}: {record['finding']}  {escape(record['evidence'] or '')}"
        )
    _print_texts(screen, facts)


def _print_texts(screen: Any, facts: dict[str, Any]) -> None:
    text, witness = _flat(facts["turns"]), facts["witness"]
    if witness is None:
        screen.print(escape(text))
        return
    place = witness["occurrences"][0]
    left, right = (in_brackets(screen, said) for said in mark(text, _flat(witness["turns"])))
    table = _table(
        "this row", f"kept witness {witness['row_id'][:SHORT_HEX]}, {place['source_path']}:{place['line']}"
    )
    table.add_row(left, right)
    screen.print(table)


def _flat(turns: list[dict[str, Any]]) -> str:
    said = "\n".join(f"{t['role']}: {t['text'] or ''}{t['tool_calls'] or ''}" for t in turns)
    return said if len(said) <= MAX_TEXT_CHARS else said[:MAX_TEXT_CHARS] + "…"


def verify(store_path: Path, version_id: str | None) -> None:
    """Check digests, closure, counts and conservation; exit 1 naming each problem."""
    store = open_existing(store_path)
    version = store.version(version_id) if version_id else None
    problems = store.verify(version)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        sys.exit(1)
    what = f"version {version.short}" if version else f"{len(store.version_ids())} version(s)"
    print(f"{what}: every byte is as it was written")


def export(store_path: Path, version_id: str, folder: Path) -> None:
    """Write a version as a dataset folder."""
    out = export_version(open_existing(store_path).version(version_id), folder)
    print(f"{out}\nread it with: datasets.load_dataset({str(out)!r})")


def rollback(store_path: Path, name: str, to: str | None) -> None:
    """Move the refs of a name back."""
    store = open_existing(store_path)
    before = store.candidate(name)
    version = store.rollback(name, to)
    print(f"{name} is {version.short} again")
    if before is not None:
        print(f"take this back with: tilth rollback {name} --to {before.short}")


def gc(store_path: Path, *, keep: int, dry_run: bool) -> None:
    """Remove what nothing names any more."""
    facts = open_existing(store_path).gc(keep=keep, dry_run=dry_run)
    kept = {kind: facts.pop(f"{kind}_kept") for kind in ("versions", "objects")}
    went, stays = (", ".join(f"{n:,} {kind}" for kind, n in part.items()) for part in (facts, kept))
    print(f"{'would remove' if dry_run else 'removed'} {went}; kept {stays}")


def _newest(store: Store) -> Version:
    version = store.candidate(only_name(store, None))
    if version is None:
        raise UsageError(str(store.root), "there is no version yet", next_step="run: curate RECIPE")
    return version


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in titles:
        table.add_column(title, overflow="fold")
    return table
