from __future__ import annotations

import pytest

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.rules.truncated import Truncated
from tilth.shards.tables import Shape, Verdict


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Use this:\n```python\nprint(1)\n", "open_code_fence"),
        ("```a\n1\n```\nand\n```b\n2", "open_code_fence"),
        ("The sum is\n$$\\sum_{i=1}^n i = \\frac{n", "open_formula"),
        ('{"name": "Ada", "tags": ["x", "y"', "open_json"),
        ('[{"a": 1}, {"a": "cut here', "open_json"),
        ("We begin at noon. Then the whole team will", "open_sentence"),
        ("Danke für Ihre Worte. Sie bekommen eine", "open_sentence"),
        ("We begin at noon. The team brings water, bread, salt,", "open_sentence"),
        ("We begin at noon. The team (all but one of", "open_sentence"),
        ("We begin at noon. It is a well-", "open_sentence"),
        ("You will need the following documents:", "open_sentence"),
        ("It depends on the type.\n\nThe full list is as follows:", "open_sentence"),
        ("You need two papers.\n\nHere are the steps:", "open_sentence"),
        ("步骤如下：", "open_sentence"),
    ],
)
def test_open_ends_are_found(text: str, reason: str) -> None:
    assert reasons(Truncated(), answers(text)) == [{reason}]


@pytest.mark.parametrize(
    "text",
    [
        "Use this:\n```python\nprint(1)\n```",
        "```python\nprint(1)```",  # closed at the end of a line
        "````markdown\n```python\n````",  # a fence in a fence
        "Wait for it...",
        "42",
        "Paris",
        "Yes, and no",
        "The PID is $$, says bash; rent costs $$ in Paris.",
        "$$x = \\frac{1}{2}$$",
        '{"name": "a } b ] c", "open": "{["}',
        "{% if x %} text {% endif %}",
        "[Verse 1] La la la (la",
        "[1, 2, 3",
        "int main() {\n  return 0;\n}",
        "if (a[0] == '{') { open(",
        "1. First\n2. Second\n3. Third",
        "Dr. med. Miller",
        "Great. I will have your drink ready at the coffee bar",  # in a hurry, not cut
        "It is banned there. We like it in Singapore",
        "Thank you. Please paste the text below:",
        "Which of the following do you like:",
        "I miss you. Come home :(",
        "Best of luck with the search.\n\nWith gratitude,",
        "the cities of the",  # a part of a text, as asked
        "def f(following):",
        "She said so. Dear all:",
    ],
)
def test_whole_answers_are_kept(text: str) -> None:
    assert reasons(Truncated(), answers(text)) == [set()]


def test_a_list_is_announced_at_the_end_of_a_row() -> None:
    chat = [("user", "Hi"), ("assistant", "Try one of these:"), ("user", "Go"), ("assistant", "Gone.")]
    assert reasons(Truncated(), turn_frame(chat, chat[:2])) == [set(), {"open_sentence"}]


def test_an_open_sentence_only_tags() -> None:
    verdicts = {rule.reason: rule.verdict for rule in Truncated().rules()}
    assert verdicts.pop("finish_reason_length") == Verdict.DROP
    assert set(verdicts.values()) == {Verdict.KEEP}


def test_a_rejected_answer_and_a_prompt_may_be_cut() -> None:
    pair = [("user", "```python\nx"), ("chosen", "It is x."), ("rejected", "```python\nx")]
    assert reasons(Truncated(), turn_frame(pair, shape=Shape.PREFERENCE)) == [set()]
    assert Truncated().measure(turn_frame()).height == 0


@pytest.mark.parametrize(
    "attributes",
    [
        '{"finish_reason":"length"}',
        '{"id":7,"stop_reason":"max_tokens"}',
        '{"finishReason":"MAX_TOKENS"}',
        '{"meta":{"done_reason":"length"}}',
    ],
)
def test_a_generator_may_say_that_it_was_cut(attributes: str) -> None:
    row = [("user", "Hi"), ("assistant", "Hello."), ("user", "More"), ("assistant", "It goes on")]
    turns = turn_frame(row, row, attributes=[attributes, None])
    assert reasons(Truncated(), turns) == [{"finish_reason_length"}, set()]
    measured = Truncated().measure(turns)
    assert measured["finished"].to_list() == [0.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "attributes",
    ['{"finish_reason":"stop"}', '{"length":"length"}', '{"note":"\\"finish_reason\\":\\"length\\""}'],
)
def test_other_attributes_say_nothing(attributes: str) -> None:
    turns = turn_frame([("user", "Hi"), ("assistant", "Hello")], attributes=[attributes])
    assert reasons(Truncated(), turns) == [set()]


def test_an_answer_at_the_cap_needs_an_end() -> None:
    texts = ("word " * 80, "word " * 79 + "end.", "word " * 40)
    found = [{"ends_at_token_cap"}, set(), set()]
    assert reasons(Truncated(max_tokens_cap=100), answers(*texts)) == found
    assert reasons(Truncated(), answers(*texts)) == [set()] * 3


def test_a_row_may_bring_its_cap() -> None:
    row = [("user", "Hi"), ("assistant", "It goes on and on with the")]
    whole = [("user", "Hi"), ("assistant", "It ends.")]
    at_cap, below = (f'{{"completion_tokens":{n},"max_tokens":128}}' for n in (127, 90))
    turns = turn_frame(row, row, whole, row, attributes=[at_cap, below, at_cap, None])
    assert reasons(Truncated(), turns) == [{"ends_at_token_cap"}, set(), set(), set()]


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("How do I open a code block in Markdown?", "Type three backticks:\n```\nand then your code."),
        ("Comment ouvrir un bloc de code ?", "Ainsi :\n```\net puis le code."),
        ("Continue this JSON prefix.", '{"name": "Ada", "tags": ["x"'),
        ("Show a fence within tildes.", "Look:\n~~~\n```\n~~~\nThat is it."),
    ],
)
def test_an_open_end_that_was_asked_for_is_kept(prompt: str, text: str) -> None:
    assert reasons(Truncated(), answers(text, prompt=prompt)) == [set()]


def test_a_fence_within_tildes_is_quoted() -> None:
    assert reasons(Truncated(), answers("Look:\n~~~\n```\n~~~\nThat is it.")) == [set()]
