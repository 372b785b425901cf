"""k-center: within twice the least possible radius, and the same whatever is computed ahead."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tilth.curation.select import k_center as module
from tilth.curation.select.k_center import k_center

POINTS = arrays(
    np.float32, st.tuples(st.integers(1, 9), st.just(3)), elements=st.floats(-1, 1, width=32).map(np.float32)
)


def radius(points: np.ndarray, chosen: list[int]) -> float:
    """Return the largest distance of a point to the nearest chosen one."""
    apart = np.linalg.norm(points[:, None].astype(float) - points[None, chosen], axis=2)
    return float(apart.min(1).max())


@settings(deadline=None, max_examples=80)
@given(POINTS, st.integers(1, 4))
def test_the_radius_is_at_most_twice_the_best(points: np.ndarray, k: int) -> None:
    chosen = k_center(points, k)
    assert len(set(chosen)) == min(k, len(points))
    best = min(radius(points, list(some)) for some in combinations(range(len(points)), len(chosen)))
    assert radius(points, list(chosen)) <= 2 * best + 1e-3


@pytest.mark.parametrize("ahead", [1, 5, 64])
def test_each_row_is_the_farthest_from_those_before(ahead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AHEAD", ahead)
    points = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    chosen = k_center(points, 60)
    for step in range(1, 60):
        nearest = np.linalg.norm(points[:, None] - points[None, chosen[:step]], axis=2).min(1)
        assert nearest[chosen[step]] == pytest.approx(nearest.max(), rel=1e-4)


def test_every_row_can_be_chosen_and_none_twice() -> None:
    assert sorted(k_center(np.zeros((5, 2), np.float32), 9)) == [0, 1, 2, 3, 4]
    assert k_center(np.zeros((0, 2), np.float32), 3).size == 0
