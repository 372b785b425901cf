from __future__ import annotations

import pytest

from tests.turn_frames import answers, reasons
from tilth.curation.rules.html import Html


@pytest.mark.parametrize(
    "text",
    [
        "<p>Your parcel is on its way.</p>",
        "Thank you for writing.<br>We will look into it.<br/>Regards",
        'Please see <a href="https://example.org/help">our help</a>.',
        "<div class=\"reply\">Hello,</div>",
        "Hello <strong>Ann</strong>, it is on its way.",
        "Regards<br />The desk",
    ],
)  # fmt: skip
def test_tags_in_prose_are_tagged(text: str) -> None:
    assert reasons(Html(), answers(text)) == [{"html_markup"}]


@pytest.mark.parametrize(
    "text",
    [
        "Use a < b and b > c.",
        "Write `<br>` for a new line.",
        "```html\n<p>Hello</p>\n```",
        "tilth show <version>",
        "A List<String> holds texts, a Map<K, V> pairs.",
        "I <3 this shop.",
        "Write to <desk@example.org>.",
    ],
)
def test_other_angles_are_left_alone(text: str) -> None:
    assert reasons(Html(), answers(text)) == [set()]


@pytest.mark.parametrize("prompt", ["Write a web page.", "What does <b> do?", "Turn this into HTML: Hello"])
def test_markup_that_was_asked_for_is_left_alone(prompt: str) -> None:
    assert reasons(Html(), answers("<b>Hello</b>", prompt=prompt)) == [set()]
