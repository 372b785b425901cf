"""Pushback: bounded, reversible, the same for the same records."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.feedback_records import Record, curated, record
from tilth.curation.feedback.pushback import PushbackPolicy, Steering, steer

POLICY = PushbackPolicy()
SLICES = ("a", "b", "c")


def shift(steering: Steering, rows: pl.DataFrame) -> float:
    """Return the total variation between the mixture of `rows` and the steered one."""
    factors = rows.join(steering.weights, on="row_id", how="left").with_columns(
        pl.col("factor").fill_null(1.0)
    )
    mass = factors.group_by("slice").agg(p=pl.col("factor").sum(), q=pl.len())
    return float(((mass["p"] / mass["p"].sum()) - (mass["q"] / mass["q"].sum())).abs().sum() / 2)


@st.composite
def histories(draw: st.DrawFn) -> tuple[pl.DataFrame, list[Record]]:
    """Any records about the same rows, hostile ones included."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    rows = curated({name: rng.choice((0, 3, 40, 200)) for name in SLICES})
    records = []
    for number in range(draw(st.integers(0, 6))):
        noisy = rng.sample(range(rows.height), k=int(rows.height * rng.choice((0, 0.01, 0.3, 1))))
        kinds = ("overfit", "memorising", "repeated", "none", "coverage_gap")
        slices = {name: (rng.choice(kinds), rng.random()) for name in SLICES if rng.random() < 0.7}
        precision = [rng.choice((0.5, 0.9, 1.0)) for _ in range(rows.height)]
        records.append(record(rows, noisy=noisy, precision=precision, slices=slices, number=number))
    return rows, records


@settings(deadline=None, max_examples=120)
@given(histories())
def test_bounds_hold_whatever_the_records_say(history: tuple[pl.DataFrame, list[Record]]) -> None:
    rows, records = history
    sizes = dict(rows.group_by("slice").len().iter_rows())
    before: set[bytes] = set()
    for upto in range(len(records) + 1):
        steering = steer(rows, records[:upto], POLICY)
        held = set(steering.findings["row_id"])
        by_slice = rows.filter(pl.col("row_id").is_in(steering.findings["row_id"].implode())).group_by(
            "slice"
        )
        assert all(n <= 0.2 * sizes[name] for name, n in by_slice.len().iter_rows())
        added = rows.filter(pl.col("row_id").is_in(list(held - before))).group_by("slice").len()
        assert all(n <= 0.05 * sizes[name] for name, n in added.iter_rows())
        assert len(held ^ before) <= 0.1 * rows.height
        assert steering.weights["factor"].is_between(0.25 - 1e-6, 4).all()
        assert shift(steering, rows) <= 0.15 + 1e-5
        before = held


@settings(deadline=None, max_examples=30)
@given(histories(), st.integers(0, 100))
def test_the_order_of_rows_does_not_matter(history: tuple[pl.DataFrame, list[Record]], seed: int) -> None:
    rows, records = history
    expected = steer(rows, records, POLICY)
    shuffled = [(d, h, seen.sample(fraction=1, shuffle=True, seed=seed), s) for d, h, seen, s in records]
    found = steer(rows.sample(fraction=1, shuffle=True, seed=seed), shuffled, POLICY)
    assert found.findings.equals(expected.findings)
    assert found.weights.equals(expected.weights)
    assert found.actions == expected.actions


def test_the_surest_rows_go_first_and_say_why() -> None:
    rows = curated({"a": 100})
    precision = [0.9 + i / 1000 for i in range(100)]
    found = steer(rows, [record(rows, noisy=list(range(100)), precision=precision)], POLICY)
    assert [int.from_bytes(key, "big") for key in found.findings["row_id"]] == [95, 96, 97, 98, 99]
    assert set(found.findings["stage"]) == {"pushback"}
    assert found.findings["threshold"].unique().to_list() == [0.9]
    [action] = found.actions
    assert action["action"] == "quarantine"
    assert action["record"][:12] in action["reverse"]


def test_a_quarantine_lapses_unless_it_is_confirmed() -> None:
    rows = curated({"a": 100})
    news = [record(rows, noisy=[7], number=0)] + [record(rows, number=i) for i in (1, 2)]
    assert [steer(rows, news[: i + 1], POLICY).findings.height for i in range(3)] == [1, 1, 0]
    again = [news[0], news[1], record(rows, noisy=[7], number=2), record(rows, number=3)]
    assert [steer(rows, again[: i + 1], POLICY).findings.height for i in range(4)] == [1, 1, 1, 1]


