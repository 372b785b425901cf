"""The bundled sample, end to end: planted defects are caught, clean rows stay, and the loop closes offline.

Only tests read the planted truth. The bounds were fixed from the world's documented rates, not from results.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from docs import pictures
from tilth.shards.diff import diff
from tilth.shards.digest import file_sha256
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.validators.report import read_facts
from tilth.workbench import session
from tilth.workbench.recipes.recipe_file import load
from tilth.workbench.running.comparison import comparison_dir
from tilth.workbench.running.curate import curate_recipe, parent_of, write_page
from tilth.workbench.running.demo import prepare_sample
from tilth.workbench.running.loop import run_loop

ROOT = Path(__file__).parents[1]
TRUTH = ROOT / "tests" / "data" / "planted_truth.jsonl"
# Kinds that rules decide by themselves, and the share of them that must be taken.
CAUGHT = {
    "conflict": 0.95,
    "contamination": 0.95,
    "echo": 0.95,
    "empty": 0.95,
    "malformed": 1.0,
    "roles": 0.95,
    "template": 0.95,
    "wrong_language": 0.9,
}
MAX_CLEAN_LOSS = 0.01


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of the sample, laid out as the demo does."""
    return prepare_sample(tmp_path_factory.mktemp("sample") / "demo")


@pytest.fixture(scope="module")
def curated(recipe: Path) -> Version:
    """The first version of the sample, its page written."""
    loaded, store = load(recipe), Store.open(recipe.parent / ".tilth")
    outcome = curate_recipe(loaded, store)
    write_page(loaded, store, outcome)
    return outcome.version


@pytest.fixture(scope="module")
def lines(curated: Version) -> pl.DataFrame:
    """The ledger with the planted kinds of each line, joined by +; null for a clean line."""
    planted = [json.loads(line) for line in TRUTH.read_text(encoding="utf-8").splitlines()]
    kinds = (
        pl.DataFrame({"source_path": [f"sources/{p['source']}" for p in planted]})
        .with_columns(
            line=pl.Series([p["line"] for p in planted]), kind=pl.Series([p["kind"] for p in planted])
        )
        .group_by("source_path", "line")
        .agg(pl.col("kind").sort().str.join("+"))
    )
    joined = curated.ledger().join(kinds, on=["source_path", "line"], how="left")
    assert joined["kind"].is_not_null().sum() == kinds.height, "the truth names lines that are not there"
    return joined.with_columns(taken=pl.col("verdict") != "keep")


@pytest.mark.parametrize("kind", CAUGHT)
def test_planted_defects_are_taken(lines: pl.DataFrame, kind: str) -> None:
    planted = lines.filter(pl.col("kind") == kind)
    assert planted.height >= 20
    assert planted["taken"].mean() >= CAUGHT[kind]


def test_of_each_exact_copy_one_row_stays(lines: pl.DataFrame) -> None:
    repeats = lines.filter(pl.col("reason").is_in(["exact_duplicate", "same_text"])).height
    assert repeats >= 0.95 * lines.filter(pl.col("kind") == "exact_copy").height
    kept = lines.filter(~pl.col("taken"))
    assert kept["row_id"].n_unique() == kept.height


def test_clean_rows_stay_unless_they_are_one_of_a_pair(lines: pl.DataFrame) -> None:
    clean = lines.filter(pl.col("kind").is_null())
    alone = clean.filter(pl.col("taken") & ~pl.col("stage").is_in(["dedup", "conflict"]))
    assert alone.height <= MAX_CLEAN_LOSS * clean.height


def test_personal_data_is_redacted_in_what_is_kept(lines: pl.DataFrame, curated: Version) -> None:
    planted = lines.filter((pl.col("kind") == "pii") & ~pl.col("taken"))
    said = curated.turns(planted["row_id"]).group_by("row_id").agg(pl.col("text").str.join("\n"))
    redacted = said["text"].str.contains(r"\[(EMAIL|PHONE|IBAN|CARD|IP|KEY)_1\]")
    assert redacted.mean() >= 0.95


def test_every_line_has_one_fate(curated: Version, lines: pl.DataFrame) -> None:
    counts = curated.manifest.counts
    assert counts["lines"] == counts["kept"] + counts["dropped"] + counts["quarantined"] == lines.height
    assert counts["unaccounted"] == 0


def test_nothing_outside_tests_reads_the_truth() -> None:
    world = {ROOT / "data" / "making" / "world.py", ROOT / "data" / "README.md"}  # writes it, and says so
    for room in ("shards", "curation", "training", "validators", "workbench", "data", "benchmarks"):
        for path in (ROOT / room).rglob("*.*"):
            if path.suffix in (".py", ".yaml", ".md", ".j2") and path not in world:
                assert "planted_truth" not in path.read_text(encoding="utf-8"), path


def test_the_pictures_of_the_readme_show_the_numbers_of_today(curated: Version, recipe: Path) -> None:
    taken = json.loads(pictures.FACTS.read_text(encoding="utf-8"))
    assert taken["recipe"] == file_sha256(pictures.RECIPE), "stale: make images"
    for name, facts in taken["pictures"].items():
        assert facts["sha256"] == file_sha256(pictures.IMAGES / name), (
            f"{name} and its facts were not made together"
        )
    today = pictures.shown(recipe.parent / ".tilth" / "reports" / curated.short / "report.html")
    shown = {key: taken["pictures"]["data-page.png"][key] for key in today}
    assert shown == today, "stale: make images"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing open a socket to anywhere."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("something reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


@pytest.mark.usefixtures("offline")
def test_the_loop_closes_offline_and_comes_to_rest(tmp_path: Path) -> None:
    path = prepare_sample(tmp_path / "demo")
    short = ("training.max_steps=60", "refresh.seeds=1", "evaluation.tasks=[]")
    loaded, store = load(path, short), Store.open(path.parent / ".tilth")
    outcome = run_loop(loaded, store, session.console())
    assert outcome["state"] == "done"
    record = store.feedback_digests(loaded.name)[0]
    child = store.version(outcome["version"]) if outcome["version"] else store.candidate(loaded.name)
    assert child is not None
    again = curate_recipe(loaded, store)
    assert not again.published
    parent = parent_of(store, again.version)
    if parent is None:  # nothing was found worth a change; then there is nothing to compare either
        assert again.version.manifest.feedback == []
        return
    assert again.version.manifest.feedback == [record]
    changes = diff(parent, again.version)
    steered = changes.filter(pl.col("change") != "weight")  # balance moves the weights of all others a little
    assert 0 < steered["row_id"].n_unique() <= 0.1 * parent.manifest.counts["rows"]
    facts = read_facts(comparison_dir(store, parent, again.version) / "report.html")
    assert facts["answer"] == "no difference shown"  # one seed says nothing about the spread between seeds
    assert run_loop(loaded, store, session.console())["state"] == "no news"
