from __future__ import annotations

import pytest

from tests.turn_frames import answers, reasons
from tilth.curation.rules.repeats import Repeats

SENTENCE = "Please restart the router and wait."


@pytest.mark.parametrize(
    "text",
    [
        " ".join([SENTENCE] * 4),
        f"Hello. {SENTENCE} {SENTENCE} Thank you! {SENTENCE.upper()} Bye. {SENTENCE}",
        "\n".join(["- We are sorry for the delay"] * 5),
        "请重新启动您的路由器并等待五分钟再试。" * 4,
    ],
)
def test_one_sentence_many_times_over_is_tagged(text: str) -> None:
    assert reasons(Repeats(), answers(text)) == [{"repeated_sentence"}]


@pytest.mark.parametrize(
    "text",
    [
        " ".join([SENTENCE] * 3),
        "Yes. " * 9 + "That is all I can say about it today, I am afraid.",
        " ".join(f"Turn screw {n} by one turn." for n in range(9)),
        "```\n" + "print('hello, dear world')\n" * 9 + "```\nruns nine times.",
        "calculator.add(first, second)\n" * 6,
        "| a long cell of a table | b |\n" * 6,
    ],
)
def test_other_repetition_is_left_alone(text: str) -> None:
    assert reasons(Repeats(), answers(text)) == [set()]


@pytest.mark.parametrize("prompt", ["Write a song.", "Say it four times.", "Répète la phrase."])
def test_repetition_that_was_asked_for_is_left_alone(prompt: str) -> None:
    found = reasons(Repeats(), answers(" ".join([SENTENCE] * 4), prompt=prompt))
    assert found == [set()]
