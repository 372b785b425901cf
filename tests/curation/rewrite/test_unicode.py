from __future__ import annotations

import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.turn_frames import answers
from tilth.curation.rewrite.unicode import Unicode
from tilth.shards.tables import TURNS


def rewritten(text: str) -> str:
    return Unicode().rewrite(answers(text))["text"][1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\u2028b\u2029c\u0085d", "a\nb\nc\nd"),
        ("cafe\u0301", "café"),
        ("\ufeffstart", "start"),
        ("soft\u00adhyphen, word\u2060joiner", "softhyphen, wordjoiner"),
        ("in\u200bvis\u200cible\u200d", "invisible"),
        ("\u200bstart", "start"),
        ("bell\x07, null\x00, escape\x1b", "bell, null, escape"),
    ],
)
def test_what_carries_no_meaning_goes(text: str, expected: str) -> None:
    assert rewritten(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "family 👨\u200d👩\u200d👧, runner 🏃🏽\u200d♀️, heart ❤️\u200d🔥",
        "می\u200cخواهم",  # Persian: the joiner parts the prefix
        "क\u094d\u200dष न\u094d\u200c",  # Devanagari half forms
        "ක\u0dca\u200dර",  # Sinhala
        "ខ្ញុំ\u200bចង់",  # Khmer: words are parted by zero-width spaces
        "tab\tand\nnewline",
        'print("x = {}".format(1))',
        "½ ² ﬁ ①",  # NFC, not NFKC
    ],
)
def test_what_carries_meaning_stays(text: str) -> None:
    assert rewritten(text) == text


def test_only_line_ends_change_in_fenced_code() -> None:
    code = '```python\ns = "cafe\u0301\u200b\x1b[0m"\n```'
    text = f"cafe\u0301:\r\n{code}\r\nafter\u200b"
    assert rewritten(text) == f"café:\n{code}\nafter"


def test_keys_and_tool_calls_stay_and_reasoning_is_rewritten() -> None:
    turns = answers("a\r").with_columns(
        reasoning=pl.lit("e\u0301"), tool_calls=pl.lit('[{"arguments":"e\u0301\\r"}]')
    )
    out = Unicode().rewrite(turns)
    assert out.select("row_id", "turn", "role", "tool_calls").equals(
        turns.select("row_id", "turn", "role", "tool_calls")
    )
    assert out["reasoning"].to_list() == ["é", "é"]
    assert out.drop("changes").columns == turns.columns
    assert Unicode().rewrite(turns.clear()).drop("changes").schema == turns.schema


def test_what_was_changed_is_said_without_the_text() -> None:
    said = Unicode().rewrite(answers("a\r\nb\u200bc", "cafe\u0301", "plain"))["changes"].to_list()
    assert said[1] == [
        {"kind": "line ends", "shown": "U+000D ×1, U+000A ×1"},
        {"kind": "invisible", "shown": "U+200B ×1"},
    ]
    assert said[3] == [{"kind": "composed", "shown": ""}]
    assert said[0] is None and said[5] is None


@given(st.lists(st.none() | st.text(), min_size=1, max_size=5))
def test_a_second_rewrite_changes_nothing(texts: list[str | None]) -> None:
    once = Unicode().rewrite(answers(*texts))
    assert Unicode().rewrite(once).drop("changes").equals(once.drop("changes"))
    for before, after in zip(answers(*texts)["text"], once["text"]):
        assert (before is None) == (after is None)
        if after is not None and "```" not in after:
            assert unicodedata.is_normalized("NFC", after)
            assert "\r" not in after
    assert set(TURNS) <= set(once.columns)
