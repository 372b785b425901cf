"""Intervals cover what they claim to cover."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tilth.training.evaluation import intervals


def coverage(trial, runs: int) -> float:
    return float(np.mean([trial(np.random.default_rng(seed)) for seed in range(runs)]))


def test_the_lower_bound_errs_as_often_as_it_says():
    def fails(rng):
        return intervals.clustered_mean(rng.normal(0, 1, 12)).lower(0.05) > 0

    assert coverage(fails, 3000) == pytest.approx(0.05, abs=0.015)


def test_clusters_widen_the_error():
    rng = np.random.default_rng(0)
    values, clusters = np.repeat(rng.normal(0, 1, 50), 10), np.repeat(np.arange(50), 10)
    clustered, naive = intervals.clustered_mean(values, clusters), intervals.clustered_mean(values)
    assert clustered.se == pytest.approx(naive.se * math.sqrt(10), rel=0.05)
    assert clustered.groups == 50


def test_a_cluster_a_row_is_the_plain_standard_error():
    values = np.array([1.0, 2.0, 4.0, 7.0])
    assert intervals.clustered_mean(values, np.arange(4)).se == pytest.approx(values.std(ddof=1) / 2)


def test_alpha_over_all_evaluations_and_slices_stays_within_its_budget():
    spent = sum(intervals.spent_alpha(t, 7) for t in range(1, 100_000)) * 7
    assert spent == pytest.approx(0.05, rel=1e-3)


def test_paired_bootstrap_covers_the_mean_over_rows():
    def covers(rng):
        sizes = rng.integers(1, 40, 80)
        differences = (0.1 + rng.normal(0, 0.3, (1, 80))) * sizes
        return intervals.paired_bootstrap(differences, sizes, draws=400).covers(0.1)

    assert 0.90 <= coverage(covers, 400) <= 0.99


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_two_level_bootstrap_covers_when_seeds_matter_more_than_rows(seeds):
    def covers(rng):
        shift = rng.normal(0, 0.2, (seeds, 1))
        differences = 0.1 + shift + rng.normal(0, 0.3, (seeds, 60))
        return intervals.paired_bootstrap(differences, np.ones(60), draws=400).covers(0.1)

    assert coverage(covers, 300) >= 0.90


def test_clusters_are_drawn_together():
    rng = np.random.default_rng(0)
    differences = np.repeat(rng.normal(0, 1, (1, 20)), 10, axis=1)
    sizes, clusters = np.ones(200), np.repeat(np.arange(20), 10)
    whole = intervals.paired_bootstrap(differences, sizes, clusters=clusters)
    naive = intervals.paired_bootstrap(differences, sizes)
    assert whole.high - whole.low > 2 * (naive.high - naive.low)


def test_the_same_seed_gives_the_same_interval():
    differences = np.random.default_rng(0).normal(0, 1, (3, 30))
    first = intervals.paired_bootstrap(differences, np.ones(30), seed=7)
    assert first == intervals.paired_bootstrap(differences, np.ones(30), seed=7)
    assert first != intervals.paired_bootstrap(differences, np.ones(30), seed=8)


def test_nothing_measured_gives_no_number():
    empty = intervals.paired_bootstrap(np.zeros((2, 0)), np.zeros(0))
    assert math.isnan(empty.mean)
