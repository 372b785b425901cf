from __future__ import annotations

import pytest

from tests.turn_frames import answers, reasons
from tilth.curation.rules.unfilled import Unfilled


@pytest.mark.parametrize(
    "text",
    [
        "Dear {{first_name}}, your parcel is on its way.",
        "Your order {{ Order Number }} has been sent.",
        "Hello {customer_name}, thank you.",
        "Dear [Customer Name], we are sorry.",
        "Call us at [insert phone number here].",
        "Hello ${name}, thank you.",
        "Hello %%customer%%, thank you.",
        "{{#ticket}} is closed.",
        "Dear <first name>, thank you.",
    ],
)
def test_open_fields_are_tagged(text: str) -> None:
    assert reasons(Unfilled(), answers(text, prompt="Where is my parcel?")) == [{"unfilled_field"}]


@pytest.mark.parametrize(
    "text",
    [
        "The set {1, 2, 3} has three members.",
        "See [1] and [Smith 2020].",
        r"\frac{{a}}{{b}} is \sqrt{{2}}.",
        "```jinja\nDear {{ name }}\n```",
        "Write `${HOME}` in your shell.",
        "He said [laughs] yes.",
        "It is 50%% of all.",
        "[The company name](https://example.org) is on the page.",
    ],
)
def test_other_braces_are_left_alone(text: str) -> None:
    assert reasons(Unfilled(), answers(text, prompt="Where is it?")) == [set()]


@pytest.mark.parametrize(
    "prompt",
    ["Write a letter of complaint.", "Fill in {{name}}.", "Make a template.", "How do f-strings work?"],
)
def test_fields_that_were_asked_for_are_left_alone(prompt: str) -> None:
    assert reasons(Unfilled(), answers("Dear {{name}}, hello.", prompt=prompt)) == [set()]
