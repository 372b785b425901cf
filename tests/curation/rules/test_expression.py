"""Expressions of a recipe: what polars says, and nothing else."""

from __future__ import annotations

import contextlib

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.curation.rules.expression import ExpressionError, columns, parse

FRAME = pl.DataFrame(
    {"response": ["short", "a longer answer 42", None], "score": ["1.5", "3", None], "n": [1, 2, 3]}
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('pl.col("response").str.len_chars() > 6', [False, True, None]),
        ('~pl.col("response").str.contains("[0-9]")', [True, False, None]),
        ('(pl.col("n") + 1) * -2', [-4, -6, -8]),
        ('pl.col("score").cast(pl.Float64) >= 3.0', [False, True, None]),
        ('pl.when(pl.col("n") > 1).then(1).otherwise(0)', [0, 1, 1]),
        ('pl.col("response").is_null() | pl.col("n").is_in([1])', [True, False, True]),
        ('pl.max_horizontal(pl.col("n"), pl.lit(2))', [2, 2, 3]),
        ('pl.col("response").str.split(by=" ").list.len().fill_null(0)', [1, 4, 0]),
    ],
)
def test_builds_what_polars_would(text: str, values: list[object]) -> None:
    assert FRAME.select(v=parse(text))["v"].to_list() == values
    assert FRAME.select(v=eval(text, {"pl": pl}))["v"].to_list() == values


def test_names_the_columns_it_reads() -> None:
    assert columns(parse('(pl.col("b") > 1) & (pl.col("a") > pl.col("b"))')) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("__import__('os').system('touch /tmp/canary')", ".system is not known"),
        ('pl.read_csv("/etc/passwd")', "pl.read_csv is not known"),
        ('pl.col("a").map_elements(print)', "map_elements is not known"),
        ('pl.col("a").str.len_char()', "did you mean .str.len_chars?"),
        ('pl.col("a").sum()', ".sum is not known"),
        ('pl.col("a").shift(1).over("b")', "not known"),
        ('pl.col("a") > 1 and pl.col("b") > 1', "write &, | and ~"),
        ('1 < pl.col("a") < 3', "two things at a time"),
        ("(lambda: 1)()", "pl.col"),
        ('[x for x in "ab"]', "ListComp"),
        ('f"{1}"', "JoinedStr"),
        ('pl.col("a").str.__class__', "Attribute"),
        ('pl.col("a").__class__.__base__', ""),
        ("1 + 1", "must name a column"),
        ("[1, 2]", "names no column"),
        ('pl.col("a").clip(', "check brackets"),
        ("pl.col(*['a'])", "one by one"),
        ("(" * 500 + "1" + ")" * 500, ""),
        ("x" * 3000, "longer than"),
    ],
)
def test_refuses_everything_else_in_words(text: str, said: str) -> None:
    with pytest.raises(ExpressionError, match=r".") as refused:
        parse(text)
    assert said in str(refused.value)


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet='pl.col("a")[]{}~&|<>=!+-*/ ,:_0123xyzstreval', max_size=60))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        assert isinstance(parse(text), pl.Expr)
