from __future__ import annotations

from typing import Any

import pytest

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.rules.reasoning import Reasoning
from tilth.shards.tables import Verdict


def thought(text: str, reasoning: str | None) -> list[Any]:
    return [("user", "2+2?"), {"role": "assistant", "text": text, "reasoning": reasoning}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<think>\nTwo and two make", "unclosed_reasoning"),
        ("<thinking>Two and two make four. So it is 4.", "unclosed_reasoning"),
        ("Two and two make four.\n</think>\n4", "unclosed_reasoning"),
        ("<reasoning>\na\n</reasoning>\n4\n<reasoning>\nb", "unclosed_reasoning"),
        ("<think>\n\n</think>\n\n4", "empty_reasoning"),
        ("<reasoning></reasoning>4", "empty_reasoning"),
    ],
)
def test_lost_thoughts_are_found(text: str, reason: str) -> None:
    assert reasons(Reasoning(), answers(text)) == [{reason}]


@pytest.mark.parametrize(
    "text",
    [
        "<think>\nTwo and two make four.\n</think>\n4",
        "<think>Two and two.</think>4",
        "Models write their thoughts after a <think> tag.",
        "Wrap the thought in `<think>` and close it.",
        "```xml\n<think>\n```",
        "I think it is 4.",
    ],
)
def test_whole_thoughts_and_talk_about_tags_are_kept(text: str) -> None:
    assert reasons(Reasoning(), answers(text)) == [set()]


def test_the_reasoning_column_is_looked_at() -> None:
    turns = turn_frame(
        thought("4", "<think>\nTwo and"),
        thought("<think>\n4", " "),
        thought("4", "Two and two make four."),
        thought("4", ""),
    )
    assert reasons(Reasoning(), turns) == [
        {"unclosed_reasoning"},
        {"unclosed_reasoning", "empty_reasoning"},
        set(),
        set(),
    ]


def test_a_box_that_was_asked_for_must_be_there() -> None:
    asked = r"What is 2+2? Put your final answer within \boxed{}."
    turns = turn_frame(
        [("user", asked), ("assistant", "It is 4.")],
        [("user", asked), ("assistant", r"It is \boxed{4}.")],
        [("system", r"Answer in \boxed{...}."), ("user", "2+2?"), ("assistant", "4")],
        [("user", r"Is this proof right? $x = 2$, hence \boxed{2}"), ("assistant", "Yes.")],
        [("user", "2+2?"), ("assistant", "4")],
    )
    assert reasons(Reasoning(), turns) == [{"box_missing"}, set(), {"box_missing"}, set(), set()]


def test_it_tags_by_default() -> None:
    assert {rule.verdict for rule in Reasoning().rules()} == {Verdict.KEEP}
