"""Rows that are retracted leave the next version everywhere, and what they suppressed comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.workbench.conftest import Done
from tilth.shards.store import Store

Run = Callable[..., Done]


@pytest.fixture
def twins(recipe: Path) -> Path:
    """A recipe whose rows hold one that is suppressed by a longer one that says the same."""
    words = "the lamp of Nerith came on day 12 with a scratch on the base and a torn cord beside the plug, who mends it"
    rows = [
        {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": "Bring it to the desk."}],
         "topic": "repairs"} for asked in (f"{words}, and when?", f"{words}, and when?!")
    ]  # fmt: skip
    with (recipe.parent / "rows.jsonl").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return recipe


def fates(recipe: Path) -> dict[str, tuple[str, str]]:
    """Return verdict and reason of each row of the candidate, by id."""
    version = Store.open(recipe.parent / ".tilth").candidate("desk")
    return {
        row.hex(): (verdict, reason)
        for row, verdict, reason in version.decisions().select("row_id", "verdict", "reason").iter_rows()
    }


def test_a_retracted_row_goes_and_what_it_suppressed_comes_back(run: Run, twins: Path) -> None:
    assert run("curate", twins).code == 0
    before = fates(twins)
    version = Store.open(twins.parent / ".tilth").candidate("desk")
    near = version.decisions().filter(pl.col("reason") == "near_duplicate")
    assert near.height == 1
    witness, other = near["witness_id"][0].hex(), near["row_id"][0].hex()
    done = run("tilth", "retract", witness[:12], "--reason", "asked for", "--json")
    assert done.code == 0, done.err
    assert done.json["returning"] == {"desk": 1} and done.json["kept"] == {"desk": 1}
    assert run("curate", twins).code == 0
    after = fates(twins)
    assert after[witness] == ("drop", "retracted") and after[other] == ("keep", None)
    assert {row for row in after if after[row] != before[row]} == {witness, other}
    assert (
        not Store.open(twins.parent / ".tilth")
        .candidate("desk")
        .turns(pl.Series([bytes.fromhex(witness)], dtype=pl.Binary))
        .height
    )
    assert run("curate", twins, "--json").json["published"] is False
    assert run("tilth", "retract", "--undo", 1, "--json").json["rows"] == 1
    assert run("curate", twins).code == 0
    assert fates(twins) == before
    assert run("tilth", "verify").code == 0


def test_what_if_keeps_to_the_retractions(run: Run, twins: Path) -> None:
    assert run("curate", twins).code == 0
    assert run("tilth", "retract", "rows.jsonl:1").code == 0
    assert run("curate", twins).code == 0
    found = run("curate", twins, "--what-if", "dedup.near_jaccard=0.8", "--json")
    assert found.code == 0, found.err
    assert found.json["changes"] == {} or not any(found.json["changes"].values()), found.json


def test_train_wants_a_version_without_the_retracted_rows(run: Run, twins: Path) -> None:
    from tilth.workbench.recipes.recipe_file import load
    from tilth.workbench.running.train import what_changed

    assert run("curate", twins).code == 0
    store = Store.open(twins.parent / ".tilth")
    assert what_changed(load(twins), store, store.candidate("desk")) == ""
    assert run("tilth", "retract", "rows.jsonl:2").code == 0
    assert what_changed(load(twins), store, store.candidate("desk")) == "rows were retracted"


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        (("--where", 'pl.col("response").str.contains("Nerith")'), 15),
        (("--where", 'pl.col("topic") == "repairs"'), 62),
        (("rows.jsonl:1", "rows.jsonl:2"), 2),
        (("rows.jsonl:1", "--source", "rows.jsonl", "--yes"), 123),
    ],
)
def test_rows_are_named_by_place_source_or_expression(
    run: Run, twins: Path, words: tuple[str, ...], rows: int
) -> None:
    assert run("curate", twins).code == 0
    done = run("tilth", "retract", *words, "--dry-run", "--json")
    assert done.code == 0, done.err
    assert done.json["rows"] == rows and not done.json["done"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "none are named"),
        (("beef",), "no version has such a row"),
        (("0" * 32,), "none of which is in the store"),
        (("--where", 'pl.col("text").str.contains("no such word")'), "0 rows are named"),
        (("--source", "rows"), "all 120 rows that desk keeps would go"),
        (("--where", "os.system('x')"), "unknown"),
        (("--undo", "7"), "there is no such record"),
    ],
)
def test_what_names_nothing_or_everything_is_asked_about(
    run: Run, recipe: Path, words: tuple[str, ...], said: str
) -> None:
    assert run("curate", recipe).code == 0
    done = run("tilth", "retract", *words)
    assert done.code == 2 and said in done.err, done.err
    assert Store.open(recipe.parent / ".tilth").retractions.entries() == []
