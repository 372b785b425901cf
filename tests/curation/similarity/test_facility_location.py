"""Facility location: at least 1 - 1/e of the best sum, the same choice as the plain greedy rule."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.curation.similarity import facility_location as module
from tilth.curation.similarity.facility_location import facility_location


def unit(rows: int, seed: int, dimensions: int = 4) -> np.ndarray:
    """Return random directions."""
    drawn = np.random.default_rng(seed).standard_normal((rows, dimensions)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def value(vectors: np.ndarray, chosen: list[int]) -> float:
    """Return the sum over all rows of the best similarity to a chosen one."""
    return float(np.maximum(vectors @ vectors[chosen].T, 0).max(1).sum())


@settings(deadline=None, max_examples=80)
@given(st.integers(1, 10), st.integers(1, 4), st.integers(0, 10_000))
def test_the_value_is_near_the_best(rows: int, k: int, seed: int) -> None:
    vectors = unit(rows, seed)
    chosen = facility_location(vectors, k)
    assert len(set(chosen)) == min(k, rows)
    best = max(value(vectors, list(some)) for some in combinations(range(rows), len(chosen)))
    assert value(vectors, list(chosen)) >= (1 - 1 / math.e) * best - 1e-4


@pytest.mark.parametrize("ahead", [1, 7, 64])
def test_lazy_evaluation_chooses_what_the_plain_rule_chooses(
    ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AHEAD", ahead)
    vectors = unit(200, seed=1, dimensions=12)
    similar = np.maximum(vectors @ vectors.T, 0).astype(np.float64)
    best = np.zeros(200)
    chosen = facility_location(vectors, 40)
    for place in chosen:
        gains = np.maximum(similar - best, 0).sum(1)
        assert gains[place] == pytest.approx(gains.max(), abs=1e-4)
        best = np.maximum(best, similar[place])


def test_clusters_are_covered_before_one_is_chosen_twice() -> None:
    centres = np.eye(5, 8, dtype=np.float32)
    sizes = (50, 30, 20, 10, 5)
    noise = 0.05 * unit(sum(sizes), seed=2, dimensions=8)
    vectors = np.repeat(centres, sizes, axis=0) + noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cluster = np.repeat(np.arange(5), sizes)
    assert cluster[facility_location(vectors, 5)].tolist() == [0, 1, 2, 3, 4]


def test_a_sample_of_the_rows_may_stand_for_all() -> None:
    vectors = unit(2000, seed=3, dimensions=6)
    whole = value(vectors, list(facility_location(vectors, 50)))
    sampled = value(vectors, list(facility_location(vectors, 50, demand_rows=400)))
    assert sampled >= 0.97 * whole


def test_every_row_can_be_chosen_and_none_twice() -> None:
    same = np.repeat(unit(1, 0), 5, axis=0)
    assert sorted(facility_location(same, 9)) == [0, 1, 2, 3, 4]
    assert facility_location(np.zeros((0, 2), np.float32), 3).size == 0
