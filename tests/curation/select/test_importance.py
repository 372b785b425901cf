"""DSIR: the paper's weights, noise that belongs to a row, and a sample that leans towards the target."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from tests.row_frames import words
from tilth.curation.select.importance import gumbel, log_weights

RAW = ["a b a", "b c", "c c d a", "x"]
TARGET = ["a b", "a b a"]


def ids(count: int) -> pl.Series:
    random = np.random.default_rng(0)
    return pl.Series([random.bytes(16) for _ in range(count)], dtype=pl.Binary)


def test_weights_are_those_of_the_formula() -> None:
    def bag(text: str) -> Counter[object]:
        tokens = words(text)
        return Counter(tokens) + Counter(pairwise(tokens))

    raw, target = (sum(map(bag, texts), Counter()) for texts in (RAW, TARGET))

    def share(counts: Counter[object], gram: object) -> float:
        return counts[gram] / counts.total() + 1e-8

    expected = [
        sum(n * math.log(share(target, gram) / share(raw, gram)) for gram, n in bag(text).items())
        for text in RAW
    ]
    # So many buckets that no two of these few grams share one.
    np.testing.assert_allclose(log_weights(pl.Series(RAW), pl.Series(TARGET), 1 << 16), expected, rtol=1e-5)


def test_noise_is_standard_gumbel_and_belongs_to_the_row() -> None:
    rows = ids(20_000)
    noise = gumbel(rows)
    assert np.array_equal(gumbel(rows.reverse())[::-1], noise)
    assert noise.mean() == pytest.approx(0.5772, abs=0.03)
    assert noise.std() == pytest.approx(math.pi / math.sqrt(6), abs=0.03)
    assert abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) < 0.03


def test_the_sample_leans_towards_the_target() -> None:
    random = np.random.default_rng(1)
    near, far = ("tea", "cup", "leaf", "steep"), ("gear", "oil", "brake", "wheel")
    both = ("the", "a", "then", "and")

    def text(topic: tuple[str, ...]) -> str:
        return " ".join(random.choice([*topic, *both], 20))

    texts = pl.Series([text(near if n % 10 == 0 else far) for n in range(2000)])
    target = pl.Series([text(near) for _ in range(50)])
    order = np.argsort(-(log_weights(texts, target) + gumbel(ids(2000))))
    assert (order[:200] % 10 == 0).mean() > 0.95


def test_an_empty_target_or_text_moves_nothing_apart() -> None:
    weights = log_weights(pl.Series(["", "a", None]), pl.Series([""]))
    assert weights[0] == weights[2] == 0
    assert np.isfinite(weights).all()
