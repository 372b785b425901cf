"""Splits: by hash alone, so that they hold when rows come and go."""

from __future__ import annotations

import polars as pl
import pytest

from tests.row_frames import make_rows
from tilth.curation.dedup.split import Splits, split_plan
from tilth.shards.errors import RecipeError


def assign(stage: Splits, pairs: list[tuple[str, str]], **columns: list[str | None]) -> pl.DataFrame:
    frame, texts = make_rows(pairs, **columns)
    found = stage.decide(frame, stage.evidence(frame, texts))
    return found.with_columns(prompt=texts.prompts(found["row_id"]))


def prompts(n: int) -> list[tuple[str, str]]:
    return [(f"question number {i} about parcel {i * 7}", f"answer {i}") for i in range(n)]


def test_shares_are_met_and_folds_are_even() -> None:
    found = assign(Splits(feedback=0.03, promotion=0.05, final=0.07), prompts(20_000))
    shares = {str(name): n / 20_000 for name, n in found["split"].value_counts().iter_rows()}
    for name, share in {"feedback": 0.03, "promotion": 0.05, "final": 0.07, "train": 0.85}.items():
        assert shares[name] == pytest.approx(share, abs=0.01)
    folds = found["fold"].value_counts()["count"]
    assert found["fold"].max() == 39
    assert folds.len() == 40
    assert folds.min() > 400


def test_an_assignment_holds_when_rows_come_and_go() -> None:
    stage = Splits(min_rows=0)
    alone, among = (assign(stage, prompts(n)) for n in (500, 5000))
    both = alone.join(among, on="row_id")
    assert both.height == 500
    assert both["split"].equals(both["split_right"])
    assert both["fold"].equals(both["fold_right"])


def test_growing_out_of_the_merge_moves_no_row_into_train() -> None:
    small, large = assign(Splits(), prompts(3000)), assign(Splits(), prompts(12_000))
    assert "promotion" not in small["split"]
    both = small.join(large, on="row_id")
    before = both.filter(pl.col("split_right") == "promotion")
    assert before.height > 20
    assert set(before["split"].cast(pl.String)) == {"feedback"}
    assert both.filter((pl.col("split") == "train") != (pl.col("split_right") == "train")).is_empty()


def test_rows_of_a_group_stay_together_and_so_do_equal_first_prompts() -> None:
    found = assign(Splits(), prompts(3000), group=[f"page{i % 60}" for i in range(3000)])
    assert found["split"].n_unique() > 1
    assert found["fold"].n_unique() > 10
    keys = assign(Splits(), [("the same question about it", f"answer {i}") for i in range(50)])
    assert keys["fold"].n_unique() == 1


def test_near_equal_prompts_mostly_share_a_fold() -> None:
    base = " ".join(f"fact{i}" for i in range(100))
    found = assign(Splits(), [(f"{base} question {i}", "yes") for i in range(300)])
    assert found["fold"].value_counts()["count"].max() > 240


def test_rows_without_a_prompt_are_spread_by_their_response() -> None:
    found = assign(Splits(), [("", f"document number {i} of the archive") for i in range(200)])
    assert found["fold"].n_unique() > 30


def test_hashes_are_the_same_for_ever() -> None:
    stage = Splits(feedback=0.05, promotion=0.05, final=0.05, min_rows=0)
    found = assign(stage, prompts(40), group=[None] * 20 + ["a"] * 20).sort("prompt")
    assert found["fold"].to_list() == [
        30,
        23,
        26,
        21,
        1,
        39,
        12,
        37,
        31,
        36,
        23,
        6,
        13,
        26,
        26,
        26,
        26,
        26,
        26,
        26,
        26,
        26,
        26,
        33,
        26,
        26,
        26,
        26,
        26,
        26,
        26,
        26,
        26,
        26,
        4,
        14,
        20,
        0,
        21,
        28,
    ]
    assert "".join(str(name)[0] for name in found["split"]) == "tttpttftftttttttttttttttttttttttttttfttt"


def test_a_plan_says_when_there_is_too_little() -> None:
    enough = split_plan(10_000, feedback=0.02, promotion=0.02, final=0.02)
    assert (enough.feedback, enough.promotion, enough.final, enough.merged) == (200, 200, 200, False)
    short = split_plan(9_000, feedback=0.02, promotion=0.02, final=0.02)
    assert (short.feedback, short.promotion, short.merged) == (360, 0, True)
    assert "9,000 rows" in short.note
    assert not split_plan(100, feedback=0.02, promotion=0.0, final=0.02).merged


@pytest.mark.parametrize("shares", [(0.1, 0.05, 0.01), (-0.01, 0.02, 0.02)])
def test_shares_beyond_reason_are_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(RecipeError, match=r"curation\.split"):
        Splits(*shares)
    assert sum((0.05, 0.05, 0.05)) > 0.15  # a float that must still pass
    Splits(0.05, 0.05, 0.05)
