"""Balance: declared shares are met, or the cell that cannot meet them is named."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.row_frames import make_rows
from tilth.curation.select.balance import Balance
from tilth.shards.errors import RecipeError
from tilth.shards.tables import WEIGHT_UNIT


def weigh(stage: Balance, **columns: list[Any]) -> pl.DataFrame:
    n = len(next(iter(columns.values())))
    frame, texts = make_rows([(f"question {i}", "x") for i in range(n)], **columns)
    weighed = stage.decide(frame, stage.evidence(frame, texts))
    return frame.join(weighed, on="row_id", how="left")


def shares(rows: pl.DataFrame, column: str) -> dict[str, float]:
    total = rows["weight"].sum()
    return dict(rows.group_by(column).agg(pl.col("weight").sum() / total).iter_rows())


def test_two_margins_are_met_together() -> None:
    source = ["faq"] * 500 + ["mail"] * 300 + ["wiki"] * 200
    names = [json.dumps({"topic": "returns" if i % 3 else "prices"}) for i in range(1000)]
    target = {
        "source": {"faq": 0.4, "mail": 0.3, "wiki": 0.3},
        "topic": {"returns": 0.5, "prices": 0.5},
    }
    rows = weigh(Balance(target=target), source=source, attributes=names)
    assert shares(rows, "source") == pytest.approx(target["source"], abs=0.01)
    topic = rows.with_columns(topic=pl.col("attributes").str.json_path_match("$.topic"))
    assert shares(topic, "topic") == pytest.approx(target["topic"], abs=0.01)
    assert rows["weight"].mean() == pytest.approx(WEIGHT_UNIT, rel=1e-3)


def test_values_that_are_not_named_keep_their_share() -> None:
    rows = weigh(Balance(target={"slice": {"a": 0.5, "b": 0.5}}), slice=["a"] * 60 + ["b"] * 20 + ["c"] * 20)
    found = shares(rows, "slice")
    assert found["a"] == pytest.approx(found["b"], abs=0.01)
    assert found["c"] == pytest.approx(0.2, abs=0.03)


def test_a_target_of_one_value_does_what_it_says() -> None:
    rows = weigh(Balance(target={"slice": {"b": 0.3}}), slice=["a"] * 70 + ["b"] * 20 + ["c"] * 10)
    found = shares(rows, "slice")
    assert found["b"] == pytest.approx(0.3, abs=0.01)
    assert found["a"] / found["c"] == pytest.approx(7, rel=0.01)


def test_trimmed_weights_do_not_hand_the_rest_to_values_that_are_not_named() -> None:
    slices = ["a"] * 900 + ["b"] * 60 + ["c"] * 40
    rows = weigh(Balance(target={"slice": {"a": 0.9, "b": 0.1}}, min_effective=0.3), slice=slices)
    assert shares(rows, "slice")["c"] == pytest.approx(0.04, abs=0.004)


def test_a_small_share_is_met_by_its_own_size_or_refused() -> None:
    slices = ["a"] * 2997 + ["b"] * 3
    rows = weigh(Balance(target={"slice": {"b": 0.003}}), slice=slices)
    assert shares(rows, "slice")["b"] == pytest.approx(0.003, rel=0.1)
    with pytest.raises(RecipeError, match=r"target\.slice\.b: a share of 0\.009 is out of reach: 0\.1%"):
        weigh(Balance(target={"slice": {"b": 0.009}}), slice=slices)


def test_values_are_found_however_yaml_spells_them() -> None:
    attributes = [json.dumps({"label": i % 4 == 0, "stars": 1.0 + i // 4 % 2}) for i in range(200)]
    target = {"label": {"True": 0.5, "False": 0.5}, "stars": {"1": 0.5, "2": 0.5}}
    rows = weigh(Balance(target=target), attributes=attributes)
    labelled = rows.with_columns(label=pl.col("attributes").str.json_path_match("$.label"))
    assert shares(labelled, "label")["true"] == pytest.approx(0.5, abs=0.01)


def test_a_column_named_source_is_weighed_beside_the_files_name() -> None:
    attributes = [json.dumps({"source": "ab"[i % 4 == 0]}) for i in range(200)]
    rows = weigh(
        Balance(target={"source": {"b": 0.4}, "file": {"y": 0.6}}),
        attributes=attributes,
        source=["x" if i % 3 else "y" for i in range(200)],
        slice=["s"] * 200,
    )
    assert shares(rows, "source")["y"] == pytest.approx(0.6, abs=0.01)
    named = rows.with_columns(named=pl.col("attributes").str.json_path_match("$.source"))
    assert shares(named, "named")["b"] == pytest.approx(0.4, abs=0.01)


def test_only_training_rows_are_weighed() -> None:
    rows = weigh(
        Balance(target={"slice": {"a": 0.5, "b": 0.5}}),
        slice=["a"] * 60 + ["b"] * 40,
        split=["train", "train", "final", "train"] * 25,
    )
    assert rows.filter(pl.col("split") == "final")["weight"].null_count() == 25
    assert rows.filter(pl.col("split") == "train")["weight"].null_count() == 0


def test_without_a_target_every_weight_is_one() -> None:
    assert weigh(Balance(), slice=["a", "b"])["weight"].to_list() == [WEIGHT_UNIT] * 2


def test_rows_in_reserve_get_no_weight_back() -> None:
    rows = weigh(Balance(), slice=["a", "b"], split=["train", "reserve"])
    assert dict(rows.select("slice", "weight").iter_rows()) == {"a": WEIGHT_UNIT, "b": None}


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (Balance(target={"slice": {"a": 0.5, "z": 0.5}}), r"target\.slice\.z: .*no training row has"),
        (Balance(target={"slice": {"a": 0.2, "b": 0.8}}), r"target\.slice\.b: .*is out of reach: 5\.0%"),
        (
            Balance(target={"slice": {"a": 0.6, "b": 0.4}}, max_weight=10, min_effective=0.7),
            r"target\.slice\.b: .*effective sample of .*8\.0 times",
        ),
        (Balance(target={"colour": {"a": 1.0}}), r"colour: no row has this column"),
        (Balance(target={"slice": {"a": 1.0, "b": 0.0}}), r"shares must be above 0"),
    ],
)
def test_what_cannot_be_met_is_named(stage: Balance, message: str) -> None:
    attributes = [json.dumps({"size": 1})] * 100
    with pytest.raises(RecipeError, match=message):
        weigh(stage, slice=["a"] * 95 + ["b"] * 5, attributes=attributes)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), min_size=5, max_size=60),
    st.floats(0.05, 0.95),
    st.floats(0.05, 0.95),
)
def test_a_margin_is_met_or_refused(cells: list[tuple[str, str]], a: float, x: float) -> None:
    target = {"slice": {"a": a, "b": 1 - a}, "source": {"x": x, "y": (1 - x) / 2, "z": (1 - x) / 2}}
    stage = Balance(target=target, min_effective=0.5)
    try:
        rows = weigh(stage, slice=[c[0] for c in cells], source=[c[1] for c in cells])
    except RecipeError:
        return
    for column, wanted in target.items():
        assert shares(rows, column) == pytest.approx(wanted, abs=0.0101)
    weights = rows["weight"].cast(pl.Float64)
    assert weights.sum() ** 2 / (weights**2).sum() >= 0.5 * rows.height - 1e-6
    assert weights.max() <= 4 * WEIGHT_UNIT
    assert weights.min() >= WEIGHT_UNIT / 4
