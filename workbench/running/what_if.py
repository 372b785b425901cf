"""curate --what-if: which rows other bounds would take or give back, from what the candidate keeps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.markup import escape
from rich.table import Table

from tilth.curation.curate import inputs_digest
from tilth.curation.feedback.admission import admit
from tilth.curation.run.provenance import recipe_digest
from tilth.curation.run.replay import measuring_keys, replay, unlike
from tilth.shards.diff import changes
from tilth.shards.errors import UsageError
from tilth.shards.ledger import first_occurrences
from tilth.shards.tables import WEIGHT_UNIT, Verdict
from tilth.workbench.recipes.recipe_file import load
from tilth.workbench.screen import shown
from tilth.workbench.session import open_store

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.shards.store import Store
    from tilth.shards.version import Version
    from tilth.workbench.recipes.sections import Recipe

SECTION = "curation."
SAID = ("verdict", "stage", "reason", "value", "threshold", "witness_id", "split", "weight")
_KEPT = Verdict.KEEP.value


def facts(
    recipe_path: Path, overrides: tuple[str, ...], bounds: tuple[str, ...], store_path: Path | None
) -> dict[str, Any]:
    """Return what would change in the candidate if the recipe had these bounds; nothing is written but cache.

    bounds: KEY=VALUE below `curation`. Keys: version, bounds, kept (before and after), reasons (verdict, stage,
    reason, goes, comes), changes (change -> rows) and rows, each with its id, place, what decided before and
    after. Raises UsageError for a key that decides what is measured, and where the version is not of this
    recipe.
    """
    settings = tuple(bound if bound.startswith(SECTION) else SECTION + bound for bound in bounds)
    before = load(recipe_path, overrides)
    after = load(recipe_path, overrides + settings, option="--what-if")
    store = open_store(recipe_path, store_path)
    version = _candidate(before, store, measuring_keys(before.curation, after.curation))
    admission = admit(store, after.name, version, _inputs(version, after), after.curation.pushback)
    digests = version.rows(["text_digest"])["text_digest"]
    old = version.decisions().with_columns(digests)
    new = replay(version, after.curation, admission, store.cache).with_columns(digests)
    return {
        "version": version.id,
        "bounds": [setting.removeprefix(SECTION) for setting in settings],
        "kept": {"before": _kept(old), "after": _kept(new)},
        "reasons": _by_reason(old, new),
        **_rows(version, old, new),
    }


def _candidate(recipe: Recipe, store: Store, measuring: list[str]) -> Version:
    """Return the candidate, if a replay from it is what a full curate would say."""
    full = f"run: curate {recipe.path.name}"
    if measuring:
        raise UsageError(
            f"--what-if {measuring[0]}",
            "this is no bound: it decides what is measured or how text is rewritten",
            "Nothing was replayed",
            f"{full} --dry-run --set curation.{measuring[0]}=…",
        )
    version = store.candidate(recipe.name)
    if version is None:
        raise UsageError(recipe.path.name, f"there is no version of {recipe.name!r} yet", "", full)
    if other := unlike(version, recipe.curation):
        raise UsageError(
            recipe.path.name,
            f"version {version.short} was measured otherwise: {', '.join(other)} changed since",
            "Nothing was replayed",
            full,
        )
    return version


def _inputs(version: Version, recipe: Recipe) -> str:
    return inputs_digest(version.manifest.sources, recipe_digest(recipe.sources, recipe.curation))


def _kept(decisions: pl.DataFrame) -> int:
    return int((decisions["verdict"] == _KEPT).sum())


def _by_reason(old: pl.DataFrame, new: pl.DataFrame) -> list[dict[str, Any]]:
    """Return, per rule, how many rows it would take that are kept (goes), and give back (comes)."""
    was_kept, is_kept = old["verdict"] == _KEPT, new["verdict"] == _KEPT
    by = ["verdict", "stage", "reason"]
    counted = pl.concat(
        [
            frame.filter(rows).select(pl.col("verdict").cast(pl.String), "stage", "reason", move=pl.lit(move))
            for frame, rows, move in ((new, was_kept & ~is_kept, "goes"), (old, ~was_kept & is_kept, "comes"))
        ]
    )
    return (
        counted.group_by(by)
        .agg(goes=(pl.col("move") == "goes").sum(), comes=(pl.col("move") == "comes").sum())
        .sort(by)
        .to_dicts()
    )


def _rows(version: Version, old: pl.DataFrame, new: pl.DataFrame) -> dict[str, Any]:
    """Return `changes`, as `tilth diff` counts them, and `rows`: those whose verdict or reason would change."""
    changed = changes(old, new)
    counts = dict(changed.group_by("change").len().sort("change").iter_rows())
    ids = changed.filter(pl.col("change").is_in(["verdict", "reason"])).select("row_id").unique()
    places = first_occurrences(version.occurrences())
    named = places.select(witness_id="row_id", witness=pl.format("{}:{}", "source_path", "line"))
    listed = ids.join(places, on="row_id").sort("source_path", "line")
    for decisions, when in ((old, "before"), (new, "after")):
        said = decisions.select("row_id", *SAID).join(named, on="witness_id", how="left").drop("witness_id")
        said = said.with_columns(pl.col("verdict", "split").cast(pl.String), pl.col("weight") / WEIGHT_UNIT)
        struct = pl.struct(pl.exclude("row_id")).alias(when)
        listed = listed.join(said.select("row_id", struct), on="row_id", maintain_order="left")
    plain = listed.with_columns(pl.col("row_id").bin.encode("hex"))
    return {"changes": {str(change): rows for change, rows in counts.items()}, "rows": plain.to_dicts()}


def show(screen: Console, found: dict[str, Any], shown_rows: int) -> None:
    """Print how many rows would come and go, and the first of them."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("verdict", "stage", "reason", "would go", "would come"):
        table.add_column(title, justify="right" if title.startswith("would") else "left")
    for line in found["reasons"]:
        table.add_row(*(str(line[key]) for key in ("verdict", "stage", "reason")),
                      f"{line['goes']:,}", f"{line['comes']:,}")  # fmt: skip
    if found["reasons"]:
        screen.print(table)
    for row in found["rows"][:shown_rows]:
        was, now = (_words(row[when]) for when in ("before", "after"))
        screen.print(f"{row['row_id'][:12]} {shown(row['source_path'])}:{row['line']}  {was} → {now}")
    if len(found["rows"]) > shown_rows:
        screen.print(f"… {len(found['rows']) - shown_rows:,} more (--rows N, or --json for all)")
    others = ", ".join(f"{n:,} rows another {change}" for change, n in found["changes"].items()
                       if change in ("split", "weight"))  # fmt: skip
    if others:
        screen.print(f"of the rows kept either way: {others}")
    kept = found["kept"]
    moves = [sum(line[key] for line in found["reasons"]) for key in ("goes", "comes")]
    screen.print(
        f"[bold]{kept['before']:,} kept → {kept['after']:,}[/] with {escape(', '.join(found['bounds']))}: "
        f"{moves[0]:,} would go, {moves[1]:,} would come; nothing was changed"
    )


def _words(said: dict[str, Any]) -> str:
    """Return a decision in a few words: the rule, its value beside the bound, the witness."""
    if said["verdict"] == _KEPT:
        return f"kept ({said['split']})"
    words = f"{said['verdict']} {said['stage']}: {said['reason']}"
    if said["value"] is not None and said["threshold"] is not None:
        words += f" {said['value']:g} (bound {said['threshold']:g})"
    return escape(words + (f", like {said['witness']}" if said["witness"] else ""))
