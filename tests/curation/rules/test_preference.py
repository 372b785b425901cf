from __future__ import annotations

import json

import pytest

from tests.turn_frames import reasons, turn_frame
from tilth.curation.rules.preference import Preference
from tilth.shards.tables import Shape


def pair(chosen: str, rejected: str, prompt: str = "Why?") -> list[tuple[str, str]]:
    return [("user", prompt), ("chosen", chosen), ("rejected", rejected)]


@pytest.mark.parametrize(
    ("chosen", "rejected", "same"),
    [
        ("Because.", "Because.", True),
        ("Because it is.", " because  it\nis. ", True),
        ("Because.", "Because!", False),
        ("4", "5", False),
        ("", "", True),
        ("", "No.", False),
    ],
)
def test_sides_that_say_the_same(chosen: str, rejected: str, same: bool) -> None:
    turns = turn_frame(pair(chosen, rejected), shape=Shape.PREFERENCE)
    assert reasons(Preference(), turns) == [{"identical_pair"} if same else set()]


def test_tool_calls_are_part_of_an_answer() -> None:
    calls = [json.dumps([{"arguments": {"q": q}, "id": "1", "name": "find"}]) for q in ("a", "b")]
    chosen, rejected = ({"text": None, "tool_calls": call} for call in calls)
    different = [("user", "Find a."), {"role": "chosen", **chosen}, {"role": "rejected", **rejected}]
    alike = [("user", "Find a."), {"role": "chosen", **chosen}, {"role": "rejected", **chosen}]
    turns = turn_frame(different, alike, shape=Shape.PREFERENCE)
    assert reasons(Preference(), turns) == [set(), {"identical_pair"}]


def test_what_a_trainer_cuts_off_does_not_count() -> None:
    turns = turn_frame(
        pair("one two three", "one two four"),
        pair("one", "two"),
        pair("a", "b", "x" * 50),
        shape=Shape.PREFERENCE,
    )
    assert reasons(Preference(), turns) == [set()] * 3
    cut = {"pair_cut_to_the_same"}
    assert reasons(Preference(max_chars=12), turns) == [cut, set(), cut]
    assert reasons(Preference(max_chars=13), turns) == [set(), set(), cut]


def test_other_rows_are_not_measured() -> None:
    assert Preference().measure(turn_frame([("user", "Why?"), ("assistant", "Why?")])).is_empty()


def test_lengths_are_measured() -> None:
    measured = Preference().measure(turn_frame(pair("four", "seventh"), shape=Shape.PREFERENCE))
    assert measured.select("chosen_chars", "rejected_chars").row(0) == (4.0, 7.0)
