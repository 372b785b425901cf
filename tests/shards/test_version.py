from __future__ import annotations

import polars as pl
import pytest

from tests.drafts import KEPT, Line, make_draft, small_lines
from tilth.shards import publish
from tilth.shards.store import Store
from tilth.shards.tables import DECISIONS, ROWS, TURNS
from tilth.shards.version import Version


@pytest.fixture
def version(store: Store) -> Version:
    return store.publish("n", make_draft(small_lines()))[0]


def test_the_tables_come_back_as_drafted(version: Version) -> None:
    draft = make_draft(small_lines())
    rows = draft.rows.sort("row_id")
    assert version.rows().equals(rows) and version.rows().schema == ROWS
    assert (
        version.decisions().equals(draft.decisions.sort("row_id")) and version.decisions().schema == DECISIONS
    )
    assert version.occurrences().equals(draft.occurrences.sort("source_path", "line"))
    assert (
        version.turns().equals(draft.turns(draft.rows["row_id"]).sort("row_id", "turn"))
        and version.turns().schema == TURNS
    )
    assert version.measures().equals(draft.measures(draft.rows["row_id"]).sort("row_id"))
    assert version.rows(["row_id", "source"]).equals(rows.select("row_id", "source"))
    assert version.ledger().height == len(small_lines())


def test_decisions_are_stored_by_position(version: Version) -> None:
    stored = version.objects.frame(version.manifest.objects["decisions"][0])
    assert "row_id" not in stored.columns and stored.height == version.rows().height


def test_turns_of_some_rows(version: Version) -> None:
    wanted = pl.Series([Line("two").row_id, b"?" * 16], dtype=pl.Binary())
    assert version.turns(wanted)["text"].to_list() == ["two", "yes"]


def test_samples_are_the_kept_rows_of_the_splits(version: Version) -> None:
    samples = version.samples("train")
    assert samples["row_id"].to_list() == sorted([Line("one").row_id, Line("three").row_id])
    assert samples.columns == [*ROWS, "split", "fold", "slice", "weight", "turns"]
    first = samples.row(by_predicate=pl.col("row_id") == Line("one").row_id, named=True)
    assert first["weight"] == 1_000_000 and first["fold"] == 0
    empty = {"reasoning": None, "tool_calls": None, "tool_call_id": None, "name": None, "learned": None}
    assert first["turns"] == [
        {"role": "user", "text": "one", **empty},
        {"role": "assistant", "text": "yes", **empty},
    ]
    assert version.samples("feedback")["row_id"].to_list() == [Line("two").row_id]
    assert version.samples("final").is_empty() and version.samples("final").schema == samples.schema
    assert version.samples().height == 3


def test_rewritten_texts_do_not_mix_between_versions(store: Store) -> None:
    """The payload holds both texts of a row; each version reads its own."""
    plain = store.publish("n", make_draft([Line("one"), Line("two")]))[0]
    rewritten = store.publish("n", make_draft([Line("one", rewritten="1"), Line("two")]))[0]
    back = store.publish("n", make_draft([Line("one"), Line("two"), Line("three")]))[0]
    assert [sorted(v.turns()["text"].unique()) for v in (plain, rewritten, back)] == [
        ["one", "two", "yes"],
        ["1", "two", "yes"],
        ["one", "three", "two", "yes"],
    ]
    assert len(back.manifest.objects["turns"]) == 3 or back.turns().height == 6


def test_the_payload_is_cut_into_shards(store: Store, monkeypatch) -> None:
    monkeypatch.setattr(publish, "SHARD_ROWS", 2)
    lines = [Line(f"prompt {number}") for number in range(5)]
    version = store.publish("n", make_draft(lines))[0]
    assert len(version.manifest.objects["turns"]) == 3
    draft = make_draft(lines)
    assert version.turns().equals(draft.turns(draft.rows["row_id"]).sort("row_id", "turn"))
    assert store.verify(version) == []


def test_a_version_of_nothing_but_unreadable_lines(store: Store) -> None:
    version = store.publish("n", make_draft([Line(reason="blank")]))[0]
    assert version.turns().is_empty() and version.samples().is_empty() and version.rows().schema == ROWS
    assert version.manifest.counts["quarantined"] == 1
    assert store.verify() == []


def test_weights_and_splits_survive(store: Store) -> None:
    lines = [
        Line("one", decision=KEPT | {"split": "reserve", "weight": 0}),
        Line("two", decision=KEPT | {"fold": 39}),
    ]
    version = store.publish("n", make_draft(lines))[0]
    assert version.samples("reserve")["weight"].to_list() == [0]
    assert version.samples("train")["fold"].to_list() == [39]
