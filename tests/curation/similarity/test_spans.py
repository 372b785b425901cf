"""The words of a span are those of its tokens."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.curation.similarity.shingles import gram_lists
from tilth.curation.similarity.spans import words_of


@pytest.mark.parametrize(
    ("text", "start", "tokens", "words"),
    [
        ("The cat, sat  on the mat.", 1, 3, "cat, sat  on"),
        ("Über 3.5 Äpfel!", 0, 9, "Über 3.5 Äpfel"),
        ("我喜欢 猫", 1, 2, "喜欢"),
        ("one", 1, 2, ""),
        ("", 0, 3, ""),
    ],
)
def test_words_are_given_as_written(text: str, start: int, tokens: int, words: str) -> None:
    assert words_of(text, start, tokens) == words


@settings(deadline=None)
@given(st.text(max_size=40))
def test_tokens_are_counted_as_the_shingles_count_them(text: str) -> None:
    count = gram_lists(pl.Series([text]), 1).list.len()[0]
    whole = words_of(text, 0, count)
    assert gram_lists(pl.Series([whole]), 1).to_list() == gram_lists(pl.Series([text]), 1).to_list()
    assert words_of(text, count, 1) == ""
