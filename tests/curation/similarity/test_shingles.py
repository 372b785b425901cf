"""Shingles: equal to a plain definition, sensible in every script."""

from __future__ import annotations

import subprocess
import sys

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.row_frames import shingles, words
from tilth.curation.similarity.shingles import as_arrays, describe, gram_lists

TEXTS = st.lists(st.text("ab cd_9 .-+\nÄé", max_size=60), max_size=20)


@settings(deadline=None)
@given(TEXTS, st.integers(1, 6))
def test_sets_have_the_sizes_and_overlaps_of_the_definition(texts: list[str], width: int) -> None:
    found = [set(x) for x in describe(pl.Series(texts, dtype=pl.String), width)["shingles"].to_list()]
    expected = [shingles(text, width) for text in texts]
    assert [len(x) for x in found] == [len(x) for x in expected]
    for i in range(len(texts)):
        for j in range(i):
            assert len(found[i] & found[j]) == len(expected[i] & expected[j])


@settings(deadline=None)
@given(TEXTS)
def test_sets_are_sorted_and_grams_keep_their_order(texts: list[str]) -> None:
    series = pl.Series(texts, dtype=pl.String)
    assert all(x == sorted(set(x)) for x in describe(series)["shingles"].to_list())
    grams = gram_lists(series, 2).to_list()
    assert [len(x) for x in grams] == [max(0, len(words(text)) - 1) for text in texts]
    values, offsets = as_arrays(gram_lists(series, 2))
    assert values.tolist() == [g for x in grams for g in x]
    assert offsets[-1] == values.size


def test_case_and_blanks_do_not_count_but_signs_do() -> None:
    same = describe(pl.Series(["Where  is\nit? ", "where is it?", "where is it"])).select("low", "high")
    assert same.row(0) == same.row(1) != same.row(2)
    texts = pl.Series(["2 + 2", "2 - 2", "12 USD to EUR", "12 EUR to USD", " ", ""])
    short = describe(texts)["shingles"].to_list()
    assert len({tuple(x) for x in short[:4]}) == 4
    assert short[4:] == [[], []]


def test_scripts_without_blanks_are_cut_into_characters() -> None:
    texts = pl.Series(
        [
            "今天天气很好，我们去公园。",
            "วันนี้อากาศดี",
            "오늘 날씨가 좋다",
            "наш дом стоит",
            "a👍b",
            "one\u00a0two",
        ]
    )
    assert gram_lists(texts, 1).list.len().to_list() == [11, 13, 3, 3, 2, 2]


def test_hashes_are_the_same_for_ever() -> None:
    text = pl.Series(["The parcel left the depot at noon today"])
    assert describe(text)["shingles"].to_list()[0] == [524490093, 1518989685, 2181301127, 3374470277]


def test_stages_are_listed_without_compiling_anything() -> None:
    program = (
        "import sys; from tilth.curation.stage import registry; names = set(registry());"
        "assert {'dedup', 'split', 'conflict', 'decontaminate', 'balance'} <= names, names;"
        "assert 'numba' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
