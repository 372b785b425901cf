"""Why feedback changed nothing is said, with the number and the key that decide it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.feedback_records import curated, record
from tilth.curation.feedback.policy import PushbackPolicy
from tilth.curation.feedback.pushback import steer
from tilth.curation.feedback.reasons import NOTHING_ASKED, reasons_of
from tilth.curation.recipe import parse
from tilth.curation.run.decide import proposes_only

POLICY = PushbackPolicy()


def reasons(why: str = "", **found: object) -> list[str]:
    rows = curated({"a": 100})
    news = record(rows, **found)  # type: ignore[arg-type]
    return reasons_of(steer(rows, [news], POLICY), [news[0]], why)


def test_a_precision_under_the_bar_is_named() -> None:
    [said] = reasons(noisy=[1, 2, 3], precision=0.6)
    assert said.startswith("3 rows: ")
    assert "under 0.9 (pushback.min_precision)" in said


def test_a_bound_is_named_with_what_lies_beyond_it() -> None:
    [said] = reasons(noisy=list(range(45)))
    assert said.startswith("40 rows: ")
    assert "5% of a slice" in said


def test_few_rows_are_named_where_something_was_asked() -> None:
    assert reasons("few rows", noisy=[1])[0] == "few rows"
    assert reasons("few rows", noisy=[1], precision=0.5) != ["few rows"]


def test_a_record_that_asks_for_nothing_says_so() -> None:
    assert reasons() == [NOTHING_ASKED]


@pytest.mark.parametrize(
    ("recipe", "rows", "word"),
    [({}, 100, "under 200 each"), ({}, 100_000, ""), ({"pushback": None}, 100_000, "only propose"),
     ({"pushback": {"apply": False}}, 100_000, "only propose"), ({"split": None}, 100_000, "held-out splits")],
)  # fmt: skip
def test_why_feedback_only_proposes(recipe: dict[str, object], rows: int, word: str) -> None:
    why = proposes_only(parse(recipe, Path.cwd()), rows)
    assert word in why
    assert bool(why) == bool(word)
