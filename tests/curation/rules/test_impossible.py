from __future__ import annotations

import polars as pl
import pytest

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.rules.impossible import Impossible
from tilth.shards.tables import Shape, Verdict


def asked(prompt: str) -> list[set[str]]:
    return reasons(Impossible(), answers("Here you are.", prompt=prompt))


@pytest.mark.parametrize(
    "prompt",
    [
        "Draw a picture of a sunset over the sea.",
        "Create an image of a cat that plays chess.",
        "Please generate a bar chart of these figures.",
        "Generate images of dogs.",
        "Can you make a short video about our town?",
        "Look at this photo and tell me what you see.",
        "Summarize the attached file in one line.",
        "What is the trend in the following graph?",
        "What colour is the car in the picture?",
        "How many people are in the photo?",
        "Who is in this picture?",
        "I have attached a file with the figures. Sum them up.",
        "Name the animal shown in the image.",
    ],
)
def test_things_that_are_not_text_are_found(prompt: str) -> None:
    assert asked(prompt) == [{"asks_for_media"}]


@pytest.mark.parametrize(
    "prompt",
    [
        "Write a Python function that reads a file and draws a graph.",
        "How does a video card make an image?",
        "Ellen is painting flowers. How long does she need to paint 17 lilies?",
        "Explain how the graph of a parabola moves.",
        "What points would you make to improve the image of vampires?",
        "Draw a conclusion from these two facts.",
        "Create a vivid picture of the landscape in words.",
        "Who invented the photograph, and in which year?",
        "Mona plays a video game on weekends with four friends.",
        "What is the name of the boy in the picture of Dorian Gray?",
        "Who is the painter of the Mona Lisa, a woman in a picture?",
        "Is the light in photographs bent by the lens?",
        "How do I frame people in photos?",
    ],
)
def test_talk_about_images_and_files_is_kept(prompt: str) -> None:
    assert asked(prompt) == [set()]


def test_words_are_a_score_with_two_bounds() -> None:
    assert asked("Write something") == [{"instruction_too_short"}]
    assert asked("word " * 151) == [{"instruction_too_long"}]
    assert asked("word " * 149 + "word") == [set()]
    assert asked("What is Rust?") == asked("Define entropy") == [set()]
    assert asked("给我讲一个关于秋天的故事吧") == [set()]
    measured = Impossible().measure(answers("Yes.", prompt="Name three kinds of\n\nstone fruit"))
    assert measured["words"].to_list() == [6.0]


def test_context_is_no_part_of_a_long_instruction() -> None:
    context = "word " * 400
    assert asked(f"Sum it up in one line.\n\n{context}") == [set()]
    assert asked(f"{context}\n\nWhat is it about?") == [set()]
    assert asked(f"{context}\n\n{context}") == [{"instruction_too_long"}]
    measured = Impossible().measure(answers("Yes.", prompt=f"Sum it up in one line.\n\n{context}"))
    assert measured["instruction_words"].to_list() == [6.0]


def test_turns_of_a_longer_chat_are_no_instructions() -> None:
    chat = [("user", "Hello there"), ("assistant", "Hi!"), ("user", "Draw a cat."), ("assistant", "Meow.")]
    single = [("system", "Be kind."), ("user", "Sing now"), ("assistant", "La.")]
    pair = [("user", "Sing now"), ("chosen", "La."), ("rejected", "No.")]
    assert reasons(Impossible(), turn_frame(chat, single)) == [set(), {"instruction_too_short"}]
    assert reasons(Impossible(), turn_frame(pair, shape=Shape.PREFERENCE)) == [{"instruction_too_short"}]
    assert Impossible().measure(turn_frame()).schema["words"] == pl.Float64()


def test_it_tags_by_default() -> None:
    assert {rule.verdict for rule in Impossible().rules()} == {Verdict.KEEP}


def test_a_table_a_list_or_a_story_with_its_question_is_no_long_instruction() -> None:
    table = "Homes in the valley | Percent | " + " ".join(
        f"(Share with a well, {y} survey, {y % 97})" for y in range(1900, 1940)
    )
    towns = "Say which of these lie by the sea: " + ", ".join(f"Town{n}" for n in range(200))
    story = "A baker bakes rolls and sells them by noon. " * 25 + "How many are left?"
    review = "Give the tone of the text. Text: " + "The soup was cold and the waiter looked away. " * 30
    lines = "Name the theme of the poem.\n" + "\n".join(
        "the night is long and the road is far " * 2 for _ in range(12)
    )
    assert [asked(prompt) for prompt in (table, towns, story, review, lines)] == [[set()]] * 5
    rules = "You write it in short words and leave no line empty and start anew where the sense does " * 12
    assert asked(rules) == [{"instruction_too_long"}]


@pytest.mark.parametrize(
    "prompt",
    ["写一篇短篇小说", "建议五种放松的方法。", "翻译成法语", "俳句を一つ書いて", "แต่งกลอนเกี่ยวกับฝนหนึ่งบท"],
)
def test_words_are_counted_in_scripts_without_blanks(prompt: str) -> None:
    assert asked(prompt) == [set()]


@pytest.mark.parametrize("prompt", ["写", "写吧", "แต่ง"])
def test_next_to_no_words_are_too_few_in_any_script(prompt: str) -> None:
    assert asked(prompt) == [{"instruction_too_short"}]
