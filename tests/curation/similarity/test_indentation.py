from __future__ import annotations

import polars as pl
import pytest

from tilth.curation.similarity.indentation import with_levels
from tilth.curation.similarity.shingles import describe


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("if x:\n    return 1", "if x:\nreturn 1"),
        ("for i in a:\n    s += i\nprint(s)", "for i in a:\n    s += i\n    print(s)"),
        ("a:\n  b: 1\n  c: 2", "a:\n  b: 1\nc: 2"),
    ],
)
def test_code_that_differs_in_depth_is_not_the_same(one: str, other: str) -> None:
    said = describe(pl.Series([one, other]))
    assert said.row(0)[:2] != said.row(1)[:2]
    assert said["shingles"][0].to_list() != said["shingles"][1].to_list()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("if x:\n    return 1\n", "if x:\n\treturn 1"),
        ("def f():\n  if a:\n    return 1", "def f():\n    if a:\n        return 1"),
        ("A poem\n    of two lines", "A poem\nof two lines"),
        ("What to bring:\n  bread and\n  butter", "What to bring: bread and butter"),
    ],
)
def test_the_width_of_a_step_and_the_layout_of_prose_are_not_meaning(one: str, other: str) -> None:
    said = describe(pl.Series([one, other]))
    assert said.row(0)[:2] == said.row(1)[:2]


def test_nulls_and_plain_texts_stay() -> None:
    texts = pl.Series([None, "", "plain", "two\nlines"])
    assert with_levels(texts).equals(texts, null_equal=True)
