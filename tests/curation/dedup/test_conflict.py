"""Conflicts: only where there can be one answer."""

from __future__ import annotations

import pytest

from tests.row_frames import make_rows
from tilth.curation.dedup.conflict import Conflict
from tilth.shards.tables import Verdict


def verdicts(pairs: list[tuple[str, str]], stage: Conflict | None = None) -> dict[str, str]:
    stage = stage or Conflict()
    frame, texts = make_rows(pairs)
    found = stage.decide(frame, stage.evidence(frame, texts))
    answers = texts.responses(found["row_id"])
    return {a: f"{v} {r}" for a, v, r in zip(answers, found["verdict"], found["reason"])}


def test_short_answers_that_disagree_are_set_aside_together() -> None:
    asked = [("What is 7 * 8?", "56"), ("what is  7 * 8", "54"), ("What is 7 + 8?", "15")]
    assert verdicts(asked) == {
        "56": "quarantine conflicting_answers",
        "54": "quarantine conflicting_answers",
    }


@pytest.mark.parametrize(
    "answers",
    [
        ("Hi, what can I get for you?", "Hello! What would you like today?"),
        ("72", "The answer is 72."),
        ("Paris", "It is Paris!"),
    ],
)
def test_open_ended_and_nested_answers_are_only_tagged(answers: tuple[str, str]) -> None:
    found = verdicts([("Tell me", answer) for answer in answers])
    assert set(found.values()) == {"keep several_answers"}


@pytest.mark.parametrize("answers", [("56", "56."), ("Yes", "yes"), ("a  b", "A b")])
def test_the_same_answer_in_other_dress_is_no_conflict(answers: tuple[str, str]) -> None:
    assert verdicts([("Tell me", answer) for answer in answers]) == {}


def test_a_part_of_a_number_is_another_number() -> None:
    assert set(verdicts([("Count", "7"), ("Count", "72")]).values()) == {"quarantine conflicting_answers"}


def test_rows_without_a_prompt_have_none_in_common() -> None:
    assert verdicts([("", "one"), ("", "two")]) == {}


def test_bounds_are_the_recipes() -> None:
    asked = [("Name it", "a rather long name indeed"), ("Name it", "some other long name")]
    assert set(verdicts(asked, Conflict(max_chars=40, verdict=Verdict.DROP)).values()) == {
        "drop conflicting_answers"
    }
