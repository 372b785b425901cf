"""Complexity: counts that mean what they are called."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.rules.complexity import MEASURES, Complexity
from tilth.shards.errors import RecipeError


def measured(*turns: tuple[str, str]) -> dict[str, Any]:
    return Complexity().measure(turn_frame(list(turns))).row(0, named=True)


def test_what_is_said_over_all_answers_is_counted() -> None:
    row = measured(
        ("user", "Go on."), ("assistant", "one two two"), ("user", "And?"), ("assistant", "two, three")
    )
    assert (row["words"], row["distinct_words"], row["type_token_ratio"]) == (5, 4, 0.8)
    assert row["prompt_words"] == 3
    assert row["compression_ratio"] is None


def test_what_repeats_compresses() -> None:
    varied = " ".join(f"word{n * 7919 % 1000}" for n in range(60))
    frame = Complexity().measure(answers("la " * 200, varied, "short"))
    repeated, plain, short = frame["compression_ratio"]
    assert repeated > 10
    assert 1 < plain < 3
    assert short is None


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ("no code", 0),
        ("```\nx = 1\n```", 1),
        ("text!!\n```py\nab\n```", 12 / 19),
        ("```\ncut off", 1),
        ("", 0),
    ],
)
def test_the_share_of_code_is_of_characters(answer: str, share: float) -> None:
    assert measured(("user", "?"), ("assistant", answer))["code_share"] == pytest.approx(share)


@pytest.mark.parametrize(
    ("prompt", "constraints", "items"),
    [
        ("Write a poem.", 0, 0),
        ("Write exactly three lines without the word 'sea', and you must rhyme.", 3, 0),
        ("Do these:\n- sort\n- filter\n 3. print it", 0, 3),
        ("The price rose 3.5 times - why?", 0, 0),
        ("What is a mustard seed? I am lonely.", 0, 0),
    ],
)
def test_constraints_and_list_items_of_a_prompt(prompt: str, constraints: int, items: int) -> None:
    row = measured(("system", "You must obey.\n- a"), ("user", prompt), ("assistant", "yes"))
    assert (row["constraints"], row["list_items"]) == (constraints, items)


def test_without_an_answer_nothing_is_said_of_answers() -> None:
    row = measured(("user", "Hello?"))
    assert [row[name] for name in MEASURES[:5]] == [None] * 5
    assert row["prompt_words"] == 1


def test_bounds_drop_and_nothing_else_does() -> None:
    turns = answers("one", "one two three four", "")
    assert reasons(Complexity(), turns) == [set(), set(), set()]
    bounded = Complexity(bounds={"words": {"low": 1, "high": 3}})
    assert reasons(bounded, turns) == [set(), {"words_too_high"}, {"words_too_low"}]
    with pytest.raises(RecipeError, match=r"complexity\.bounds\.beauty.*there are .*words"):
        Complexity(bounds={"beauty": {"low": 1}}).rules()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(max_size=80) | st.none(), min_size=1, max_size=5))
def test_every_text_has_finite_numbers(texts: list[str | None]) -> None:
    frame = Complexity().measure(answers(*texts))
    assert frame.height == len(texts)
    for name in MEASURES:
        assert frame[name].drop_nulls().is_finite().all()
    assert frame["code_share"].drop_nulls().is_between(0, 1).all()
    assert frame["type_token_ratio"].drop_nulls().is_between(0, 1).all()
