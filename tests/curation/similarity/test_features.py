"""Features: the same text is the same vector, related texts are near, nothing depends on chance."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.row_frames import words
from tilth.curation.similarity import features as module
from tilth.curation.similarity.features import counts, features

TEXTS = st.lists(st.text(alphabet="abc é,.\n", max_size=40), min_size=1, max_size=12)
TOPICS = {
    "tea": "boil the water then steep the green tea leaves in a warm cup",
    "car": "change the oil of the engine and check the brakes of the old car",
    "law": "the court found that the contract between both parties was void",
}


def reworded(topic: str, seed: int) -> str:
    """Return some words of a topic in another order."""
    return " ".join(np.random.default_rng(seed).permutation(TOPICS[topic].split())[:9])


@settings(deadline=None, max_examples=50)
@given(TEXTS)
def test_counts_are_those_of_words_and_pairs(texts: list[str]) -> None:
    found = counts(pl.Series(texts), 1 << 20)
    for place, text in enumerate(texts):
        tokens = words(text)
        expected = Counter(tokens) + Counter(pairwise(tokens))
        assert sorted(found[place].data) == sorted(expected.values())


def test_related_texts_are_nearer_than_others() -> None:
    topics = sorted(TOPICS) * 20
    vectors = features(pl.Series([reworded(topic, seed) for seed, topic in enumerate(topics)]), 3)
    cosine = vectors @ vectors.T
    same = np.equal.outer(topics, topics)
    assert cosine[same].min() > cosine[~same].max() + 0.3


@settings(deadline=None, max_examples=50)
@given(TEXTS, st.integers(1, 16))
def test_vectors_have_length_one_or_are_zero(texts: list[str], dimensions: int) -> None:
    vectors = features(pl.Series(texts), dimensions)
    assert vectors.shape == (len(texts), dimensions)
    assert vectors.dtype == np.float32
    length = np.linalg.norm(vectors, axis=1)
    assert np.all((np.abs(length - 1) < 1e-4) | (length == 0))
    doubled = features(pl.Series(texts + texts), dimensions)
    cosine = (doubled[: len(texts)] * doubled[len(texts) :]).sum(1)
    assert np.all((np.abs(cosine - 1) < 1e-4) | (cosine == 0))


def test_cosines_approach_those_of_the_whole_space() -> None:
    texts = pl.Series([reworded(topic, seed) for seed in range(12) for topic in TOPICS])
    vectors = features(texts, 36)
    matrix = counts(texts)
    documents = np.bincount(matrix.indices, minlength=module.BUCKETS)
    idf = np.where(documents > 1, np.log((1 + len(texts)) / (1 + documents)) + 1, 0)
    dense = matrix.toarray()[:, documents > 0]
    weighed = np.where(dense > 0, 1 + np.log(np.maximum(dense, 1)), 0) * idf[documents > 0]
    weighed /= np.linalg.norm(weighed, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors @ vectors.T, weighed @ weighed.T, atol=1e-4)


def test_a_fit_on_some_rows_serves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    topics = sorted(TOPICS) * 40
    texts = pl.Series([reworded(topic, seed) for seed, topic in enumerate(topics)])
    monkeypatch.setattr(module, "FIT_ROWS", 30)
    monkeypatch.setattr(module, "_BLOCK_ROWS", 32)
    vectors = features(texts, 8)
    assert np.array_equal(vectors, features(texts, 8))
    cosine = vectors @ vectors.T
    same = np.equal.outer(topics, topics)
    assert cosine[same].mean() > cosine[~same].mean() + 0.3


@pytest.mark.parametrize("texts", [[], [""], [None, None], ["only one text"]])
def test_texts_without_a_shared_word_are_zero(texts: list[str | None]) -> None:
    vectors = features(pl.Series(texts, dtype=pl.String), 4)
    assert vectors.shape == (len(texts), 4)
    assert not vectors.any()
