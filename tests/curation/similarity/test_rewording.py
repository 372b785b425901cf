from __future__ import annotations

import math
from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.curation.similarity.rewording import nearest

TEXTS = st.lists(st.text("abc ", max_size=30), min_size=1, max_size=6)


@settings(deadline=None, max_examples=60)
@given(TEXTS, TEXTS)
def test_agrees_with_the_formula(texts: list[str], items: list[str]) -> None:
    every = [Counter(text.split()) for text in (*items, *texts)]
    documents = Counter(word for counts in every for word in counts)

    def vector(counts: Counter[str]) -> dict[str, float]:
        weights = {
            word: (1 + math.log(n)) * (1 + math.log((1 + len(every)) / (1 + documents[word])))
            for word, n in counts.items()
        }
        length = math.sqrt(sum(weight**2 for weight in weights.values()))
        return {word: weight / length for word, weight in weights.items()}

    vectors = [vector(counts) for counts in every]
    found = nearest(pl.Series(texts, dtype=pl.String), pl.Series(items, dtype=pl.String))
    for said, cosine in zip(vectors[len(items) :], found["cosine"]):
        best = max(
            sum(weight * item.get(word, 0.0) for word, weight in said.items())
            for item in vectors[: len(items)]
        )
        assert (cosine or 0.0) == pytest.approx(best, abs=1e-4)


def test_word_order_does_not_matter_and_other_words_do() -> None:
    items = pl.Series(["how tall is the old tower of Pisa", "where does the van stop on mondays"])
    found = nearest(pl.Series(["the old tower of Pisa is how tall", "xyz", None]), items)
    assert found["item"].to_list() == [0, None, None]
    assert found["cosine"].to_list() == [pytest.approx(1.0), None, None]
