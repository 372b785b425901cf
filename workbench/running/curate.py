"""Curation as a person runs it: a request from the recipe, the run, its page, and what the screen says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from tilth.curation.curate import Outcome, Progress, Request, curate
from tilth.curation.reading.decompress import SUFFIXES
from tilth.curation.reading.files import find_files
from tilth.curation.reading.remote import is_remote
from tilth.curation.run.executor import executor
from tilth.shards import disk
from tilth.shards.digest import canonical_json
from tilth.shards.lock import temporary
from tilth.shards.sealed import read_sealed, write_sealed
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.validators import report
from tilth.validators.metrics import Tables
from tilth.validators.report import read_facts
from tilth.workbench.looking.failures import FOLDER, write_failures
from tilth.workbench.looking.readings import show_readings
from tilth.workbench.looking.tags import write_tags
from tilth.workbench.screen import shown
from tilth.workbench.session import open_store, show_reasons, store_path_of

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.workbench.recipes.sections import Recipe


# Bytes of disk a byte of JSON lines takes at the fullest, measured on texts that hardly compress: 12.5 MB for 3.4 MB.
DISK_FACTOR = 4
UNPACKED = 4
MAX_TAGS_SHOWN = 8


@contextmanager
def store_for(recipe: Path, store_path: Path | None, *, dry_run: bool) -> Iterator[Store]:
    """Open the store of a recipe; for a dry run a copy that is thrown away."""
    if not dry_run:
        yield open_store(recipe, store_path)
        return
    real = store_path_of(recipe, store_path)
    with temporary() as folder:
        copy = folder / "store"
        if real.is_dir():
            skipped = shutil.ignore_patterns("runs", "reports", "tmp", "cache")
            shutil.copytree(real, copy, ignore=skipped)
        yield Store.open(copy)


def request_of(recipe: Recipe) -> Request:
    """Return what curation needs of a recipe."""
    return Request(
        name=recipe.name,
        sources=recipe.sources,
        recipe=recipe.curation,
        checks=recipe.checks,
        base_dir=recipe.base_dir,
        limits=recipe.limits,
        strict=recipe.strict,
        expectations=recipe.expectations(),
    )


def curate_recipe(recipe: Recipe, store: Store, *, on_progress: Progress | None = None) -> Outcome:
    """Curate and, if a version was published, keep its figures in a receipt."""
    chosen = executor(recipe.curation.executor)
    try:
        outcome = curate(request_of(recipe), store, executor=chosen, on_progress=on_progress)
    except Exception as error:
        if disk.is_full(error):
            raise disk.full(store.root, needed_bytes(recipe)) from error
        raise
    if outcome.published:
        figures = {
            "seconds": round(outcome.seconds, 3),
            "rewritten": outcome.rewritten,
            "readings": outcome.readings,
            "unfinished_files": outcome.unfinished_files,
            "recipe": recipe.path.name,
        }
        store.add_receipt("curate", outcome.version.id, figures)
    return outcome


def needed_bytes(recipe: Recipe) -> int | None:
    """Return about what a curation takes of the disk at its fullest: scratch, evidence and the version.

    None where a source is not on this machine. Compressed files are counted as if they unpack to UNPACKED times.
    """
    if any(is_remote(source.path) for source in recipe.sources):
        return None
    files = find_files(list(recipe.sources), recipe.base_dir, recipe.base_dir, recipe.limits)
    sizes = ((file.local.stat().st_size, file.local.suffix in SUFFIXES) for file in files)
    return sum(DISK_FACTOR * size * (UNPACKED if packed else 1) for size, packed in sizes)


def parent_of(store: Store, version: Version) -> Version | None:
    """Return the version that `version` was made from, or None for the first."""
    return store.version(version.manifest.parent) if version.manifest.parent else None


def page_dir(store: Store, version: Version) -> Path:
    """Return the folder of a version's page."""
    return store.root / "reports" / version.short


