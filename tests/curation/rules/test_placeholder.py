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


@pytest.mark.parametrize(
    "answer",
    [
        "<nooutput>",
        "No Output",
        "<no output>",
        "N/A",
        "n/a.",
        "[no response]",
        "No output needed",
        "<empty>",
        "[Your answer here]",
        "Keine Ausgabe",
        "无输出",
        "TODO",
        "{output}",
    ],
)
def test_an_answer_that_is_none_has_a_tag_of_its_own(answer: str) -> None:
    assert reasons(Placeholder(), answers(answer, prompt="Draw a plan of the harbour.")) == [
        {"placeholder_answer"}
    ]


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("Is it true, false or neither? Answer with a word.", "None"),
        ("Which of these is a fruit? Say N/A if there is none.\n\nChair", "N/A"),
        ("What does this Python program print?", "null"),
        ("What is the opposite of something?", "Nothing"),
        ("Draw a plan.", "There is no output of this machine."),
    ],
)
def test_none_may_be_the_answer(prompt: str, answer: str) -> None:
    assert reasons(Placeholder(), answers(answer, prompt=prompt)) == [set()]


@pytest.mark.parametrize(
    "picture",
    [
        "<image of a red barn>",
        "<Picture attached>",
        "[photo: a dog on a beach]",
        "{image}",
        "<an image of a cat>",
        "(see picture)",
        "<video of a race>",
        "[图片]",
    ],
)
def test_a_picture_in_any_brackets_is_an_image(picture: str) -> None:
    turns = answers("It is sunny.", prompt=f"Describe the weather in the scene.\n\n{picture}")
    assert reasons(Placeholder(), turns) == [{"image_input"}]


def test_the_word_link_excuses_no_link_to_what_cannot_be_read() -> None:
    page = "https://news.example.com/2021/harbour-fire"
    behind = (
        "Summarize the article behind this link.",
        "Read the text at the following link and sum it up.",
        "Translate the web page.",
    )
    about = (
        "Write the HTML of a link to this page.",
        "Turn this address into a link.",
        "What is the domain of this link?",
    )
    assert [reasons(Placeholder(), answers("Done.", prompt=f"{p}\n\n{page}")) for p in behind] == [
        [{"link_input"}]
    ] * 3
    assert [reasons(Placeholder(), answers("Done.", prompt=f"{p}\n\n{page}")) for p in about] == [[set()]] * 3


def test_it_tags() -> None:
    assert {rule.verdict for rule in Placeholder().rules()} == {Verdict.KEEP}
    assert Placeholder().measure(turn_frame()).height == 0