def test_slices_weigh_less_by_what_was_found_and_recover() -> None:
    rows = curated({"a": 10, "b": 990})
    found = {"memorising": 0.606531, "overfit": 0.367879}
    for finding, factor in found.items():
        steering = steer(rows, [record(rows, slices={"a": (finding, 1.0)})], POLICY)
        assert steering.weights["factor"].unique().to_list() == [pytest.approx(factor, abs=1e-5)]
        assert steering.weights["reason"].unique().to_list() == [finding]
        assert steering.weights.height == 10
    news = [record(rows, slices={"a": ("repeated", 0.4)}, number=0)] + [
        record(rows, number=i) for i in (1, 2)
    ]
    assert [steer(rows, news[: i + 1], POLICY).weights.height for i in range(3)] == [10, 10, 0]


def test_only_the_last_evaluation_counts() -> None:
    rows = curated({"a": 50, "b": 50})
    digest, header, seen, slices = record(rows, slices={"a": ("overfit", 1.0)})
    later = slices.with_columns(
        evaluation=pl.lit(9, pl.UInt32), finding=pl.lit("none", slices["finding"].dtype)
    )
    assert steer(rows, [(digest, header, seen, pl.concat([slices, later]))], POLICY).weights.is_empty()


def test_what_it_may_not_do_it_proposes() -> None:
    rows = curated({"a": 100})
    forgetting = {"finding": "forgetting", "evidence": "+0.05 nat on the base domain"}
    news = record(rows, noisy=[1], slices={"a": ("coverage_gap", 1.0)}, findings=[forgetting])
    found = steer(rows, [news], POLICY)
    assert [a["action"] for a in found.actions] == ["quarantine", "propose", "propose"]
    only = steer(rows, [news], PushbackPolicy(apply=False))
    assert only.findings.is_empty()
    assert only.weights.is_empty()
    assert {a["action"] for a in only.actions} == {"propose"}


def test_what_monitors_note_is_proposed_in_their_own_words_and_nothing_else_of_them_is() -> None:
    rows = curated({"a": 100})
    acted_on = {
        "finding": "memorising",
        "monitor": "twin_gap",
        "evidence": "",
        "proposes": "the slice weighs less",
    }
    noted = [
        {"finding": "noted", "monitor": name, "slice": slice_name, "evidence": name, "proposes": f"do {name}"}
        for name, slice_name in (("drift", None), ("drift", "a"), ("starvation", None), ("drift", None))
    ]
    found = steer(rows, [record(rows, findings=[acted_on, *noted])], POLICY)
    assert [(a["action"], a["target"], a["next"]) for a in found.actions] == [
        ("propose", "the run", "do drift"),
        ("propose", "a", "do drift"),
        ("propose", "the run", "do starvation"),
    ]
    assert found.weights.is_empty() and found.findings.is_empty()


def test_a_record_left_out_takes_back_what_it_did() -> None:
    rows = curated({"a": 100})
    first, second = record(rows, noisy=[1], number=1), record(rows, noisy=[2], number=2)
    without = steer(rows, [first, second], PushbackPolicy(ignore=(second[0],)))
    assert without.findings.equals(steer(rows, [first], POLICY).findings)
    assert without.skipped == [{"record": second[0], "reason": "ignored by the recipe", "rows": 0}]


def test_rows_changed_or_gone_since_are_skipped_and_counted() -> None:
    rows = curated({"a": 100})
    news = record(rows, noisy=[1, 2])
    changed = pl.when(pl.col("row_id") == rows["row_id"][1]).then(pl.lit(b"x" * 32)).otherwise("text_digest")
    now = rows.with_columns(text_digest=changed)[:99]
    found = steer(now, [news], POLICY)
    assert found.findings["row_id"].to_list() == [rows["row_id"][2]]
    assert found.skipped == [{"record": news[0], "reason": "rows changed or gone since", "rows": 2}]


def test_no_rows_and_no_records() -> None:
    rows = curated({})
    assert steer(rows, [], POLICY).findings.is_empty()
    assert steer(rows, [record(rows)], POLICY).weights.is_empty()


def test_several_records_of_one_round_have_no_more_say_than_one() -> None:
    rows = curated({"a": 1000})
    records = [record(rows, noisy=list(range(1000)), number=number) for number in range(4)]
    assert steer(rows, records, POLICY).findings.height == 50
    apart = {digest: number for number, (digest, *_) in enumerate(records)}
    assert steer(rows, records, POLICY, apart).findings.height == 200  # four versions, the cumulative bound


def test_several_records_of_one_round_move_the_mixture_once() -> None:
    rows = curated({"a": 100, "b": 100})
    records = [record(rows, slices={"a": ("overfit", 1.0)}, number=number) for number in range(4)]
    assert shift(steer(rows, records, POLICY), rows) <= 0.15 + 1e-5
