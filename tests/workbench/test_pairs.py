"""A source of preference pairs: curated, exported, learned by DPO and by no other method; licences all the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.workbench.conftest import question

BASE = Path(__file__).parents[2] / "data" / "base"
RECIPE = """
name: pairs
sources:
  - path: pairs.jsonl
    licence: licence
curation:
  licences: {allow: [MIT, cc by-sa 4.0]}
  split: {feedback: 0.05, promotion: 0.05, final: 0.05}
training: {base: nowhere}
"""


def pair(n: int) -> dict[str, Any]:
    asked, answer = (message["content"] for message in question(n)["messages"])
    rejected = f"Desk {n} is closed, so nobody mends anything this week."
    return {"prompt": asked, "chosen": answer, "rejected": rejected, "licence": "MIT License"}


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Write 60 pairs: one identical, two swapped, one under other terms, one share-alike, one of personal data."""
    rows = [pair(n) for n in range(60)]
    rows[1]["rejected"] = rows[1]["chosen"].upper()
    rows.append(rows[2] | {"chosen": rows[2]["rejected"], "rejected": rows[2]["chosen"]})
    rows[3]["licence"] = "CC-BY-NC-4.0"
    rows[4]["licence"] = "CC-BY-SA-4.0"
    rows[5]["rejected"] = "Ask jane.doe@firm.org instead, she may know."
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE, "utf-8")
    return path


def reasons(folder: Path) -> dict[str, int]:
    ledger = pl.read_parquet(folder / "ledger.parquet").filter(pl.col("verdict") != "keep")
    return dict(ledger.group_by("reason").len().rows())


def test_pairs_are_judged_exported_and_learned_by_the_method_that_takes_them(
    run: Callable[..., Any], pairs: Path, tmp_path: Path
) -> None:
    done = run("curate", pairs)
    assert done.code == 0, done.err
    assert "Share-alike licences" in done.out
    short = run("tilth", "log", "--json").json[0]["id"][:12]
    out = tmp_path / "out"
    assert run("tilth", "export", short, out).code == 0
    assert reasons(out) == {"identical_pair": 1, "swapped_pair": 2, "licence_not_allowed": 1}
    written = pl.read_parquet(out / "preference" / "*.parquet")
    assert written.height == 57 and {"prompt", "chosen", "rejected"} <= set(written.columns)
    said = written.explode("rejected")["rejected"].struct.field("content").to_list()
    assert "Ask [EMAIL_1] instead, she may know." in said
    assert "| CC-BY-SA-4.0 | 1 |" in (out / "README.md").read_text()
    for words in ((pairs,), (pairs, "--version", short), (pairs, "--plan")):
        refused = run("train", *words, "--set", f"training.base={BASE}")
        assert refused.code == 2
        assert "preference rows, which lora does not learn from" in refused.err
        assert "training.method: dpo" in refused.err
    learns = ("--set", f"training.base={BASE}", "--set", "training.method=dpo")
    assert "54 rows" in run("train", pairs, "--plan", *learns).out
    shown = run("train", pairs, "--peek", *learns).out
    assert "── chosen" in shown and "── rejected" in shown and "nobody mends anything" in shown


def test_a_row_can_be_dropped_for_personal_data(run: Callable[..., Any], pairs: Path, tmp_path: Path) -> None:
    assert run("curate", pairs, "--set", "curation.pii=drop").code == 0
    short = run("tilth", "log", "--json").json[0]["id"][:12]
    run("tilth", "export", short, tmp_path / "out")
    assert reasons(tmp_path / "out")["holds_email"] == 1


def test_init_names_the_method_that_learns_from_what_it_found(
    run: Callable[..., Any], pairs: Path, tmp_path: Path
) -> None:
    written = tmp_path / "new.yaml"
    assert run("tilth", "init", tmp_path / "pairs.jsonl", "--base", BASE, "--out", written).code == 0
    assert "method: dpo" in written.read_text("utf-8")
    (tmp_path / "chats.jsonl").write_text(json.dumps(question(1)) + "\n", "utf-8")
    both = (tmp_path / "pairs.jsonl", tmp_path / "chats.jsonl")
    mixed = tmp_path / "mixed.yaml"
    assert run("tilth", "init", *both, "--base", BASE, "--out", mixed).code == 0
    assert "method: lora" in mixed.read_text("utf-8") and "dpo learns from them" in mixed.read_text("utf-8")
