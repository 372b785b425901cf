from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.validators.version_tables import rid, tables
from tilth.validators.metrics import by_slice, by_source, funnel, heavy_rules, measure
from tilth.validators.representation import distributions

DROP = {"verdict": "drop", "stage": "length", "reason": "too_long"}
HOLD = {"verdict": "quarantine", "stage": "conflict", "reason": "conflicting_answers"}


def one(frame: pl.DataFrame) -> dict:
    assert frame.height == 1
    return frame.to_dicts()[0]


def test_counts_follow_every_line_to_one_fate() -> None:
    data = tables(
        [{"n": 1}, {"n": 2}, {"n": 3, **DROP}, {"n": 4, "source": "b", **HOLD}, {"n": 5, "source": "b"}],
        repeats=[("a", 10, 1), ("b", 11, 3)],
        unreadable=[("b", 12, "invalid_json")],
    )
    found = one(measure(data))
    assert (found["rows_in"], found["kept"], found["dropped"], found["quarantined"]) == (8, 3, 3, 2)
    assert found["unaccounted"] == 0
    assert found["distinct_rows"] == 5
    assert found["quarantine_rate"] == 0.25
    assert found["max_source_loss"] == 0.75
    assert [(r["verdict"], r["stage"], r["reason"], r["rows"]) for r in funnel(data).to_dicts()] == [
        ("drop", "dedup", "exact_duplicate", 2),
        ("quarantine", "conflict", "conflicting_answers", 1),
        ("drop", "length", "too_long", 1),
        ("quarantine", "read", "invalid_json", 1),
    ]
    assert by_source(data).to_dicts()[1] == {
        "source": "b", "lines": 4, "kept": 1, "dropped": 1, "quarantined": 2, "unaccounted": 0, "loss": 0.75,
    }  # fmt: skip


def test_a_line_without_a_decision_and_a_decision_without_a_line_are_unaccounted() -> None:
    data = tables([{"n": 1}, {"n": 2}], repeats=[("a", 9, 77)])
    assert one(measure(data))["unaccounted"] == 1
    lost = data.occurrences.filter(pl.col("row_id") == rid(1))
    assert one(measure(type(data)(lost, data.rows, data.decisions, data.measures)))["unaccounted"] == 1


def test_duplicate_rate_looks_at_texts_after_rewrites() -> None:
    same = b"\7" * 32
    data = tables([{"n": 1, "text_digest": same}, {"n": 2, "text_digest": same}, {"n": 3}, {"n": 4}])
    assert one(measure(data))["duplicate_rate"] == 0.25


def test_leak_rate_sees_a_shared_text_and_a_shared_conversation() -> None:
    same = b"\7" * 32
    data = tables(
        [
            {"n": 1, "text_digest": same},
            {"n": 2, "group": "talk 1"},
            {"n": 3, "split": "promotion", "text_digest": same},
            {"n": 4, "split": "feedback", "group": "talk 1"},
            {"n": 5, "split": "final", "group": "talk 2"},
            {"n": 6, "split": "final", "source": "b", "group": "talk 1"},
        ]
    )
    assert one(measure(data))["leak_rate"] == 0.5


def test_split_miss_is_what_is_held_out_against_what_was_asked() -> None:
    held = [{"n": n, "split": "feedback"} for n in range(10)] + [
        {"n": n, "split": "final"} for n in range(10, 12)
    ]
    data = tables([*held, *({"n": n} for n in range(12, 100))])
    asked = {"feedback": 0.02, "promotion": 0.02, "final": 0.02}
    assert one(measure(data))["split_miss"] == 0.0
    assert one(measure(data, asked))["split_miss"] == 0.06  # feedback and promotion are one
    assert (
        one(measure(data, {"feedback": 0.1, "promotion": 0.0, "final": 0.01}))["split_miss"] == 0.0
    )  # one row
    assert one(measure(data, dict.fromkeys(asked, 0.0)))["split_miss"] == 0.0


def test_effective_rate_is_kish_over_train_rows() -> None:
    data = tables([{"n": 1, "weight": 2_000_000}, {"n": 2, "weight": 0}, {"n": 3, "split": "final"}])
    assert one(measure(data))["effective_rate"] == 0.5
    assert by_slice(data).select("rows", "rows_train", "weight", "share").row(0) == (3, 2, 2.0, 1.0)


def test_weights_of_many_rows_do_not_overflow() -> None:
    data = tables([{"n": n, "source": "ab"[n % 2]} for n in range(10_000)])
    assert by_slice(data)["weight"].to_list() == [5000.0, 5000.0]
    shares = {d["by"]: [line["after"] for line in d["lines"]] for d in distributions(data, {})}
    assert shares["source"] == [0.5, 0.5]


def test_nothing_gives_null_rates_that_no_check_can_pass() -> None:
    found = one(measure(tables([])))
    assert found["rows_in"] == 0 and found["unaccounted"] == 0
    assert found["duplicate_rate"] is None and found["quarantine_rate"] is None
    assert found["max_source_loss"] is None and found["effective_rate"] is None
    assert found["leak_rate"] == 0.0


def test_heavy_rules_are_those_over_two_per_cent_of_a_source() -> None:
    data = tables([{"n": n} for n in range(97)] + [{"n": 97 + n, **DROP} for n in range(3)])
    assert [(r["source"], r["reason"], r["share"]) for r in heavy_rules(data).to_dicts()] == [
        ("a", "too_long", 0.03)
    ]
    assert heavy_rules(data, over=0.03).height == 0


rows = st.lists(st.sampled_from([{}, DROP, HOLD]), max_size=30)
places = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40)), max_size=10)


@settings(max_examples=40, deadline=None)
@given(rows, places, st.lists(st.sampled_from("ab"), max_size=5))
def test_conservation_holds_whatever_the_tables_say(verdicts: list, repeats: list, unreadable: list) -> None:
    data = tables(
        [{"n": n, **v} for n, v in enumerate(verdicts)],
        repeats=[(s, 100 + i, n) for i, (s, n) in enumerate(repeats)],
        unreadable=[(s, 200 + i, "blank") for i, s in enumerate(unreadable)],
    )
    found = one(measure(data))
    orphans = len({n for _, n in repeats if n >= len(verdicts)})
    assert found["unaccounted"] == orphans
    assert found["rows_in"] == found["kept"] + found["dropped"] + found["quarantined"] + orphans
    sources = by_source(data)
    assert sources["lines"].sum() == found["rows_in"] and sources["kept"].sum() == found["kept"]
    assert funnel(data)["rows"].sum() == found["dropped"] + found["quarantined"]