def write_page(recipe: Recipe, store: Store, outcome: Outcome) -> Path:
    """Write the data page of the outcome's version, with its tags beside it, and return its path.

    The page of a run that changed nothing stays, if it would be written the same.
    """
    folder = page_dir(store, outcome.version)
    mark = store.cache / f"page-{outcome.version.short}.json"
    next_step = (
        _next_of_run(recipe, store, outcome.version) if outcome.passed and not outcome.published else ""
    )
    how = canonical_json(
        [recipe.report.model_dump(mode="json"), recipe.path.name, next_step, metadata.version("tilth")]
    )
    if outcome.is_repeat and _is_written(folder / report.PAGE, mark, how):
        return folder / report.PAGE
    facts = report.data_report(
        outcome.version,
        parent_of(store, outcome.version),
        report.Curated(
            outcome.checks,
            [named(action, recipe) for action in outcome.steering.actions],
            targets=recipe.curation.targets(),
            held_out=recipe.curation.held_out(),
            phases=recipe.curation.phases(),
            tags=outcome.tags,
            rewrites=outcome.rewrites,
            readings=outcome.readings,
            unfinished=outcome.unfinished_files,
            recipe_path=recipe.path.name,
        ),
        recipe.report,
    )
    facts["next"] = next_step or facts["next"]
    page = report.data_page(folder, facts)
    write_tags(folder, outcome.tags)
    version = outcome.version
    tables = Tables(version.occurrences(), version.rows(), version.decisions(), version.measures([]))
    write_failures(
        folder, recipe.name, outcome.checks, tables, version.turns if recipe.report.examples else None
    )
    write_sealed(mark, how)
    return page


def _is_written(page: Path, mark: Path, how: bytes) -> bool:
    try:
        return page.is_file() and page.with_name(report.FACTS).is_file() and read_sealed(mark) == how
    except (OSError, ValueError):
        return False


def _next_of_run(recipe: Recipe, store: Store, version: Version) -> str:
    """Return where the finished run of this recipe on a version leads, or "": it is not to be trained again."""
    if recipe.training is None:
        return ""
    from tilth.workbench.running.train import request_of

    page = store.root / "runs" / request_of(recipe, version).run_id / report.PAGE
    if not page.with_name(report.FACTS).is_file():
        return ""
    facts = read_facts(page)
    return f"{facts['next']}  (trained already: run {facts['run_id']}, {facts['verdict']})"


def named(action: dict[str, Any], recipe: Recipe) -> dict[str, Any]:
    """Return an action whose reversing command names this recipe."""
    return {**action, "reverse": action["reverse"].replace("RECIPE", recipe.path.name)}


def as_dict(outcome: Outcome, page: Path, *, dry_run: bool) -> dict[str, Any]:
    """Return the outcome as plain JSON values."""
    manifest = outcome.version.manifest
    return {
        "id": outcome.version.id,
        "content_id": manifest.content_id,
        "parent": manifest.parent,
        "published": outcome.published and not dry_run,
        "dry_run": dry_run,
        "passed": outcome.passed,
        "counts": manifest.counts,
        "checks": {c.name: c.passed for c in outcome.checks},
        "feedback": manifest.feedback,
        "unread_feedback": outcome.unread_feedback,
        "unread_reasons": outcome.unread_reasons,
        "actions": outcome.steering.actions if outcome.published else [],
        "rewritten": outcome.rewritten,
        "readings": outcome.readings,
        "unfinished_files": outcome.unfinished_files,
        "seconds": round(outcome.seconds, 3),
        "page": None if dry_run else str(page),
    }


