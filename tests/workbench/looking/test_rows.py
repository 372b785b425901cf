"""tilth rows: what rules, tags, findings and versions name, as table, JSON lines and Parquet."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.drafts import feedback_of
from tests.workbench.conftest import Done, question
from tilth.shards.feedback import FEEDBACK_ROWS, FEEDBACK_SLICES
from tilth.shards.store import Store
from tilth.shards.tables import conform

Run = Callable[..., Done]


def append(folder: Path, *rows: dict[str, Any]) -> None:
    with (folder / "rows.jsonl").open("a") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)


def lines_of(done: Done) -> list[dict[str, Any]]:
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


@pytest.fixture
def curated(run: Run, recipe: Path, tmp_path: Path) -> Store:
    refused = question(901)
    refused["messages"][1]["content"] = "I'm sorry, but I can't help with that \x1b[31m."
    append(tmp_path, refused)
    assert run("curate", recipe, "--set", "curation.unicode=null").code == 0
    return Store.open(tmp_path / ".tilth")


def test_a_rule_lists_what_it_took_with_its_witness(run: Run, curated: Store) -> None:
    (row,) = lines_of(run("tilth", "rows", "--rule", "exact_duplicate", "--json"))
    assert (row["source_path"], row["line"]) == ("rows.jsonl", 121)
    assert (row["witness_path"], row["witness_line"]) == ("rows.jsonl", 4)
    assert row["text"].startswith("user: Order 3: ") and "\nassistant: " in row["text"]
    shown = run("tilth", "rows", "--rule", "dedup").out
    assert "rows.jsonl:121" in shown and "rows.jsonl:4" in shown and "1 rows" in shown


def test_tags_are_listed_and_control_characters_made_visible(run: Run, curated: Store) -> None:
    (row,) = lines_of(run("tilth", "rows", "--tag", "refused", "--json"))
    assert (row["stage"], row["line"], row["verdict"]) == ("refusal", 124, "keep")
    assert "\x1b" in row["text"]
    shown = run("tilth", "rows", "--tag", "refused").out
    assert "\x1b" not in shown and "\ufffd[31m" in shown
    assert "\x1b" not in run("tilth", "rows", "--tag", "refused", "--json").out


def test_quarantined_lines_are_there_even_without_text(run: Run, curated: Store) -> None:
    (row,) = lines_of(run("tilth", "rows", "--quarantined", "--json"))
    assert (row["line"], row["reason"], row["text"], row["row_id"]) == (123, "invalid_json", None, None)


def test_findings_of_rows_and_of_their_slices(run: Run, curated: Store) -> None:
    version = curated.version("desk.candidate")
    noisy = version.rows(["row_id", "text_digest"]).head(2)
    rows = noisy.with_columns(
        finding=pl.lit("noisy"), est_precision=pl.lit(0.95), evidence=pl.lit("like decoys")
    )
    slices = pl.DataFrame({"slice": ["repairs"], "finding": ["overfit"], "lcb": [0.2], "evidence": ["rises"]})
    header = feedback_of(version)
    curated.add_feedback("desk", header, conform(rows, FEEDBACK_ROWS), conform(slices, FEEDBACK_SLICES))
    listed = lines_of(run("tilth", "rows", "--finding", "noisy", "--json"))
    assert {row["row_id"] for row in listed} == {key.hex() for key in noisy["row_id"]}
    assert {(row["value"], row["note"]) for row in listed} == {(0.95, "run run-1: like decoys")}
    of_slice = lines_of(run("tilth", "rows", "--finding", "overfit", "--json"))
    assert len(of_slice) == version.decisions().filter(pl.col("slice") == "repairs").height
    assert lines_of(run("tilth", "rows", "--finding", "repeated", "--json")) == []


def test_what_moved_between_two_versions(run: Run, curated: Store, recipe: Path, tmp_path: Path) -> None:
    old = curated.version("desk.candidate")
    append(tmp_path, question(950))
    setting = ("--set", "curation.unicode=null", "--set", "curation.refusal={verdict: drop}")
    new = run("curate", recipe, *setting, "--json").json["id"]
    listed = lines_of(run("tilth", "rows", "--moved", old.short, new, "--json"))
    notes = {row["line"]: row["note"] for row in listed if not row["note"].startswith("split")}
    assert notes[125].startswith("added:") and "drop refusal refused_benign" in notes[124]
    back = lines_of(run("tilth", "rows", "--moved", new, old.short, "--json"))
    (gone,) = [row for row in back if row["note"].startswith("removed")]
    assert gone["line"] == 125


def test_files_hold_all_rows(run: Run, curated: Store, tmp_path: Path) -> None:
    for name in ("out.jsonl", "out.parquet"):
        done = run("tilth", "rows", "--rule", "exact_duplicate", "--rows", "0", "--out", name)
        assert (done.code, done.out) == (0, f"1 rows in {name}\n")
    parquet = pl.read_parquet(tmp_path / "out.parquet").to_dicts()
    assert parquet == [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert run("tilth", "rows", "--quarantined", "--out", "out.xls").code == 2


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ((), "says which rows"),
        (("--quarantined", "--rule", "dedup"), "says which rows"),
        (("--rule", "exact_duplicates"), "did you mean 'exact_duplicate'?"),
        (("--tag", "refusd"), "did you mean 'refused'?"),
        (("--finding", "noise"), "did you mean 'noisy'?"),
        (("--moved", "nowhere", "desk.candidate"), "no version or ref"),
    ],
)
def test_a_question_without_an_answer_says_what_there_is(
    run: Run, curated: Store, words: tuple[str, ...], hint: str
) -> None:
    done = run("tilth", "rows", *words)
    assert done.code == 2 and hint in done.err
