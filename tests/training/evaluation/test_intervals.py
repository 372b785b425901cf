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


def interval(differences, sizes, **how):
    return intervals.paired_mean(differences, sizes, **how).interval()


def test_a_paired_mean_covers_the_mean_over_rows():
    def covers(rng):
        sizes = rng.integers(1, 40, 80)
        differences = (0.1 + rng.normal(0, 0.3, (1, 80))) * sizes
        return interval(differences, sizes).covers(0.1)

    assert 0.92 <= coverage(covers, 600) <= 0.98


@pytest.mark.parametrize("rows", [5, 10])
def test_a_few_rows_are_covered_too(rows):
    def covers(rng):
        sizes = rng.integers(5, 60, rows)
        return interval((0.1 + rng.normal(0, 0.3, (1, rows))) * sizes, sizes).covers(0.1)

    assert coverage(covers, 1000) >= 0.93


def test_a_few_answers_are_covered_too():
    def covers(rng):
        moved = rng.random((1, 10))
        differences = (moved < 0.3) * 1.0 - (moved > 0.9)
        return interval(differences, np.ones(10), ends=(-1.0, 1.0)).covers(0.2)

    assert coverage(covers, 600) >= 0.93


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_seeds_that_matter_more_than_rows_are_covered(seeds):
    def covers(rng):
        shift = rng.normal(0, 0.2, (seeds, 1))
        differences = 0.1 + shift + rng.normal(0, 0.3, (seeds, 60))
        return interval(differences, np.ones(60)).covers(0.1)

    assert coverage(covers, 300) >= 0.92


def test_clusters_are_left_out_together():
    rng = np.random.default_rng(0)
    differences = np.repeat(rng.normal(0, 1, (1, 20)), 10, axis=1)
    sizes, clusters = np.ones(200), np.repeat(np.arange(20), 10)
    whole, naive = interval(differences, sizes, clusters=clusters), interval(differences, sizes)
    assert whole.high - whole.low > 2 * (naive.high - naive.low)


def test_the_jackknife_of_equal_rows_is_the_plain_standard_error():
    values = np.array([[1.0, 2.0, 4.0, 7.0]])
    assert intervals.paired_mean(values, np.ones(4)).se == pytest.approx(values.std(ddof=1) / 2)


def test_one_question_gives_no_interval_and_two_equal_ones_are_one():
    one = intervals.paired_mean(np.ones((1, 1)), np.ones(1), ends=(-1.0, 1.0))
    twice = intervals.paired_mean(np.ones((1, 9)), np.ones(9), clusters=np.zeros(9), ends=(-1.0, 1.0))
    for found in (one, twice):
        assert found.mean == 1
        assert math.isnan(found.interval().low)
        assert found.interval().covers(0)
        assert (found.p_above(), found.p_below()) == (1.0, 1.0)


def test_answers_that_are_all_alike_have_an_interval_within_the_scale():
    found = interval(np.ones((1, 40)), np.ones(40), ends=(-1.0, 1.0))
    assert 0.7 < found.low < 1
    assert found.high == 1


def test_an_interval_and_its_test_agree():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found = intervals.paired_mean(rng.integers(-1, 2, (1, 35)) + 0.3, np.ones(35), ends=(-1.0, 1.0))
        assert (found.interval().low > 0) == (found.p_above() < 0.025)
        assert (found.interval().high < 0) == (found.p_below() < 0.025)


def test_holm_refuses_step_by_step():
    assert intervals.holm({"a": 0.001, "b": 0.0124, "c": 0.03}, 0.025) == {"a", "b"}
    assert intervals.holm({"a": 0.009, "b": 0.0124, "c": 0.03}, 0.025) == set()
    assert intervals.holm({}) == set()


def test_nothing_measured_gives_no_number():
    empty = interval(np.zeros((2, 0)), np.zeros(0))
    assert math.isnan(empty.mean)
