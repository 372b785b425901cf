"""Pushback: bounded, reversible, the same for the same records."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.feedback_records import Record, curated, record
from tilth.curation.feedback.policy import BURNED, PushbackPolicy
from tilth.curation.feedback.pushback import Steering, steer, topped_up

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
    assert [a["action"] for a in found.actions] == ["quarantine", "top up", "propose", "propose"]
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


def named(rows: pl.DataFrame, places: dict[int, int], finding: str, number: int = 0) -> Record:
    """Return a record that finds rows (place -> times seen) seen too often or recited."""
    digest, header, seen, slices = record(rows, number=number)
    kinds = [finding if i in places else "none" for i in range(rows.height)]
    seen = seen.with_columns(
        finding=pl.Series(kinds, dtype=seen["finding"].dtype),
        n_exposures=pl.Series([places.get(i, 1) for i in range(rows.height)], dtype=pl.UInt32),
    )
    return digest, header, seen, slices


def test_rows_seen_too_often_weigh_as_if_drawn_four_times_and_recited_ones_once() -> None:
    rows = curated({"a": 100})
    often = steer(rows, [named(rows, {1: 20, 2: 8, 3: 64}, "repeated")], POLICY)
    assert dict(often.weights.select("row_id", "factor").iter_rows()) == {
        rows["row_id"][1]: 0.25,  # a fifth would be under the least weight
        rows["row_id"][2]: 0.5,
        rows["row_id"][3]: 0.25,
    }
    [action] = [a for a in often.actions if a["action"] == "cap"]
    assert action["target"] == "3 rows of a" and "of all rows a round" in action["bound"]
    recited = steer(rows, [named(rows, {1: 2}, "extractable")], POLICY)
    assert recited.weights["factor"].to_list() == [0.5]
    assert steer(rows, [named(rows, dict.fromkeys(range(100), 64), "repeated")], POLICY).weights.height == 10


def test_a_cap_lapses_unless_it_is_confirmed_and_moves_the_mixture_within_its_bound() -> None:
    rows = curated({"a": 100, "b": 100})
    news = [named(rows, {1: 64}, "repeated")] + [record(rows, number=i) for i in (1, 2)]
    assert [steer(rows, news[: i + 1], POLICY).weights.height for i in range(3)] == [1, 1, 0]
    loose = PushbackPolicy(max_row_share=1.0)
    found = steer(rows, [named(rows, dict.fromkeys(range(100), 64), "repeated")], loose)
    assert shift(found, rows) <= 0.15 + 1e-5


def test_a_tenth_of_the_quarantined_rows_is_paroled_by_each_later_round() -> None:
    rows = curated({"a": 1000})
    first = record(rows, noisy=list(range(50)), number=0)
    second = record(rows, noisy=[49], number=1)
    one_round = steer(rows, [first, second], POLICY)
    assert one_round.findings.height == 50  # records of one round parole nothing
    found = steer(rows, [first, second], POLICY, {first[0]: 0, second[0]: 1})
    assert found.findings.height == 45
    assert rows["row_id"][49] in found.findings["row_id"].to_list()  # confirmed, so not let go
    [action] = [a for a in found.actions if a["action"] == "parole"]
    assert (action["target"], action["bound"]) == ("5 rows", "10% of 50 rows in quarantine")
    again = record(rows, noisy=list(range(50)), number=1)
    assert steer(rows, [first, again], POLICY, {first[0]: 0, again[0]: 1}).findings.height == 50


def test_a_starved_slice_weighs_more_within_the_bound() -> None:
    rows = curated({"a": 100, "b": 900})
    starved = [{"finding": "starved", "slice": "a", "monitor": "starvation", "evidence": "it falls"}]
    found = steer(rows, [record(rows, findings=starved)], POLICY)
    mass = rows.join(found.weights, on="row_id", how="left").with_columns(pl.col("factor").fill_null(1.0))
    shares = dict(mass.group_by("slice").agg(pl.col("factor").sum()).iter_rows())
    assert shares["a"] / (shares["a"] + shares["b"]) == pytest.approx(
        0.1 * 1.6487 / (0.9 + 0.16487), abs=1e-3
    )
    assert found.weights["factor"].max() <= 1.0 and shift(found, rows) <= 0.15


def test_slices_that_lack_rows_take_some_in_and_only_as_many_as_there_were() -> None:
    rows = curated({"a": 30, "b": 970})
    asks = [{"finding": "top_up", "slice": name, "evidence": "worn out"} for name in ("a", "b", "gone")]
    found = steer(rows, [record(rows, findings=asks)], POLICY)
    assert found.top_up == {"a": 30, "b": 50}
    assert sum(found.top_up.values()) <= 0.1 * rows.height
    twice = steer(rows, [record(rows, findings=asks), record(rows, findings=asks, number=1)], POLICY)
    assert twice.top_up == found.top_up  # one round
    targets = [a["target"] for a in topped_up(found, {"a": 12}).actions if a["action"] == "top up"]
    assert targets == ["12 rows of a"]
    assert steer(rows, [record(rows, findings=asks)], PushbackPolicy(apply=False)).top_up == {}


def test_a_record_whose_feedback_split_is_burned_steers_nothing() -> None:
    rows = curated({"a": 100})
    burned = record(rows, noisy=[1, 2], findings=[{"finding": "val_burned", "evidence": "+0.1 nat"}])
    found = steer(rows, [burned], POLICY)
    assert found.findings.is_empty() and found.admitted == []
    assert found.skipped == [{"record": burned[0], "reason": BURNED, "rows": 0}]
