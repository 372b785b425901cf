from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drafts import Line, dropped, make_draft, small_lines
from tilth.shards.digest import canonical_json, content_id, file_sha256, row_id, sha256_hex, text_digests
from tilth.shards.tables import ROWS, TURNS, conform

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
TURN = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool"]), "text": TEXT | st.none()},
    optional={"reasoning": TEXT | st.none(), "tool_calls": TEXT | st.none(), "name": TEXT | st.none()},
)
ROW = st.tuples(st.sampled_from(["chat", "document"]), st.lists(TURN, max_size=4), TEXT | st.none())


def by_the_book(shape: str, turns: list[dict], tools: str | None) -> bytes:
    """The canonical form with the standard library alone, so that no library decides what an id is."""
    row = {"shape": shape, "turns": [{k: v for k, v in turn.items() if v is not None} for turn in turns]}
    row |= {"tools": tools} if tools is not None else {}
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@given(ROW)
def test_row_id_is_blake2b_of_the_standard_canonical_form(row: tuple) -> None:
    assert row_id(*row) == hashlib.blake2b(by_the_book(*row), digest_size=16).digest()


@given(st.lists(ROW, max_size=6), st.randoms())
def test_text_digests_have_the_form_of_row_ids_in_any_order(rows: list[tuple], random) -> None:
    ids = [bytes([number]) * 16 for number in range(len(rows))]
    heads = pl.DataFrame(
        [{"row_id": i, "shape": shape, "tools": tools} for i, (shape, _, tools) in zip(ids, rows)],
        schema=ROWS,
    )
    turns = [{"row_id": i, "turn": n, **turn} for i, row in zip(ids, rows) for n, turn in enumerate(row[1])]
    random.shuffle(turns)
    digests = text_digests(heads, conform(pl.DataFrame(turns, schema={**TURNS}), TURNS))
    expected = [hashlib.blake2b(by_the_book(*row), digest_size=32).digest() for row in rows]
    assert digests["text_digest"].to_list() == expected


def test_text_digests_refuse_turns_without_a_row() -> None:
    draft = make_draft([Line("one"), Line("two")])
    with pytest.raises(ValueError, match="every turn"):
        text_digests(draft.rows.head(1), draft.turns(draft.rows["row_id"]))


def test_golden_ids() -> None:
    turns = [{"role": "user", "text": "Grüße\n\u0001"}, {"role": "assistant", "text": "ok", "name": None}]
    assert row_id("chat", turns, '[{"name":"f"}]').hex() == "abfd93010e763c2d9554e891eaea281b"
    draft = make_draft(small_lines())
    assert (
        content_id(draft.rows, draft.decisions)
        == "cfe073acbc95a426ac6ce05e9257b59ee6dc5e3c0b21702e8b8d698a1e8fb759"
    )


@given(st.randoms())
def test_content_id_does_not_depend_on_order(random) -> None:
    draft = make_draft(small_lines())
    order = list(range(draft.rows.height))
    random.shuffle(order)
    assert content_id(draft.rows[order], draft.decisions) == content_id(draft.rows, draft.decisions[order])


def test_content_id_does_not_depend_on_paths_or_lines() -> None:
    elsewhere = [replace(line, path=f"/other/{line.path}") for line in reversed(small_lines())]
    here, there = make_draft(small_lines()), make_draft(elsewhere)
    assert content_id(here.rows, here.decisions) == content_id(there.rows, there.decisions)


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "quarantine"},
        {"stage": "length"},
        {"reason": "too_long"},
        {"turn": 1},
        {"turn": 0},
        {"witness_id": b"w" * 16},
        {"split": "final"},
        {"fold": 1},
        {"slice": "t"},
        {"weight": 0},
    ],
)
def test_content_id_sees_every_decided_column(change: dict) -> None:
    def identify(**values: object) -> str:
        draft = make_draft([Line("one", decision=dropped("a", "b") | values), Line("two")])
        return content_id(draft.rows, draft.decisions)

    assert identify(**change) != identify()


def test_content_id_sees_the_rewritten_text() -> None:
    one, other = make_draft([Line("one")]), make_draft([Line("one", rewritten="ONE")])
    assert one.rows["row_id"].equals(other.rows["row_id"])
    assert content_id(one.rows, one.decisions) != content_id(other.rows, other.decisions)


def test_content_id_refuses_other_rows() -> None:
    draft = make_draft(small_lines())
    with pytest.raises(ValueError, match="same distinct"):
        content_id(draft.rows.head(2), draft.decisions)
    twice = pl.concat([draft.rows, draft.rows.head(1)])
    with pytest.raises(ValueError, match="same distinct"):
        content_id(twice, pl.concat([draft.decisions, draft.decisions.head(1)]))


def test_canonical_json_sorts_keys_and_refuses_what_json_lacks() -> None:
    assert canonical_json({"b": 1, "a": ["ü"]}) == '{"a":["ü"],"b":1}'.encode()
    for value in ("\ud800", 1 << 70, {1, 2}):
        with pytest.raises(TypeError):
            canonical_json(value)


def test_file_sha256_streams_the_bytes(tmp_path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3_000_000)
    assert file_sha256(path) == sha256_hex(path.read_bytes())
