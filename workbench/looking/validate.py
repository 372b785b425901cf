"""Judging without curating: a version's bytes and metrics, or the lines of one data file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.markup import escape

from tilth.curation.curate import served_before
from tilth.curation.reading.files import source_of
from tilth.curation.reading.limits import ReadLimits
from tilth.curation.reading.read import ingest
from tilth.curation.run.account import reading_lines
from tilth.curation.run.checkup import Checkup, examine, taken
from tilth.curation.run.expectations import OfVersion, judge_rows
from tilth.shards.atomic import write_file
from tilth.shards.errors import UsageError
from tilth.shards.lock import temporary
from tilth.shards.tables import DECISIONS, OCCURRENCES, ROWS, TURNS, Verdict, conform, empty
from tilth.validators.gate import CheckResult, judge
from tilth.validators.metrics import Tables, measure
from tilth.validators.suite import write_suite
from tilth.validators.verify import verify_version
from tilth.workbench.looking.failures import write_failures
from tilth.workbench.looking.readings import show_readings
from tilth.workbench.recipes.recipe_file import load
from tilth.workbench.screen import shown
from tilth.workbench.session import open_store

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_LINES = 20
JUDGED_ROWS = 20_000


def version_facts(
    recipe_path: Path, store_path: Path | None, version_id: str | None, out: Path | None = None
) -> dict[str, Any]:
    """Verify a version's bytes and hold its metrics and rows against the checks of the recipe as it is now.

    out: a folder for the rows of failing checks and their JUnit XML.
    """
    recipe = load(recipe_path)
    store = open_store(recipe_path, store_path)
    version = store.version(version_id) if version_id else store.candidate(recipe.name)
    if version is None:
        raise UsageError(
            recipe_path.name,
            f"there is no version of {recipe.name!r} yet",
            next_step=f"run: curate {recipe_path.name}",
        )
    verify_version(store, version)
    tables = Tables(version.occurrences(), version.rows(), version.decisions(), version.measures([]))
    before = served_before(store, recipe.name, [source.path for source in recipe.sources], version)
    checks = judge(measure(tables, recipe.curation.held_out(), before), recipe.checks)
    checks += judge_rows(recipe.expectations(), OfVersion(version, tables.rows, tables.decisions))
    if out is not None:
        write_failures(out, recipe.name, checks, tables, version.turns)
    return {
        "kind": "version",
        "id": version.id,
        "passed": not any(check.blocks for check in checks),
        "counts": version.manifest.counts,
        "checks": [_told(check) for check in checks],
    }


def _told(check: CheckResult) -> dict[str, Any]:
    return {
        "name": check.name,
        "severity": check.severity,
        "passed": check.passed,
        "value": check.value,
        "bound": f"{check.operator} {check.bound}",
        "note": check.note,
    }


@dataclass(frozen=True)
class OfFile:
    """The rows of a file that is only read: every one of them is kept, and nothing was measured."""

    rows: pl.DataFrame
    all_turns: pl.DataFrame

    @property
    def decisions(self) -> pl.DataFrame:
        """Every row is kept."""
        return conform(self.rows.select("row_id", verdict=pl.lit(Verdict.KEEP.value)), DECISIONS)

    def measures(self, names: Sequence[str]) -> pl.DataFrame:
        """Return no measure."""
        return self.rows.select([])

    def turns(self, row_ids: pl.Series) -> pl.DataFrame:
        """Return the turns of some rows."""
        return self.all_turns.filter(pl.col("row_id").is_in(row_ids.implode()))


def file_facts(path: Path, by: Path | None = None, out: Path | None = None) -> dict[str, Any]:
    """Read a data file with every guard on and say which lines could not be rows, and why.

    by: a recipe whose expectations are held against the rows. out: as in `version_facts`.
    """
    with temporary() as folder:
        read = ingest([source_of(path)], Path.cwd(), folder, ReadLimits())
        lines = pl.concat(
            [empty(OCCURRENCES), *(pl.read_parquet(part.occurrences, glob=False) for part in read.parts)]
        )
        rows = pl.concat([empty(ROWS), *(pl.read_parquet(part.rows, glob=False) for part in read.parts)])
        shapes = rows["shape"].value_counts(sort=True)
        checks: list[CheckResult] = []
        if by is not None:
            recipe = load(by)
            rows = rows.unique("row_id", keep="first", maintain_order=True).sort("row_id")
            said = [pl.read_parquet(part.turns, glob=False) for part in read.parts]
            judged = OfFile(
                rows, pl.concat([empty(TURNS), *said]).unique(["row_id", "turn"]).sort("row_id", "turn")
            )
            checks = judge_rows(recipe.expectations(), judged)
            if out is not None:
                write_failures(
                    out, recipe.name, checks, Tables(lines, rows, judged.decisions, rows), judged.turns
                )
        seen = None if rows.is_empty() else examine(path, folder / "judged", max_rows=JUDGED_ROWS)
    bad = lines.filter(pl.col("reader_reason").is_not_null())
    return {
        "kind": "file",
        "path": str(path),
        "passed": bad.is_empty() and not rows.is_empty() and not any(check.blocks for check in checks),
        "checks": [_told(check) for check in checks],
        "unfinished": {file.path: file.problem.value for file in read.files if file.problem},
        "lines": lines.height,
        "rows": lines["row_id"].drop_nulls().n_unique(),
        "repeated_lines": lines["row_id"].drop_nulls().len() - lines["row_id"].drop_nulls().n_unique(),
        "shapes": {str(shape): count for shape, count in shapes.iter_rows()},
        "quarantined": bad["reader_reason"].value_counts(sort=True).to_dicts(),
        "readings": reading_lines(read.files),
        "would_take": [] if seen is None else would_take(seen),
        "first_bad_lines": bad.select("line", "reader_reason").head(SHOWN_LINES).to_dicts(),
    }


def save_suite(recipe_path: Path | None, out: Path) -> None:
    """Write what a recipe expects of rows as a Great Expectations suite. Raises UsageError without a recipe."""
    if recipe_path is None:
        raise UsageError(
            "--suite", "there is no recipe to take it from", "Nothing was written", "Say --by RECIPE"
        )
    recipe = load(recipe_path)
    suite = write_suite(recipe.name, recipe.expectations())
    write_file(out, json.dumps(suite, indent=2, ensure_ascii=False).encode() + b"\n")


def would_take(seen: Checkup) -> list[dict[str, Any]]:
    """Return what the default rules of curate would take of the rows, by reason, with the first line of each."""
    first = seen.occurrences.drop_nulls("row_id").unique("row_id", keep="first", maintain_order=True)
    counted = (
        first.join(taken(seen.findings), on="row_id", maintain_order="left")
        .group_by("stage", "reason", maintain_order=True)
        .agg(rows=pl.len(), first=pl.format("{}:{}", "source_path", "line").first())
        .sort("rows", descending=True, maintain_order=True)
    )
    return counted.to_dicts()


def show(screen: Console, facts: dict[str, Any]) -> None:
    """Print the facts of either kind."""
    for check in facts["checks"]:
        mark = "passed" if check["passed"] else f"[red]{check['severity']}[/]"
        note = f" ({check['note']})" if check["note"] else ""
        screen.print(f"{mark:<8} {escape(check['name'])}: {check['value']} {check['bound']}{escape(note)}")
    if facts["kind"] == "version":
        screen.print(f"{facts['id'][:12]}: every byte is as it was written")
        return
    shapes = ", ".join(f"{count:,} {shape}" for shape, count in facts["shapes"].items())
    screen.print(
        f"{shown(facts['path'])}: {facts['lines']:,} lines, {facts['rows']:,} distinct rows ({shapes}), "
        f"{facts['repeated_lines']:,} repeated"
    )
    for line in facts["quarantined"]:
        screen.print(f"  {line['count']:,} lines: {line['reader_reason']}")
    show_readings(screen, facts["readings"])
    for line in facts["would_take"]:
        screen.print(
            f"  curate would take {line['rows']:,} rows: {escape(line['stage'])}: {escape(line['reason'])}, "
            f"first {shown(line['first'])}"
        )
    for line in facts["first_bad_lines"]:
        screen.print(f"  {shown(facts['path'])}:{line['line']}: {line['reader_reason']}")
