from __future__ import annotations

import pytest

from tests.turn_frames import answers, reasons
from tilth.curation.rules.cut_word import CutWord

PROMPT = "My router does not connect, and the invoices are missing."


@pytest.mark.parametrize(
    "text",
    ["We are sorry to hear that. Please restart the rou", "Thank you for writing. We looked for the invo",
     "Press the button for ten seconds. Then release the butt"],
)  # fmt: skip
def test_a_word_that_breaks_off_is_tagged(text: str) -> None:
    assert reasons(CutWord(), answers(text, prompt=PROMPT)) == [{"cut_inside_word"}]


@pytest.mark.parametrize(
    "text",
    [
        "We are sorry to hear that. Please restart the router",
        "We are sorry to hear that. Please restart the rou.",
        "Returned goods are paid back. We wait for your return",
        "We looked for both of them. Here is the invoice",
        "rou",
        "The connection is down. Please connect",
    ],
)
def test_whole_words_are_left_alone(text: str) -> None:
    assert reasons(CutWord(), answers(text, prompt=PROMPT)) == [set()]
