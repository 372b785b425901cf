from __future__ import annotations

import polars as pl
import pytest

from tilth.curation.dedup.pairs import Pairs
from tilth.curation.run.texts import HeldTexts
from tilth.shards.tables import ROWS, TURNS, conform

Pair = tuple[str, str, str]  # prompt, chosen, rejected


def pair_rows(pairs: list[Pair], sources: list[str] | None = None) -> tuple[pl.DataFrame, HeldTexts]:
    """Return rows (ids count from 0) and their texts."""
    keys = [number.to_bytes(16, "big") for number in range(len(pairs))]
    turns = [
        {"row_id": key, "turn": place, "role": role, "text": text}
        for key, pair in zip(keys, pairs)
        for place, (role, text) in enumerate(zip(("user", "chosen", "rejected"), pair))
    ]
    given = {name: TURNS[name] for name in ("row_id", "turn", "role", "text")}
    rows = pl.DataFrame({"row_id": keys, "source": sources or ["s"] * len(pairs)}).with_columns(
        shape=pl.lit("preference")
    )
    return conform(rows, ROWS), HeldTexts(conform(pl.DataFrame(turns, schema=given), TURNS))


def found(stage: Pairs, pairs: list[Pair], sources: list[str] | None = None) -> dict[int, tuple[str, str]]:
    rows, texts = pair_rows(pairs, sources)
    findings = stage.decide(rows, stage.evidence(rows, texts))
    return {
        int.from_bytes(line["row_id"], "big"): (line["verdict"], line["reason"])
        for line in findings.iter_rows(named=True)
    }


def test_a_pair_both_ways_round_is_set_aside() -> None:
    pairs = [
        ("Why?", "Because.", "No idea."),
        ("why? ", "no  idea.", "because."),
        ("Why?", "Because.", "Ask me later."),
        ("Why not?", "No idea.", "Because."),
        ("Same?", "yes", "yes"),
        ("Same?", "yes", "yes"),
    ]
    swapped = ("quarantine", "swapped_pair")
    assert found(Pairs(), pairs) == {0: swapped, 1: swapped}


def test_each_names_the_other() -> None:
    rows, texts = pair_rows([("Why?", "a", "b"), ("Why?", "b", "a")])
    notes = Pairs().decide(rows, Pairs().evidence(rows, texts))["note"].to_list()
    assert notes == ["the other way round in row 000000000000"] * 2


def test_a_row_taken_out_in_a_replay_swaps_nothing() -> None:
    rows, texts = pair_rows([("Why?", "a", "b"), ("Why?", "b", "a"), ("Why?", "a", "b")])
    evidence = Pairs().evidence(rows, texts)
    assert Pairs().decide(rows, evidence).height == 3
    assert Pairs().decide(rows[[0, 2]], evidence).is_empty()
    assert Pairs().decide(rows[[1, 2]], evidence).height == 2


def test_a_source_that_prefers_length_is_tagged() -> None:
    long = [(f"q{n}", "word " * 30, "word " * 10) for n in range(30)]
    even = [(f"r{n}", "a word", "the word"[: 6 + n % 2]) for n in range(30)]
    few = [(f"s{n}", "long " * 9, "short") for n in range(5)]
    sources = ["long"] * 30 + ["even"] * 30 + ["few"] * 5
    tags = found(Pairs(), [*long, *even, *few], sources)
    assert tags == dict.fromkeys(range(30), ("keep", "length_bias"))
    assert found(Pairs(max_length_bias=None), [*long, *even, *few], sources) == {}
    assert found(Pairs(max_length_bias=0.5), [*long, *even, *few], sources) == {}, "the bias is 0.5"


def test_the_bias_is_a_share_of_both_sides() -> None:
    rows, texts = pair_rows([("q", "aaa", "b"), ("r", "a", "bb")])
    assert Pairs().evidence(rows, texts)["length_bias"].to_list() == pytest.approx([1 / 7] * 2)


def test_without_pairs_no_text_is_read() -> None:
    rows, _ = pair_rows([("q", "a", "b")])
    chats = rows.with_columns(shape=pl.lit("chat", ROWS["shape"]))
    assert Pairs().evidence(chats, None).is_empty()  # type: ignore[arg-type]
    assert Pairs().decide(chats, Pairs().evidence(chats, None)).is_empty()  # type: ignore[arg-type]
