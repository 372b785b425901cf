"""Selection: as many as asked for, the rest in reserve, held-out rows untouched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.row_frames import make_rows
from tilth.curation.select.select import Select
from tilth.shards.errors import RecipeError, SourceError
from tilth.shards.tables import Split

TOPICS = ("steep the green tea leaves", "change the engine oil", "the court voids the contract")


def select(
    stage: Select, rows: int = 30, score: list[Any] | None = None, **columns: list[Any]
) -> pl.DataFrame:
    """Return the rows with their texts' number and what selection assigned."""
    pairs = [(f"question {n} please", f"{TOPICS[n % 3]} number {n}") for n in range(rows)]
    frame, texts = make_rows(pairs, group=[str(n) for n in range(rows)], **columns)
    number = frame["group"].cast(pl.Int64)
    frame = frame.with_columns(number=number, topic=number % 3)
    if score is not None:
        frame = frame.with_columns(pl.Series("scores.ifd", [score[n] for n in number], dtype=pl.Float64))
    decided = stage.decide(frame, stage.evidence(frame, texts))
    joined = frame.join(
        decided.rename({"split": "new_split"}), on="row_id", how="left", maintain_order="left"
    )
    return joined.with_columns(chosen=pl.col("new_split").is_null())


@pytest.mark.parametrize("method", ["k_center", "facility_location"])
def test_what_covers_is_chosen_and_the_rest_is_reserve(method: Any) -> None:
    found = select(Select(method=method, rows=3))
    assert found.filter("chosen")["topic"].sort().to_list() == [0, 1, 2]
    rest = found.filter(~pl.col("chosen"))
    assert rest["new_split"].unique().to_list() == [Split.RESERVE.value]
    assert rest["weight"].unique().to_list() == [0]
    assert rest.select("verdict", "reason").unique().rows() == [("keep", "not_selected")]


def test_held_out_rows_are_neither_chosen_from_nor_touched() -> None:
    found = select(Select(method="k_center", share=0.5), split=["train", "final", "train"] * 10)
    assert found.filter(split="final")["chosen"].all()
    assert found.filter(split="train")["chosen"].sum() == 10


@pytest.mark.parametrize(("order", "best"), [("high", [8, 9]), ("low", [0, 1])])
def test_top_takes_the_best_and_unscored_rows_last(order: Any, best: list[int]) -> None:
    score = [float(n) if n < 10 else None for n in range(30)]
    found = select(Select(method="top", by="scores.ifd", order=order, rows=2), score=score)
    assert found.filter("chosen")["number"].sort().to_list() == best
    most = select(Select(method="top", by="scores.ifd", order=order, rows=15), score=score)
    assert most["chosen"].sum() == 15
    assert most.filter(pl.col("number") < 10)["chosen"].all()


def test_per_slice_the_shares_stay_what_they_were() -> None:
    slices = ["a"] * 20 + ["b"] * 7 + ["c"] * 3
    found = select(Select(method="k_center", rows=10, per="slice"), slice=slices)
    counts = dict(found.filter("chosen").group_by("slice").len().iter_rows())
    assert counts == {"a": 7, "b": 2, "c": 1}
    topics = [json.dumps({"topic": "x" if n < 10 else "y"}) for n in range(30)]
    found = select(Select(method="k_center", share=0.3, per="topic"), attributes=topics)
    assert found.filter("chosen")["chosen"].sum() == 9


def test_dsir_takes_what_resembles_the_target(tmp_path: Path) -> None:
    target = tmp_path / "target.jsonl"
    lines = [
        {"instruction": f"question {n} please", "output": f"{TOPICS[1]} number {n}"} for n in range(40, 80)
    ]
    target.write_text("\n".join(map(json.dumps, lines)))
    found = select(Select(method="dsir", rows=10, paths=(str(target),)))
    assert (found.filter("chosen")["topic"] == 1).mean() > 0.7
    (tmp_path / "none.jsonl").write_text("")
    with pytest.raises(SourceError, match="holds no row"):
        select(Select(method="dsir", rows=10, paths=(str(tmp_path / "none.jsonl"),)))


def test_more_than_there_is_takes_all() -> None:
    assert select(Select(method="k_center", rows=99))["chosen"].all()
    assert not select(Select(method="k_center", rows=0))["chosen"].any()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "needs rows or share"),
        ({"rows": 1, "share": 0.5}, "needs rows or share"),
        ({"share": 1.5}, "from 0 to 1"),
        ({"method": "top", "rows": 1}, r"by: names the measure"),
        ({"method": "dsir", "rows": 1}, r"paths: names the target set"),
        ({"method": "top", "by": "scores.beauty", "rows": 1}, "no row has the number 'scores.beauty'"),
        ({"per": "colour", "rows": 1}, "no row has a column 'colour'"),
    ],
)
def test_what_cannot_be_done_is_said(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        select(Select(**parameters), attributes=[json.dumps({"size": 1})] * 30)
