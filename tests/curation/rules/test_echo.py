from __future__ import annotations

from turn_frames import reasons, turn_frame

from tilth.curation.rules.echo import Echo
from tilth.shards.tables import Shape

QUESTION = "What is the capital of the country south of Belgium?"


def test_a_repeated_question_is_found_in_any_turn() -> None:
    turns = turn_frame(
        [("user", QUESTION), ("assistant", QUESTION)],
        [("user", QUESTION), ("assistant", f" {QUESTION.upper()}\n")],
        [("user", "Hi"), ("assistant", "Hi!"), ("user", QUESTION), ("assistant", QUESTION)],
    )
    assert reasons(Echo(), turns) == [{"echo"}] * 3


def test_legitimate_repeats_are_kept() -> None:
    turns = turn_frame(
        [("user", "Good morning!"), ("assistant", "Good morning!")],
        [("user", f"Repeat after me: {QUESTION}"), ("assistant", QUESTION)],
        [("user", f"Correct the grammar.\n\n{QUESTION}"), ("assistant", QUESTION)],
        [("user", QUESTION), ("assistant", f"{QUESTION} Paris.")],
    )
    assert reasons(Echo(), turns) == [set()] * 4


def test_the_turn_before_is_never_that_of_another_row() -> None:
    turns = turn_frame(
        [("user", QUESTION)], [("assistant", QUESTION), ("user", "And?"), ("assistant", "Paris")]
    )
    assert reasons(Echo(), turns) == [set()] * 2


def test_the_bound_is_a_parameter_and_a_bad_rejected_answer_is_no_fault() -> None:
    greeting = turn_frame([("user", "Good morning!"), ("assistant", "Good morning!")])
    assert reasons(Echo(max_chars=5), greeting) == [{"echo"}]
    pair = [("user", QUESTION), ("chosen", "Paris"), ("rejected", QUESTION)]
    assert reasons(Echo(), turn_frame(pair, shape=Shape.PREFERENCE)) == [set()]
