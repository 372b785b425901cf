"""Class 39: rows that differ are not dropped as the same, however short, alike by hash, or equal in their text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.faults.decided import curated, fates, write_lines
from tilth.curation.dedup import near_duplicates, semantic_duplicates
from tilth.curation.similarity.shingles import describe

TEXTS = 300_000


def colliding_pairs(words: str) -> list[tuple[str, str]]:
    """Return pairs of short texts whose one shingle has the same 32 bits."""
    texts = pl.Series([f"{words} {n % 700} {n // 700}" for n in range(TEXTS)])
    low = describe(texts)["low"].to_numpy().astype(np.uint32)
    order = np.argsort(low, kind="stable")
    same = np.flatnonzero(low[order][1:] == low[order][:-1])
    return [(texts[int(order[i])], texts[int(order[i + 1])]) for i in same]


@pytest.fixture(scope="module")
def pairs() -> list[tuple[str, str]]:
    found = colliding_pairs("approve") + colliding_pairs("order number")
    assert len(found) > 5
    return found


def test_short_texts_are_told_apart_by_128_bits(pairs: list[tuple[str, str]]) -> None:
    for pair in pairs:
        texts = pl.Series(pair)
        same = pl.Series(["Decide this"] * 2)
        assert near_duplicates(texts).is_empty()
        assert near_duplicates(same, texts).is_empty()
        assert near_duplicates(texts, same).is_empty()
        assert semantic_duplicates(texts, cosine=0.5).is_empty()


def test_short_rows_are_kept_in_a_run(pairs: list[tuple[str, str]], tmp_path: Path) -> None:
    rows = [
        {"prompt": f"Decide on case {n}", "response": text} for n, pair in enumerate(pairs) for text in pair
    ]
    version = curated(write_lines(tmp_path / "rows.jsonl", rows), "split: null, conflict: null")
    assert "near_duplicate" not in fates(version)
    assert "same_text" not in fates(version)


def chat(
    reasoning: str | None = None, arguments: str = '{"degrees": 15}', tools: Any = None
) -> dict[str, Any]:
    call = {"id": "call_1", "function": {"name": "heat", "arguments": arguments}}
    said: dict[str, Any] = {
        "role": "assistant",
        "content": "I set the heater for the whole house now.",
        "tool_calls": [call],
    }
    row: dict[str, Any] = {
        "messages": [
            {
                "role": "user",
                "content": "Please set the heater of the whole house as I like it in the evening",
            },
            said | ({"reasoning": reasoning} if reasoning else {}),
        ]
    }
    return row | ({"tools": tools} if tools else {})


LONG = '{{"rooms": ["hall", "kitchen", "cellar", "attic", "bath", "porch", "study"], "mode": "slow", "degrees": {}}}'
UNEQUAL = {
    "reasoning": (chat("They like it warm, so 21."), chat("They like it cool, so 15.")),
    "no reasoning": (chat("They like it warm, so 21."), chat()),
    "tools": (
        chat(tools=[{"name": "heat", "description": "in Celsius"}]),
        chat(tools=[{"name": "heat", "description": "in Fahrenheit"}]),
    ),
    "numbers": (chat(arguments=LONG.format(15)), chat(arguments=LONG.format(16))),
    "large numbers": (chat(arguments=LONG.format(10**30 + 1)), chat(arguments=LONG.format(10**30 + 2))),
    "null and true": (chat(arguments=LONG.format("null")), chat(arguments=LONG.format("true"))),
}


@pytest.mark.parametrize("name", UNEQUAL)
def test_what_stands_beside_the_text_counts(name: str, tmp_path: Path) -> None:
    version = curated(write_lines(tmp_path / "rows.jsonl", UNEQUAL[name]), "split: null, conflict: null")
    assert fates(version) == ["keep", "keep"]


def test_what_is_the_same_beside_its_text_still_goes(tmp_path: Path) -> None:
    one, other = chat("They like it warm."), chat("They  like it WARM.")
    version = curated(write_lines(tmp_path / "rows.jsonl", [one, other]), "split: null, conflict: null")
    assert sorted(fates(version)) == ["keep", "same_text"]
