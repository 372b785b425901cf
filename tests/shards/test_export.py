from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from tests.drafts import KEPT, Line, lines_of, make_draft, small_lines
from tilth.shards.digest import file_sha256, text_digests
from tilth.shards.errors import UsageError
from tilth.shards.export import export
from tilth.shards.publish import Draft
from tilth.shards.store import Store
from tilth.shards.tables import LEDGER, ROLE, ROWS
from tilth.shards.version import Version

CALLS = '[{"arguments":{"b":1,"a":"x"},"id":"c1","name":"look"}]'


@pytest.fixture
def version(store: Store) -> Version:
    others = {"promotion": 1_000_000, "final": 1_000_000, "reserve": 0}
    more = [
        Line(split, decision=KEPT | {"split": split, "weight": weight}) for split, weight in others.items()
    ]
    draft = make_draft([*small_lines(), *more])
    is_answer = (pl.col("role") == "assistant") & (pl.col("row_id") == Line("one").row_id)
    calls = pl.when(is_answer).then(pl.lit(CALLS)).alias("tool_calls")
    turns = draft.turns(draft.rows["row_id"]).with_columns(calls)
    return store.publish("n", replace(draft, turns=lines_of(turns)))[0]


def test_datasets_reads_the_folder_offline(version: Version, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    datasets = pytest.importorskip("datasets")
    folder = export(version, tmp_path / "out")

    def no_network(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    data = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert {split: rows.num_rows for split, rows in data.items()} == {
        "train": 2,
        "validation": 1,
        "promotion": 1,
        "test": 1,
    }
    by_id = {row["id"]: row for row in data["train"]}
    row = by_id[Line("one").row_id.hex()]
    assert [(m["role"], m["content"]) for m in row["messages"]] == [("user", "one"), ("assistant", "yes")]
    (call,) = row["messages"][1]["tool_calls"]
    assert call == {
        "id": "c1",
        "type": "function",
        "function": {"name": "look", "arguments": '{"a":"x","b":1}'},
    }
    assert by_id[Line("three").row_id.hex()]["weight"] == 0.5


def with_pairs(lines: list[Line], prompts: set[str], calls: str | None = None) -> Draft:
    """Return a draft in which the rows of these prompts are preference pairs, rejecting "no"."""
    draft, ids = make_draft(lines), [line.row_id for line in lines if line.prompt in prompts]
    is_pair = pl.col("row_id").is_in(ids)
    shape = pl.when(is_pair).then(pl.lit("preference", ROWS["shape"])).otherwise("shape").alias("shape")
    turns = draft.turns(draft.rows["row_id"])
    answers = turns.filter(is_pair & (pl.col("turn") == 1))
    sides = [
        answers.with_columns(role=pl.lit("chosen", ROLE), tool_calls=pl.lit(calls, pl.String)),
        answers.with_columns(role=pl.lit("rejected", ROLE), text=pl.lit("no"), turn=pl.lit(2, pl.UInt16)),
    ]
    others = turns.filter(~(is_pair & (pl.col("turn") == 1)))
    turns = pl.concat([others, *sides]).sort("row_id", "turn")
    rows = draft.rows.with_columns(shape)
    digests = text_digests(rows, turns)
    rows = rows.drop("text_digest").join(digests, on="row_id").select(list(ROWS))
    return replace(draft, rows=rows, turns=lines_of(turns))


def test_pairs_are_written_as_trl_reads_them(store: Store, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    held_out = KEPT | {"split": "feedback"}
    lines = [Line("one"), Line("two"), Line("three", decision=held_out), Line("four")]
    version = store.publish("n", with_pairs(lines, {"one", "two", "three"}))[0]
    folder = export(version, tmp_path / "out")
    pairs = datasets.load_dataset(str(folder), "preference", cache_dir=str(tmp_path / "cache"))
    assert {split: rows.num_rows for split, rows in pairs.items()} == {"train": 2, "validation": 1}
    row = next(row for row in pairs["train"] if row["id"] == Line("one").row_id.hex())
    assert row["prompt"] == [{"role": "user", "content": "one"}]
    assert row["chosen"] == [{"role": "assistant", "content": "yes"}]
    assert row["rejected"] == [{"role": "assistant", "content": "no"}]
    assert "messages" not in row and row["tools"] is None
    chats = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert [m["content"] for m in chats["train"][0]["messages"]] == ["four", "yes"]
    sets = json.loads((folder / "croissant.json").read_text())["recordSet"]
    assert [s["@id"] for s in sets] == ["rows", "preference"]


def test_tool_calls_of_pairs_stay(store: Store, tmp_path: Path) -> None:
    version = store.publish("n", with_pairs([Line("one")], {"one"}, CALLS))[0]
    folder = export(version, tmp_path / "out")
    assert not (folder / "data").exists()
    (row,) = pl.read_parquet(folder / "preference" / "*.parquet").to_dicts()
    assert row["chosen"][0].keys() == {"role", "content", "tool_calls"}
    assert row["chosen"][0]["tool_calls"][0]["function"]["name"] == "look"
    assert row["rejected"][0]["tool_calls"] is None


def test_the_folder_describes_itself(version: Version, tmp_path: Path) -> None:
    folder = export(version, tmp_path / "out")
    croissant = json.loads((folder / "croissant.json").read_text())
    named = [item for item in croissant["distribution"] if item["@type"] == "cr:FileObject"]
    assert {item["contentUrl"] for item in named} == {
        p.relative_to(folder).as_posix() for p in folder.glob("data/*")
    }
    assert all(file_sha256(folder / item["contentUrl"]) == item["sha256"] for item in named)
    card = (folder / "README.md").read_text()
    assert "9 lines in = 6 kept + 2 dropped + 1 quarantined" in card and version.manifest.content_id in card
    ledger = pl.read_parquet(folder / "ledger.parquet")
    assert ledger.columns == list(LEDGER) and ledger.height == 9


def test_two_exports_are_equal_byte_for_byte(version: Version, tmp_path: Path) -> None:
    folders = [export(version, tmp_path / name) for name in ("one", "two")]
    contents = [{p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in folders]
    assert contents[0] == contents[1]


def test_a_split_without_rows_has_no_file(store: Store, tmp_path: Path) -> None:
    """`datasets` cannot load a split of no rows."""
    version = store.publish("n", make_draft([Line("one")]))[0]
    folder = export(version, tmp_path / "out")
    assert [p.name for p in folder.glob("data/*")] == ["train-00000-of-00001.parquet"]
    assert "validation" not in (folder / "README.md").read_text()


def test_hostile_names_stay_text_in_the_card(store: Store, tmp_path: Path) -> None:
    draft = make_draft([Line("one")])
    hostile = pl.lit("<script>|x\n---\nlicense: mit").alias("source")
    version = store.publish("n", replace(draft, rows=draft.rows.with_columns(hostile)))[0]
    card = (export(version, tmp_path / "out") / "README.md").read_text()
    assert "<script>" not in card and "\nlicense: mit" not in card


def test_the_card_counts_licences_and_says_what_does_not_combine(store: Store, tmp_path: Path) -> None:
    draft = make_draft([Line("one"), Line("two"), Line("three"), Line("four")])
    named = pl.Series("licence", ["mit", "MIT License", "cc by-sa 4.0", None])
    version = store.publish("n", replace(draft, rows=draft.rows.with_columns(named)))[0]
    card = (export(version, tmp_path / "out") / "README.md").read_text()
    assert "| MIT | 2 |" in card and "| CC-BY-SA-4.0 | 1 |" in card and "| not stated | 1 |" in card
    assert "CC-BY-SA-4.0 (1 rows) beside MIT (2 rows)" in card


def test_an_export_never_overwrites(version: Version, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    with pytest.raises(UsageError, match="new folder"):
        export(version, tmp_path)
    assert (tmp_path / "mine").read_text() == "keep"


def test_an_answer_that_is_only_to_be_read_says_so(store: Store, tmp_path: Path) -> None:
    draft = make_draft(small_lines())
    is_answer = (pl.col("role") == "assistant") & (pl.col("row_id") == Line("one").row_id)
    turns = draft.turns(draft.rows["row_id"]).with_columns(learned=pl.when(is_answer).then(pl.lit(False)))
    rows = draft.rows.drop("text_digest").join(text_digests(draft.rows, turns), on="row_id")
    version = store.publish("n", replace(draft, rows=rows.select(list(ROWS)), turns=lines_of(turns)))[0]
    data = pl.read_parquet(export(version, tmp_path / "out") / "data" / "train-00000-of-00001.parquet")
    weights = {row["id"]: [m["weight"] for m in row["messages"]] for row in data.to_dicts()}
    assert weights[Line("one").row_id.hex()] == [None, 0]
    assert weights[Line("three").row_id.hex()] == [None, 1]
