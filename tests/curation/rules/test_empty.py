from __future__ import annotations

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.rules.empty import Empty
from tilth.shards.tables import Shape, Verdict


def test_blank_responses_are_found() -> None:
    assert reasons(Empty(), answers(None, "", " \n\t", "\u200b\u2060", "\u3000")) == [{"empty_response"}] * 5


def test_blank_prompts_are_found() -> None:
    turns = turn_frame([("user", "  "), ("assistant", "Hello")], [("user", None), ("assistant", "Hello")])
    assert reasons(Empty(), turns) == [{"empty_prompt"}] * 2


def test_short_answers_tool_calls_and_empty_system_turns_are_kept() -> None:
    turns = turn_frame(
        [("user", "1+1?"), ("assistant", "2")],
        [("user", "?"), ("assistant", "👍")],
        [("system", ""), ("user", "Hi"), ("assistant", "Hi")],
        [
            ("user", "Weather?"),
            {"role": "assistant", "text": None, "tool_calls": '[{"arguments":{},"id":"a","name":"w"}]'},
            {"role": "tool", "text": "", "tool_call_id": "a"},
            ("assistant", "Fine"),
        ],
    )
    assert reasons(Empty(), turns) == [set()] * 4


def test_documents_and_preference_pairs_count_as_responses() -> None:
    pair = turn_frame([("user", "Hi"), ("chosen", "Hello"), ("rejected", " ")], shape=Shape.PREFERENCE)
    document = turn_frame([("document", "\n")], shape=Shape.DOCUMENT)
    assert reasons(Empty(), pair) == reasons(Empty(), document) == [{"empty_response"}]


def test_the_verdict_is_a_parameter() -> None:
    assert {rule.verdict for rule in Empty().rules()} == {Verdict.DROP}
    assert {rule.verdict for rule in Empty(verdict=Verdict.KEEP).rules()} == {Verdict.KEEP}
    assert Empty().measure(turn_frame()).height == 0


def test_words_for_nothing_are_no_answers_unless_they_are_meant() -> None:
    turns = turn_frame(
        *([("user", "Name a fish."), ("assistant", word)] for word in ("nan", "None", "NULL", "<NA>")),
        [("user", "Which of them are prime? Say none if so."), ("assistant", "None")],
        [("user", "What does f() return?"), ("assistant", "None")],
        [("user", "Name a fish."), ("assistant", "None of these.")],
    )
    assert reasons(Empty(), turns) == [{"empty_response"}] * 4 + [set()] * 3


def test_a_text_longer_than_a_pattern_may_be_is_judged() -> None:
    assert reasons(Empty(), answers("ab " * 4_000_000, prompt="Say it.")) == [set()]
