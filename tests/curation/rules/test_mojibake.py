from __future__ import annotations

import pytest

from tests.turn_frames import answers, reasons, turn_frame
from tilth.curation.rules.mojibake import Mojibake


@pytest.mark.parametrize(
    "text",
    ["Das Café ist heute geöffnet.", "It’s on its way.", "He said “yes” – at 20 °C.", "Привет, мир",
     "これは長い文です。", "Größe und Maße", "Ça va très bien", "a 😀 b"],
)  # fmt: skip
@pytest.mark.parametrize("wrong", ["cp1252", "latin-1"])
def test_what_was_read_in_the_wrong_encoding_is_tagged(text: str, wrong: str) -> None:
    try:
        garbled = text.encode().decode(wrong)
    except UnicodeDecodeError:
        garbled = text.encode().decode("latin-1")
    assert reasons(Mojibake(), answers(garbled)) == [{"mojibake"}]


def test_a_lost_character_is_tagged_in_a_prompt_too() -> None:
    turns = turn_frame([("user", "Where is my caf\ufffd?"), ("assistant", "Here.")])
    assert reasons(Mojibake(), turns) == [{"mojibake_in_prompt"}]


@pytest.mark.parametrize(
    "text",
    ["Das Café ist geöffnet.", "SÃO PAULO É GRANDE", "Ân trời, Âu Cơ", "«Ã» is a letter", "20 °C, 5 € and 3 £",
     "l’été, c’est “bien”", "Привет, мир", "これは長い文です。", "Ðà Nẵng", "naïve façade", "MÃE: “olá”",
     "INFORMAÇÃO – sim"],
)  # fmt: skip
def test_letters_that_look_alike_are_left_alone(text: str) -> None:
    assert reasons(Mojibake(), answers(text)) == [set()]


def test_talk_about_encodings_is_left_alone() -> None:
    assert reasons(Mojibake(), answers("Ã© is é in the wrong encoding.")) == [set()]
    assert reasons(Mojibake(), answers("It shows Ã©.", prompt="What does UTF-8 do?")) == [set()]