def show_outcome(screen: Console, recipe: Recipe, outcome: Outcome, page: Path, *, dry_run: bool) -> None:
    """Print where every line went, what changed and what to do next."""
    facts = read_facts(page)
    show_readings(screen, facts["readings"])
    _show_taken(screen, facts)
    _show_tagged(screen, facts)
    for path, problem in outcome.unfinished_files.items():
        screen.print(f"[yellow]note[/] {shown(path)}: not all of it was read ({problem})")
    if outcome.published:
        _show_steered(screen, facts)
    for check in outcome.checks:
        if not check.passed:
            colour = "red" if check.blocks else "yellow"
            screen.print(
                f"[{colour}]{check.severity}[/] {escape(check.name)}: {check.value} is not "
                f"{check.operator} {check.bound}{escape(f' ({check.note})' if check.note else '')}"
            )
    if not outcome.passed and (page.parent / FOLDER).is_dir():
        screen.print(f"rows of failing checks: {shown(page.parent / FOLDER)}")
    screen.print(conservation(outcome.version))
    if dry_run:
        screen.print("dry run: nothing was published")
        return
    state = "published" if outcome.published else "nothing new, still"
    screen.print(
        f"[bold]{facts['verdict']}[/]  {state} {recipe.name} {outcome.version.short}  ({outcome.seconds:.1f} s)"
    )
    show_reasons(screen, facts)
    if outcome.unread_feedback:
        screen.print(f"{outcome.unread_feedback} feedback record(s) changed nothing:")
        for reason in outcome.unread_reasons:
            screen.print(f"  {escape(reason)}")
    screen.print(f"page: {shown(page)}\nnext: {escape(facts['next'])}")


def _show_taken(screen: Console, facts: dict[str, Any]) -> None:
    """Print what each rule took, and name those that took more than 2 % of a source."""
    taken = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("verdict", "stage", "reason", "lines", "share"):
        taken.add_column(title, justify="right" if title in ("lines", "share") else "left")
    for line in facts["taken"]:
        counts = (f"{line['lines']:,}", f"{line['share']:.1%}")
        taken.add_row(line["verdict"], escape(line["stage"]), escape(line["reason"]), *counts)
    if facts["taken"]:
        screen.print(taken)
    for warning in facts["warnings"]:
        screen.print(
            f"[yellow]note[/] {escape(warning['stage'])}: {escape(warning['reason'])} took {warning['share']:.1%} "
            f"of {shown(warning['source'])} ({warning['lines']:,} lines)"
        )
    for distribution in facts["distributions"]:
        if distribution["note"]:
            screen.print(
                f"[yellow]note[/] balance of {escape(distribution['by'])}: {escape(distribution['note'])}"
            )
    for note in facts["licences"]:
        screen.print(f"[yellow]note[/] licences: {escape(note)}")


def _show_tagged(screen: Console, facts: dict[str, Any]) -> None:
    """Print what rules noticed of rows that stay, the most frequent first."""
    tags = sorted(facts["tags"], key=lambda tag: -tag["rows"])
    if tags:
        told = ", ".join(f"{tag['reason']} {tag['rows']:,}" for tag in tags[:MAX_TAGS_SHOWN])
        rest = f" and {len(tags) - MAX_TAGS_SHOWN} more" if len(tags) > MAX_TAGS_SHOWN else ""
        screen.print(f"tagged and kept: {escape(told)}{rest}; tilth rows --tag NAME lists them")


def _show_steered(screen: Console, facts: dict[str, Any]) -> None:
    """Print what feedback changed, and how each change is taken back."""
    for action in facts["actions"]:
        screen.print(f"[cyan]{action['action']}[/] {shown(action['target'])}: {escape(action['evidence'])}")
        if action["reverse"]:
            screen.print(f"  reverse with: {escape(action['reverse'])}")


def conservation(version: Version) -> str:
    """Return the line that accounts for every input line."""
    c = version.manifest.counts
    return (
        f"{c['lines']:,} lines in = {c['kept']:,} kept + {c['dropped']:,} dropped + "
        f"{c['quarantined']:,} quarantined ({c['unaccounted']} unaccounted for)"
    )
