"""tilth explain: tags and findings stand beside the decision, for kept rows too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl

from tests.drafts import feedback_of
from tests.workbench.conftest import Done, question
from tilth.shards.feedback import FEEDBACK_ROWS, FEEDBACK_SLICES
from tilth.shards.store import Store
from tilth.shards.tables import conform

Run = Callable[..., Done]
REFUSAL = "I'm sorry, but I can't help with that."


def add_refusal(folder: Path) -> None:
    row = question(901)
    row["messages"][1]["content"] = REFUSAL
    with (folder / "rows.jsonl").open("a") as rows:
        rows.write(json.dumps(row) + "\n")


def test_a_kept_row_shows_its_tags_and_what_training_found(run: Run, recipe: Path, tmp_path: Path) -> None:
    add_refusal(tmp_path)
    run("curate", recipe)
    facts = run("tilth", "explain", "rows.jsonl:124", "--json").json
    assert facts["decision"]["verdict"] == "keep"
    assert [(tag["stage"], tag["reason"]) for tag in facts["tags"]] == [
        ("refusal", "refused"),
        ("refusal", "refused_benign"),
    ]
    assert facts["findings"] == []
    store = Store.open(tmp_path / ".tilth")
    version = store.version("desk.candidate")
    seen = {
        "row_id": [bytes.fromhex(facts["row_id"])],
        "finding": ["noisy"],
        "evidence": ["like a swapped answer"],
    }
    rows = pl.DataFrame(seen).with_columns(text_digest=pl.lit(bytes.fromhex(facts["row"]["text_digest"])))
    store.add_feedback("desk", feedback_of(version), conform(rows, FEEDBACK_ROWS), FEEDBACK_SLICES.to_frame())
    shown = run("tilth", "explain", "rows.jsonl:124").out
    assert "tag refusal refused" in shown
    assert "finding noisy of run run-1 (not read by this version): like a swapped answer" in shown


def test_a_version_without_kept_tags_says_so(run: Run, recipe: Path, tmp_path: Path) -> None:
    run("curate", recipe)
    (file,) = (tmp_path / ".tilth" / "reports").glob("*/tags.parquet")
    file.unlink()
    assert "curate it once more" in run("tilth", "explain", "rows.jsonl:1").out
    assert run("tilth", "explain", "rows.jsonl:1", "--json").json["tags"] is None


def test_control_characters_of_a_row_are_made_visible(run: Run, recipe: Path, tmp_path: Path) -> None:
    row = question(902)
    row["messages"][1]["content"] += " \x1b[31mred"
    with (tmp_path / "rows.jsonl").open("a") as rows:
        rows.write(json.dumps(row) + "\n")
    run("curate", recipe, "--set", "curation.unicode=null")
    shown = run("tilth", "explain", "rows.jsonl:124").out
    assert "\x1b" not in shown and "\ufffd[31mred" in shown
