from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.curation.dedup.numbers import plain_numbers


def plain(text: str) -> str:
    (said,) = plain_numbers(pl.Series([text]))
    return str(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("15.0", "15"),
        ("15.", "15"),
        ("1,500.50", "1500.5"),
        ("0.10", "0.1"),
        ("100", "100"),
        ("7.00 %", "7 %"),
    ],
)
def test_one_number_has_one_notation(text: str, said: str) -> None:
    assert plain(text) == said


@pytest.mark.parametrize("text", ["version 2.0", "1.0.0", "1,50", "3.0 apples", "", "1.0\n2.0", "10:00"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert plain(text) == text


@given(st.decimals(min_value=-10_000, max_value=10_000, places=3, allow_nan=False))
def test_the_value_stays_the_same(value: object) -> None:
    assert float(plain(str(value))) == float(str(value))
