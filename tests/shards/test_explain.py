from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest

from tests.drafts import Line, feedback_of, lines_of, make_draft, small_lines
from tilth.shards.errors import UsageError
from tilth.shards.explain import explain
from tilth.shards.feedback import FEEDBACK_ROWS, FEEDBACK_SLICES
from tilth.shards.store import Store
from tilth.shards.tables import conform
from tilth.shards.version import Version


@pytest.fixture
def version(store: Store) -> Version:
    return store.publish("n", make_draft(small_lines()))[0]


def test_a_dropped_row_shows_its_witness(version: Version) -> None:
    facts = explain(version, Line("ONE").row_id.hex()[:10])
    assert facts["decision"]["reason"] == "near_duplicate" and facts["decision"]["value"] == 0.9
    assert facts["occurrences"] == [{"source_path": "a.jsonl", "line": 3}]
    assert [turn["text"] for turn in facts["turns"]] == ["ONE", "yes"]
    assert [turn["text"] for turn in facts["witness"]["turns"]] == ["one", "yes"]
    assert facts["witness"]["occurrences"][0] == {"source_path": "a.jsonl", "line": 1}
    assert facts["measures"] == {"length": 3.0} and facts["feedback"] == []
    json.dumps(facts)


def test_measures_of_the_row_and_of_its_turns(store: Store) -> None:
    draft = make_draft([Line("one"), Line("two")])
    of_rows = draft.measures(draft.rows["row_id"])
    turns = of_rows.with_columns(turn=pl.lit(1, pl.UInt16), length=None, chars=pl.lit(2.0))
    measures = pl.concat([turns, of_rows], how="diagonal_relaxed")
    version = store.publish("n", replace(draft, measures=lines_of(measures)))[0]
    assert version.measures()["length"].to_list() == [3.0, 3.0]
    assert version.turn_measures()["chars"].to_list() == [2.0, 2.0]
    assert explain(version, "a.jsonl:2")["measures"] == {"length": 3.0, "turns": [{"turn": 1, "chars": 2.0}]}


def test_a_line_is_found_by_its_place(version: Version) -> None:
    repeat = explain(version, "a.jsonl:5")
    assert repeat["row_id"] == Line("one").row_id.hex()
    assert repeat["line"]["reason"] == "exact_duplicate" and repeat["decision"]["verdict"] == "keep"
    assert [place["line"] for place in repeat["occurrences"]] == [1, 5]
    unreadable = explain(version, "a.jsonl:4")
    assert unreadable["row_id"] is None and unreadable["line"]["reason"] == "invalid_json"


def test_a_steered_row_shows_the_feedback_it_came_from(store: Store, version: Version) -> None:
    row_id = Line("one").row_id
    rows = conform(pl.DataFrame({"row_id": [row_id], "finding": ["noisy"]}), FEEDBACK_ROWS)
    digest = store.add_feedback("n", feedback_of(version), rows, FEEDBACK_SLICES.to_frame())
    child = store.publish("n", make_draft(small_lines(), feedback=[digest]))[0]
    (seen,) = explain(child, row_id.hex())["feedback"]
    assert (seen["record"], seen["run_id"], seen["row_id"]) == (digest, "run-1", row_id.hex())
    assert explain(child, Line("two").row_id.hex())["feedback"] == []


@pytest.mark.parametrize("key", ["", "xyz", "abc", "0000", "a.jsonl:99", "a.jsonl:", "../x:1", "f" * 33])
def test_an_unknown_key_says_so(version: Version, key: str) -> None:
    with pytest.raises(UsageError):
        explain(version, key)


def test_an_ambiguous_prefix_lists_the_rows(store: Store) -> None:
    lines = [Line(f"prompt {number}") for number in range(700)]
    version = store.publish("n", make_draft(lines))[0]
    prefixes = [line.row_id.hex()[:4] for line in lines]
    twice = next(prefix for prefix in prefixes if prefixes.count(prefix) > 1)
    with pytest.raises(UsageError, match="2 rows match"):
        explain(version, twice)


def test_the_name_of_a_file_is_enough_where_one_is_called_so(store: Store) -> None:
    lines = [
        Line("one", path="desk/a.jsonl"),
        Line("two", path="desk/b.jsonl"),
        Line("three", path="till/b.jsonl"),
    ]
    version = store.publish("n", make_draft(lines))[0]
    assert explain(version, "a.jsonl:1")["row_id"] == Line("one").row_id.hex()
    with pytest.raises(UsageError, match="2 files are called so: desk"):
        explain(version, "b.jsonl:1")
