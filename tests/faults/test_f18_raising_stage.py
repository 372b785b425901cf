"""Fault 18: a stage that raises. One row goes, not its batch; above a limit the run stops and names the stage."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import polars as pl
import pytest

from tilth.curation.run.executor import LocalExecutor
from tilth.curation.stage import Phase, Rule, stage
from tilth.shards.errors import TilthError
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.workbench.recipes.recipe_file import load
from tilth.workbench.recipes.sections import Recipe
from tilth.workbench.running.curate import curate_recipe

ROWS, EVERY = 6_000, 1_000
SECRET = "confidential text of a row"


@stage("brittle", order=45)
@dataclass(frozen=True)
class Brittle:
    """Raises, with the text of the row in its message, on every batch that holds a marked row."""

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "row"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        marked = turns.filter(pl.col("text").str.contains(SECRET, literal=True))
        if marked.height:
            raise ValueError(f"cannot judge {marked['text'][0]}")
        return turns.select("row_id").unique(maintain_order=True).with_columns(ok=pl.lit(1.0))

    def rules(self) -> tuple[Rule, ...]:
        return (Rule("ok", "not_ok", low=1.0),)


@dataclass(frozen=True)
class BrittleBarrier:
    """Raises on all rows at once."""

    phase: ClassVar[Phase] = Phase.CONFLICT

    def evidence(self, rows: pl.DataFrame, texts: Any) -> pl.DataFrame:
        raise KeyError(texts.prompts(rows["row_id"])[0] + SECRET)

    def decide(self, rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        return evidence


def loaded(folder: Path, marked: int, *stages: object) -> Recipe:
    """Return a recipe over ROWS rows of which every `marked`-th makes the stage raise."""
    texts = [f"{SECRET} {n}" if n % marked == 0 else f"an answer to question {n}" for n in range(ROWS)]
    lines = [json.dumps({"instruction": f"question {n}?", "output": text}) for n, text in enumerate(texts)]
    (folder / "rows.jsonl").write_text("\n".join(lines))
    path = folder / "recipe.yaml"
    path.write_text(
        "name: brittle\nsources: [{path: rows.jsonl}]\ncuration: {dedup: null, impossible: null}\n"
    )
    found = load(path)
    order = sorted([*found.curation.stages, *stages], key=lambda s: (s.phase, s.order, s.name))
    return replace(found, curation=replace(found.curation, stages=tuple(order)))


def curated(folder: Path, marked: int, *stages: object) -> Version:
    return curate_recipe(loaded(folder, marked, *stages), Store.open(folder / ".tilth")).version


def test_only_the_rows_that_raise_are_set_aside(tmp_path: Path) -> None:
    version = curated(tmp_path, EVERY, Brittle())
    raised = version.ledger().filter(pl.col("reason") == "stage_raised")
    assert raised["line"].to_list() == list(range(1, ROWS + 1, EVERY))
    assert set(raised["verdict"]) == {"quarantine"} and set(raised["stage"]) == {"brittle"}
    assert version.manifest.counts["kept"] == ROWS - ROWS // EVERY
    assert version.measures(["brittle.raised"])["brittle.raised"].sum() == ROWS // EVERY


def test_above_the_limit_the_run_stops_with_the_name_of_the_stage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TilthError, match=r"curation\.brittle: raised ValueError on 101 rows") as stopped:
        curated(tmp_path, 10, Brittle())
    said = "".join(traceback.format_exception(stopped.value)) + caplog.text
    assert SECRET not in said
    assert not list((tmp_path / ".tilth" / "versions").glob("*"))


def test_a_limit_in_the_recipe_holds(tmp_path: Path) -> None:
    found = loaded(tmp_path, 10, Brittle())
    raised = replace(found, curation=replace(found.curation, max_raised=0.1))
    version = curate_recipe(raised, Store.open(tmp_path / ".tilth")).version
    assert version.manifest.counts["quarantined"] == ROWS // 10


def test_a_barrier_that_raises_is_named_without_what_it_says(tmp_path: Path) -> None:
    barrier = stage("brittle_barrier")(BrittleBarrier)()
    with pytest.raises(TilthError, match=r"curation\.brittle_barrier: it raised KeyError") as stopped:
        curated(tmp_path, EVERY, barrier)
    assert SECRET not in "".join(traceback.format_exception(stopped.value))


def fail(number: int) -> None:
    raise TilthError("curation.brittle", f"raised on {number} rows", "Nothing was published", "See the stage")


def test_the_error_crosses_from_a_process_of_the_pool_whole() -> None:
    with pytest.raises(TilthError, match=r"curation\.brittle: raised on 1 rows. Nothing was published"):
        list(LocalExecutor(2).map(fail, list(range(1, 9))))
