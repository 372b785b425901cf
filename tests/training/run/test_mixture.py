"""The mixture's bounds hold whatever was measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.training.run import mixture

TOLERANCE = 1e-9


@st.composite
def evidence(draw: st.DrawFn) -> mixture.Evidence:
    n = draw(st.integers(2, 120))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    q = rng.dirichlet(np.full(n, draw(st.floats(0.2, 5)))) + 1e-4
    q /= q.sum()
    mixed = draw(st.floats(0, 1))
    target = mixture.near(rng.dirichlet(np.ones(n)), q)
    return mixture.Evidence(
        curated=q,
        current=q + mixed * (target - q),
        drawn_tokens=rng.integers(0, 10**6, n),
        unique_tokens=rng.integers(1, 10**5, n),
        slope=np.where(rng.random(n) < 0.2, np.nan, rng.normal(0, 0.1, n)),
        slope_se=rng.gamma(1, 0.05, n),
        overfit=rng.random(n) < 0.3,
        memorising=rng.random(n) < 0.3,
        tokens_left=draw(st.floats(0, 1e8)),
    )


@settings(max_examples=150, deadline=None)
@given(evidence())
def test_every_bound_holds(given_evidence):
    update = mixture.update(given_evidence)
    for p in (update.p, update.target):
        assert p.sum() == pytest.approx(1)
        assert (p > 0).all()
        assert mixture.divergence(p, given_evidence.curated) <= mixture.MAX_DIVERGENCE + 1e-6
    assert mixture.total_variation(update.p, given_evidence.current) <= mixture.MAX_STEP + TOLERANCE
    low, high, exhausted = mixture.bounds(given_evidence)
    assert (low <= high + TOLERANCE).all()
    assert low.sum() <= 1 + TOLERANCE
    assert high.sum() >= 1 - 1e-6
    assert exhausted == update.exhausted
    assert (np.abs(update.progress) <= 1).all()


@settings(max_examples=100, deadline=None)
@given(evidence())
def test_waterfill_stays_between_its_bounds(given_evidence):
    low, high, _ = mixture.bounds(given_evidence)
    filled = mixture.waterfill(given_evidence.curated, low, high)
    assert filled.sum() == pytest.approx(1)
    assert (filled >= low - 1e-6).all()
    assert (filled <= high + 1e-6).all()


def still(q: list[float], **changes) -> mixture.Evidence:
    n = len(q)
    values = {
        "curated": np.array(q),
        "current": np.array(q),
        "drawn_tokens": np.zeros(n, dtype=np.int64),
        "unique_tokens": np.full(n, 10**6),
        "slope": np.full(n, np.nan),
        "slope_se": np.full(n, np.nan),
        "overfit": np.zeros(n, dtype=bool),
        "memorising": np.zeros(n, dtype=bool),
        "tokens_left": 1e5,
    }
    return mixture.Evidence(**{**values, **changes})


def test_without_news_the_curated_mixture_stays():
    assert mixture.update(still([0.7, 0.2, 0.1])).p == pytest.approx([0.7, 0.2, 0.1])


def test_an_overfit_slice_loses_share_and_keeps_its_floor():
    p = q = np.array([0.5, 0.3, 0.2])
    for _ in range(200):
        p = mixture.update(still(q, current=p, overfit=np.array([False, False, True]))).p
    assert 0.3 * 0.2 <= p[2] < 0.15


def test_a_worn_out_slice_loses_to_a_fresh_one():
    update = mixture.update(
        still([0.5, 0.5], drawn_tokens=np.array([10_000, 1_000]), unique_tokens=np.array([1_000, 1_000_000]))
    )
    assert update.p[0] < 0.5 < update.p[1]
    assert update.value[0] < 0.2


def test_caps_that_cannot_be_met_are_reported():
    tight = still([0.5, 0.5], unique_tokens=np.array([10, 10]), tokens_left=1e6)
    assert mixture.update(tight).exhausted
    assert not mixture.update(still([0.5, 0.5])).exhausted


def test_loss_is_no_reward():
    """A slice that stays hard gains nothing for its loss; only falling loss counts, and only a little."""
    stuck = mixture.update(still([0.5, 0.5], slope=np.array([0.0, -0.05]), slope_se=np.array([0.005, 0.005])))
    assert stuck.target[0] < 0.5


def test_theil_sen_ignores_one_outlier():
    rows = np.tile([[1.0], [0.9], [0.8], [5.0]], (1, 10))
    slope, error = mixture.theil_sen(rows[:3])
    assert (slope, error) == (pytest.approx(-0.1), pytest.approx(0, abs=1e-12))
    assert mixture.theil_sen(rows)[0] < 2.1
