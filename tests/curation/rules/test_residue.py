from __future__ import annotations

import pytest

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.rules.residue import Residue
from tilth.shards.tables import Verdict


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2 / 2\n\nSure, here it is.", "pager_residue"),
        ("1 / 3Sure, here it is.", "pager_residue"),
        ("Here:\n\npythonCopy codeimport os\n", "label_residue"),
        ("Here:\n\n```python\nCopy code\nimport os\n```", "label_residue"),
        ("Copy code\nimport os", "label_residue"),
        ("Too many requests in 1 hour. Try again later.", "label_residue"),
        ("It is so. Too many requests in 1 hour. Try again later.", "label_residue"),
        ("SQLCopy codeSELECT 1;", "label_residue"),
        ("It is so.\nRegenerate response", "label_residue"),
        ("The end.\n\nShare this:\n\nTwitter", "label_residue"),
        ("1. First do this.\n1. Then do that.\n", "broken_list"),
        ("1. Apples\n2. Pears\n3. Plums\n4.", "broken_list"),
        ("1. 1. Apples", "broken_list"),
        ("The number is 11111111111111.", "stuck_digits"),
        ("It costs 4999999999999 coins.", "stuck_digits"),
        ("The share is 0.7777777777777777777777.", "stuck_digits"),
        ("< 3 / 3 >\nSend the letters early.", "pager_residue"),
        ("Send the letters early.\n< 2 / 2 >", "pager_residue"),
        ("Apples and pears.\n•\n•\n•", "broken_list"),
        ("•\n•\nApples\n•\n•", "broken_list"),
        ("- Apples\n- Pears\n-", "broken_list"),
        ("It is so.\nShare\n\nContinue generating", "label_residue"),
        ("It is so. Continue generating", "label_residue"),
        ("It is so.\n\nAll rights reserved.", "label_residue"),
    ],
)
def test_residue_is_found_by_kind(text: str, reason: str) -> None:
    assert reasons(Residue(), answers(text)) == [{reason}]


@pytest.mark.parametrize(
    "text",
    [
        "3 / 4",
        "3 / 4 of a cup of flour.",
        "3 / 4\n\nThe two numerators add up.",
        "3 / 4 = 0.75",
        "Add a button that says 'Copy code' to each block.",
        "```html\n<button>Copy code</button>\n```",
        "A server answers 429 Too Many Requests when clients ask too often.",
        'The message "Too many requests in 1 hour" comes from the limiter.',
        "Share this recipe with a friend who likes plums.",
        "1. Apples\n2. Pears\n3. Plums",
        "1. Apples\n\n   Sweet.\n\n1. Pears",
        "In the year 1989.",
        "He scored 42.",
        "A billion is 1000000000.",
        "One third is 0.333333333333.",
        "In Python, 2 / 3 is 0.6666666666666666.",
        "It weighs 0.000000000000000000000000001 kg.",
        "3 / 4 >\nis no page",
        "Fruit:\n• Apples\n• Pears",
        "Fruit: apples · pears · plums",
        "- Apples\n- Pears\n\n---",
        "a\n-\nb",
        "Press Continue generating to go on.",
        "Read more books, she said.",
        "The key is A4 (3/4) at the end",
        "In binary that is 1000000000000001.",
        "```\n0000000000\n```",
        "Call 555-0100 or 555 0199.",
    ],
)
def test_what_only_looks_like_residue_is_kept(text: str) -> None:
    assert reasons(Residue(), answers(text)) == [set()]


def test_prompts_are_searched_for_marks_and_labels_only() -> None:
    turns = turn_frame(
        [("user", "1 / 2\n\nWhat is it?"), ("assistant", "A plum.")],
        [("user", "2 / 2\n\nWhat is it?"), ("assistant", "A plum.")],
        [("user", "What is 111111111 * 111111111?"), ("assistant", "111111111 squared has 17 digits.")],
        [("user", "Continue the list:\n1. Apples\n2."), ("assistant", "Pears")],
    )
    assert reasons(Residue(), turns) == [set(), {"pager_residue"}, set(), set()]


def test_it_tags_by_default() -> None:
    assert {rule.verdict for rule in Residue().rules()} == {Verdict.KEEP}


@pytest.mark.parametrize(
    "text", ["(1/2)x^3 - x", "(1/3)y + 2", "(3/4) of the cake", "[1/2, 3/4] is the interval"]
)
def test_fractions_are_no_pagers(text: str) -> None:
    assert reasons(Residue(), answers(text)) == [set()]


@pytest.mark.parametrize(
    "text", ["He said &quot;no&quot; to it.", "Salt &amp; pepper", "It&#39;s late", "Caf&eacute; au lait"]
)
def test_escaped_signs_in_prose_are_tagged(text: str) -> None:
    assert reasons(Residue(), answers(text)) == [{"escaped_signs"}]


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("How do I write an ampersand in HTML?", "Write &amp; for it."),
        ("Show me.", "<p>Salt &amp; pepper</p>"),
        ("Show me.", "Use `&lt;` there."),
        ("Which entity stands for a quotation mark?", "&quot;"),
        ("Show me.", "AT&T; R&D; &c."),
    ],
)
def test_talk_about_html_is_kept(prompt: str, text: str) -> None:
    assert reasons(Residue(), answers(text, prompt=prompt)) == [set()]
