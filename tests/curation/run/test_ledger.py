"""The ledger: every row keeps exactly one decision, and the first finding decides."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tilth.curation.run.ledger import Ledger
from tilth.shards.tables import DECISIONS, FINDINGS, Verdict, conform

IDS = [bytes([i]) * 16 for i in range(6)]


def ledger() -> Ledger:
    return Ledger(pl.Series("row_id", IDS, dtype=pl.Binary), pl.Series("slice", ["a"] * len(IDS)))


def findings(*lines: tuple[int, str, str]) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "row_id": [IDS[i] for i, _, _ in lines],
            "verdict": [verdict for _, verdict, _ in lines],
            "reason": [reason for _, _, reason in lines],
        },
        schema={"row_id": pl.Binary, "verdict": pl.String, "reason": pl.String},
    )
    return conform(frame, FINDINGS)


def test_first_finding_decides_and_later_stages_cannot_revive() -> None:
    book = ledger()
    book.apply("length", findings((0, "drop", "too long"), (0, "quarantine", "odd")))
    book.apply("dedup", findings((0, "drop", "near_duplicate"), (1, "keep", "tagged only")))
    decided = book.decisions()
    assert decided.schema == DECISIONS
    assert decided["reason"].to_list() == ["too long", None, None, None, None, None]
    assert decided["stage"][0] == "length"
    assert book.tags()["row_id"].to_list() == [IDS[1]]


def test_a_dropped_row_has_no_split_and_no_weight() -> None:
    book = ledger()
    book.apply("split", pl.DataFrame({"row_id": IDS, "split": ["train"] * 6, "fold": [3] * 6}))
    book.apply("dedup", findings((2, "drop", "near_duplicate")))
    line = book.decisions().row(2, named=True)
    assert (line["split"], line["fold"], line["slice"], line["weight"]) == (None, None, None, None)
    assert book.decisions()["fold"].to_list() == [3, 3, None, 3, 3, 3]


def test_feedback_weights_touch_only_train_rows_and_stay_within_bounds() -> None:
    book = ledger()
    book.apply("split", pl.DataFrame({"row_id": IDS, "split": ["train"] * 5 + ["final"], "fold": [0] * 6}))
    factors = pl.DataFrame({"row_id": [IDS[0], IDS[1], IDS[5]], "factor": [0.01, 0.5, 0.5]})
    book.multiply_weights(factors, low=0.25, high=4.0)
    assert book.decisions()["weight"].to_list() == [
        250_000,
        500_000,
        1_000_000,
        1_000_000,
        1_000_000,
        1_000_000,
    ]


def test_a_weight_that_balance_set_low_is_not_pushed_under_the_bound() -> None:
    book = ledger()
    weights = [300_000, 100_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000]
    book.apply("balance", pl.DataFrame({"row_id": IDS, "split": ["train"] * 6, "weight": weights}))
    book.multiply_weights(pl.DataFrame({"row_id": IDS[:2], "factor": [0.25, 0.25]}), low=0.25, high=4.0)
    assert book.decisions()["weight"].to_list()[:2] == [250_000, 100_000]


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.integers(0, 5), st.sampled_from([v.value for v in Verdict]), st.sampled_from(["r", "s"])
            ),
            max_size=8,
        ),
        max_size=6,
    )
)
def test_no_sequence_of_findings_loses_or_invents_a_row(stages: list[list[tuple[int, str, str]]]) -> None:
    book = ledger()
    first: dict[int, str] = {}
    for number, lines in enumerate(stages):
        book.apply(f"stage{number}", findings(*lines))
        for index, verdict, _ in lines:
            if verdict != "keep":
                first.setdefault(index, verdict)
    decided = book.decisions()
    assert decided["row_id"].to_list() == IDS
    assert decided["verdict"].to_list() == [first.get(i, "keep") for i in range(6)]
    assert book.kept().height == 6 - len(first)
    assert set(book.tags()["row_id"]) <= set(book.kept()["row_id"])
