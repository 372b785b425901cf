from __future__ import annotations

import pytest

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.rules.placeholder import Placeholder
from tilth.shards.tables import Verdict


def asked(prompt: str) -> list[set[str]]:
    return reasons(Placeholder(), answers("Here you are.", prompt=prompt))


@pytest.mark.parametrize(
    "given",
    [
        "<noinput>",
        "<no input>",
        "[No Input]",
        "noinput",
        "No input required.",
        "N/A",
        "(none)",
        "[input]",
        "None",
        "<input>",
        "{{input}}",
        "Input: N/A",
        "[insert your text here]",
        "Not applicable",
        "<keine Eingabe>",
        "Aucune entrée",
        "[sin entrada]",
        "无输入",
    ],
)
def test_placeholders_are_found(given: str) -> None:
    assert asked(f"Name three rivers of France.\n\n{given}") == [{"placeholder_input"}]


def test_a_mark_glued_to_the_instruction_is_found() -> None:
    assert asked("My dearest Cassandra,<noinput>") == [{"placeholder_input"}]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("![a dog](dog.png)", "image_input"),
        ("https://example.com/dog.jpg", "image_input"),
        ("dog.jpeg", "image_input"),
        ("<image>", "image_input"),
        ("https://example.com/news/article-17", "link_input"),
    ],
)
def test_images_and_links_are_found(given: str, reason: str) -> None:
    assert asked(f"Summarise what it says.\n\n{given}") == [{reason}]


@pytest.mark.parametrize(
    "prompt",
    [
        "What does <noinput> mean in Alpaca's data?",
        "Warum erscheint dort keine Eingabe",
        "¿Cuánto cuesta la entrada",
        "Which value has a function without a return in Python? Is it None",
        "Extract the domain from the given address.\n\nhttps://example.com/page",
        "Write a script that resizes an image.\n\nphoto.jpg",
        "Is there no input field on the page?",
        "Sort the list.\n\n[3, 1, 2]",
        "Fix this element:\n\n<form><input></form>",
        "Who wrote this line?\n\nThere is none.",
    ],
)
def test_real_inputs_are_kept(prompt: str) -> None:
    assert asked(prompt) == [set()]


def test_answers_are_not_looked_at_and_it_tags() -> None:
    assert reasons(Placeholder(), answers("N/A", "<noinput>")) == [set()] * 2
    assert {rule.verdict for rule in Placeholder().rules()} == {Verdict.KEEP}
    assert Placeholder().measure(turn_frame()).height == 0
