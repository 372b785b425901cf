"""Class 40: a number is what it is: none that differ share an id, none changes on its way into and out of a store."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.faults.decided import curated, fates, write_lines
from tilth.shards.digest import exact_json
from tilth.shards.export import export

NUMBERS = [math.inf, None, -math.inf, math.nan, 1.5]
INTEGERS = [2**53 + 1, 2**53 + 2, 2**64 - 1, 2**64, 2**64 + 1, -(2**70), 10**40, 10**40 + 1]


def called(arguments: Any) -> dict[str, Any]:
    call = {"function": {"name": "order", "arguments": arguments}}
    return {
        "messages": [
            {"role": "user", "content": "Order what I asked for"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
        ]
    }


@pytest.mark.parametrize("where", ["arguments", "tools"])
def test_numbers_that_json_lacks_are_set_aside(where: str, tmp_path: Path) -> None:
    rows = [called({"amount": 2.0 if where == "tools" else number}) for number in NUMBERS]
    if where == "tools":
        rows = [row | {"tools": [{"name": "order", "limit": number}]} for row, number in zip(rows, NUMBERS)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    version = curated(tmp_path / "rows.parquet")
    assert fates(version) == ["non_finite", "keep", "non_finite", "non_finite", "keep"]


def test_integers_of_any_size_keep_their_digits(tmp_path: Path) -> None:
    # Of the last the arguments are written as text, as OpenAI does.
    rows = [called({"amount": number}) for number in INTEGERS] + [called(f'{{"amount": {10**50 + 1}}}')]
    version = curated(write_lines(tmp_path / "rows.jsonl", rows))
    assert fates(version) == ["keep"] * len(rows)
    wanted = {*INTEGERS, 10**50 + 1}
    stored = version.turns()["tool_calls"].drop_nulls()
    assert {json.loads(text)[0]["arguments"]["amount"] for text in stored} == wanted
    written = [
        messages
        for path in export(version, tmp_path / "out").rglob("*train*.parquet")
        for messages in pl.read_parquet(path)["messages"].to_list()
    ]
    calls = [call for messages in written for turn in messages for call in turn["tool_calls"] or ()]
    assert {json.loads(call["function"]["arguments"])["amount"] for call in calls} == wanted


def test_exact_json_reads_back_as_the_same_value() -> None:
    for value in (None, True, "ü null", 2**200, -0.0, 1e300, {"b": [None, 1.5], "a": 2**65}):
        assert json.loads(exact_json(value)) == value
    for number in (math.inf, -math.inf, math.nan):
        for value in (number, [number], {"a": {"b": (number,)}}, {"a": number, "b": 2**70}):
            with pytest.raises(ValueError, match=r"finite|range"):
                exact_json(value)
