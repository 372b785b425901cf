"""What people decided is in the next version, explained and undone, and outranks rules and monitors."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.workbench.conftest import Done, question
from tilth.shards.judgement import Act, Judgement
from tilth.shards.store import Store
from tilth.shards.version import Version

Run = Callable[..., Done]


def candidate(folder: Path) -> tuple[Store, Version]:
    store = Store.open(folder / ".tilth")
    version = store.candidate("desk")
    assert version is not None
    return store, version


def say(
    folder: Path, act: str, row: bytes, by: str = "ann", edit: tuple[int, str] | None = None, **more: Any
) -> str:
    """Judge a row of the candidate as it stands; return the id."""
    store, version = candidate(folder)
    text = version.rows().filter(pl.col("row_id") == row)["text_digest"][0].hex()
    edits = {}
    if edit:
        seen = version.turns(pl.Series([row], dtype=pl.Binary()))["text"][edit[0]]
        edits = {str(edit[0]): [sha256(seen.encode()).hexdigest(), edit[1]]}
    one = Judgement(
        at="2026-01-02T03:04:05+00:00", by=by, act=Act(act), row=row.hex(), text=text, edits=edits, **more
    )
    store.judgement_log.add("desk", [one])
    return one.id


def decided(version: Version, row: bytes) -> dict[str, Any]:
    return version.decisions().filter(pl.col("row_id") == row).to_dicts()[0]


def texts(version: Version, row: bytes) -> list[str]:
    return version.turns(pl.Series([row], dtype=pl.Binary()))["text"].to_list()


def kept_rows(version: Version) -> list[bytes]:
    return version.decisions().filter(pl.col("verdict") == "keep")["row_id"].to_list()


def test_a_row_a_person_drops_is_gone_with_their_name_and_comes_back(
    run: Run, recipe: Path, tmp_path: Path
) -> None:
    run("curate", recipe)
    _, before = candidate(tmp_path)
    row = kept_rows(before)[5]
    say(tmp_path, "drop", row, note="names a customer")
    done = run("curate", recipe)
    assert "drop 1 row" in done.out and "tilth review undo desk --by ann --act drop" in done.out
    _, after = candidate(tmp_path)
    line = decided(after, row)
    assert (line["verdict"], line["stage"]) == ("drop", "review")
    assert line["note"] == "ann, 2026-01-02: names a customer"
    told = run("tilth", "explain", row.hex()[:16]).out
    assert "ann said drop on 2026-01-02: names a customer" in told and "tilth review undo desk" in told
    assert after.manifest.counts["kept"] == before.manifest.counts["kept"] - 1
    assert run("curate", recipe, "--json").json["published"] is False, "it comes to rest"
    assert run("tilth", "review", "undo", "desk", "--by", "ann", "--act", "drop").code == 0
    run("curate", recipe)
    assert candidate(tmp_path)[1].manifest.content_id == before.manifest.content_id


def test_a_row_a_person_keeps_outranks_a_rule_and_says_so(run: Run, recipe: Path, tmp_path: Path) -> None:
    run("curate", recipe)
    _, before = candidate(tmp_path)
    dropped = before.decisions().filter(pl.col("verdict") == "drop", pl.col("stage") == "empty")["row_id"][0]
    say(tmp_path, "keep", dropped)
    run("curate", recipe)
    _, after = candidate(tmp_path)
    assert decided(after, dropped)["verdict"] == "keep"
    facts = run("tilth", "explain", dropped.hex()[:16], "--json").json
    assert [tag["stage"] for tag in facts["tags"]] == ["empty"], "what was overruled is still said"
    assert facts["people"][0]["act"] == "keep"
    store = Store.open(tmp_path / ".tilth")
    assert store.verify() == []


def test_a_repair_is_the_text_of_the_next_version_and_a_later_one_builds_on_it(
    run: Run,
    recipe: Path,
    tmp_path: Path,
) -> None:
    run("curate", recipe)
    row = kept_rows(candidate(tmp_path)[1])[3]
    original = texts(candidate(tmp_path)[1], row)
    first = say(tmp_path, "repair", row, edit=(1, "Bring it to the desk."))
    run("curate", recipe)
    assert texts(candidate(tmp_path)[1], row) == [original[0], "Bring it to the desk."]
    second = say(tmp_path, "repair", row, edit=(1, "Bring it to the desk, please."))
    run("curate", recipe)
    assert texts(candidate(tmp_path)[1], row) == [original[0], "Bring it to the desk, please."]
    assert run("curate", recipe, "--json").json["published"] is False
    run("tilth", "review", "undo", "desk", second[:12])
    run("curate", recipe)
    assert texts(candidate(tmp_path)[1], row) == [original[0], "Bring it to the desk."]
    run("tilth", "review", "undo", "desk", first[:12])
    run("curate", recipe)
    assert texts(candidate(tmp_path)[1], row) == original


def test_two_who_disagree_change_nothing_and_the_page_says_so(run: Run, recipe: Path, tmp_path: Path) -> None:
    run("curate", recipe)
    rows = kept_rows(candidate(tmp_path)[1])
    say(tmp_path, "drop", rows[0])
    say(tmp_path, "keep", rows[0], by="bob")
    say(tmp_path, "drop", rows[1])
    out = run("curate", recipe).out
    assert "leave 1 row: reviewers disagree" in out
    _, after = candidate(tmp_path)
    assert decided(after, rows[0])["verdict"] == "keep" and decided(after, rows[1])["verdict"] == "drop"


def test_a_word_about_a_text_that_changed_is_left_and_counted(run: Run, recipe: Path, tmp_path: Path) -> None:
    run("curate", recipe)
    store, version = candidate(tmp_path)
    rows = kept_rows(version)
    other = Judgement(
        at="2026-01-02T03:04:05+00:00", by="ann", act=Act.DROP, row=rows[0].hex(), text="0" * 64
    )
    store.judgement_log.add("desk", [other])
    say(tmp_path, "drop", rows[1])
    out = run("curate", recipe).out
    assert "leave 1 row: judged rows that changed or are gone since" in out
    assert decided(candidate(tmp_path)[1], rows[0])["verdict"] == "keep"


def test_no_word_keeps_what_leaks_an_evaluation(run: Run, recipe: Path, tmp_path: Path) -> None:
    leak = question(7)["messages"]
    (tmp_path / "evals.jsonl").write_text(
        json.dumps({"prompt": leak[0]["content"], "response": leak[1]["content"]})
    )
    with recipe.open("a") as file:
        file.write("  decontaminate: [evals.jsonl]\n")
    run("curate", recipe)
    _, version = candidate(tmp_path)
    leaked = version.decisions().filter(pl.col("stage") == "decontaminate")["row_id"].to_list()
    assert leaked
    for row in leaked:
        say(tmp_path, "keep", row)
    run("curate", recipe)
    assert {decided(candidate(tmp_path)[1], row)["stage"] for row in leaked} == {"decontaminate"}


@pytest.mark.parametrize("setting", ["curation.pushback=null", "ignore"])
def test_a_recipe_may_hear_nobody_or_leave_one_word_out(
    setting: str, run: Run, recipe: Path, tmp_path: Path
) -> None:
    run("curate", recipe)
    row = kept_rows(candidate(tmp_path)[1])[0]
    one = say(tmp_path, "drop", row)
    override = f'curation.pushback.ignore=["{one[:12]}"]' if setting == "ignore" else setting
    run("curate", recipe, "--set", override)
    assert decided(candidate(tmp_path)[1], row)["verdict"] == "keep"


def test_what_if_says_what_curate_would_say_after_a_review(run: Run, recipe: Path, tmp_path: Path) -> None:
    run("curate", recipe)
    rows = kept_rows(candidate(tmp_path)[1])
    say(tmp_path, "drop", rows[0])
    facts = run("curate", recipe, "--what-if", "dedup.near_jaccard=0.9", "--json").json
    gone = {line["row_id"]: line["after"] for line in facts["rows"]}
    assert gone[rows[0].hex()]["stage"] == "review"


def test_decisions_go_to_another_store_and_are_there_once(run: Run, recipe: Path, tmp_path: Path) -> None:
    run("curate", recipe)
    for row in kept_rows(candidate(tmp_path)[1])[:3]:
        say(tmp_path, "drop", row, note="=cmd|' /C calc'!A0")
    assert run("tilth", "review", "export", "desk", "all.jsonl").code == 0
    run("curate", recipe, "--store", "other")
    taken = run("tilth", "review", "import", "desk", "all.jsonl", "--store", "other", "--json").json
    assert taken == {"name": "desk", "decisions": 3, "new": 3}
    again = run("tilth", "review", "import", "desk", "all.jsonl", "--store", "other", "--json").json
    assert again["new"] == 0
    run("tilth", "review", "export", "desk", "all.csv")
    assert ",'=cmd" in (tmp_path / "all.csv").read_text()
    (tmp_path / "bad.jsonl").write_text((tmp_path / "all.jsonl").read_text() + "{}\n")
    refused = run("tilth", "review", "import", "desk", "bad.jsonl", "--store", "other")
    assert refused.code == 2 and "bad.jsonl:4" in refused.err
