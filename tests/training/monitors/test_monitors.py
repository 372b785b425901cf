"""Monitors on series whose truth is known, and their false alarms where there is nothing to find."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.shards.feedback import Finding
from tilth.training.monitors import forgetting as retention
from tilth.training.monitors import repetition, twin_gap, validation_rise

EVALUATIONS = 12


def series(rng: np.random.Generator, rows: int, drift: np.ndarray, *, noise: float = 0.15) -> np.ndarray:
    """Losses (evaluations, rows): a level per row, a common drift, and noise that comes and goes."""
    level = rng.gamma(4, 0.4, size=rows)
    return level + drift[:, None] + rng.normal(0, noise, (len(drift), rows))


def learning_curve(bottom: float = -0.8) -> np.ndarray:
    return bottom * (1 - np.exp(-np.arange(EVALUATIONS) / 3))


def alarms(monitor, make, runs: int) -> float:
    """Share of whole runs, looked at after every evaluation, in which the monitor spoke."""
    return float(
        np.mean(
            [any(monitor(run, t).fired for t in range(2, EVALUATIONS + 1)) for run in map(make, range(runs))]
        )
    )


def twin(run, t):
    return twin_gap.of_slice(run[0][:t], run[1][:t], slice_name="s", slices=1)


def rise(run, t):
    return validation_rise.of_slice(run[:t], np.arange(run.shape[1]), slice_name="s", slices=1)


def test_twin_gap_is_quiet_without_memorisation():
    def make(seed):
        rng = np.random.default_rng(seed)
        return series(rng, 40, learning_curve()), series(rng, 200, learning_curve())

    assert alarms(twin, make, 200) <= 0.05


def test_twin_gap_finds_memorisation():
    def make(seed):
        rng = np.random.default_rng(seed)
        return series(rng, 60, learning_curve(-0.4)), series(rng, 200, learning_curve(-1.4))

    assert alarms(twin, make, 20) == 1


def test_validation_rise_is_quiet_while_learning():
    assert alarms(rise, lambda seed: series(np.random.default_rng(seed), 60, learning_curve()), 200) <= 0.05


def test_validation_rise_is_quiet_on_a_plateau():
    """The worst case for choosing a minimum: nothing moves but noise."""
    flat = np.zeros(EVALUATIONS)
    assert alarms(rise, lambda seed: series(np.random.default_rng(seed), 60, flat), 200) <= 0.05


def test_validation_rise_finds_overfitting():
    curve = learning_curve() + np.maximum(0, np.arange(EVALUATIONS) - 5) * 0.08
    assert alarms(rise, lambda seed: series(np.random.default_rng(seed), 100, curve), 20) == 1


def test_repetition_shows_in_the_twin_gap_and_not_in_the_validation_loss():
    """Rows repeated until they are known by heart while the held-out loss stands still."""
    rng = np.random.default_rng(0)
    probe = series(rng, 150, learning_curve(-1.5))
    withheld, held_out = series(rng, 80, learning_curve(-0.45)), series(rng, 100, learning_curve(-0.45))
    assert twin((withheld, probe), EVALUATIONS).finding is Finding.MEMORISING
    assert rise(held_out, EVALUATIONS).finding is Finding.NONE


def test_one_evaluation_is_not_enough_to_speak():
    rng = np.random.default_rng(0)
    jump = np.array([0, 0, 1.0])
    assert not twin((series(rng, 60, jump), series(rng, 60, np.zeros(3))), 3).fired
    assert not rise(series(rng, 60, jump), 3).fired


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_too_few_rows_are_inconclusive(rows):
    rng = np.random.default_rng(0)
    few, many = series(rng, rows, learning_curve()), series(rng, 50, learning_curve())
    assert twin((few, many), 5).finding is Finding.INCONCLUSIVE
    assert rise(series(rng, 2 * rows, learning_curve()), 5).finding is Finding.INCONCLUSIVE
    assert retention.of_run(few).finding is Finding.INCONCLUSIVE


def test_rows_of_one_group_count_once():
    """Ten copies of six conversations are six observations, however many rows they are."""
    rng = np.random.default_rng(0)
    withheld = np.repeat(series(rng, 6, learning_curve(-0.2)), 10, axis=1)
    probe = series(rng, 100, learning_curve(-1.4))
    signal = twin_gap.of_slice(
        withheld, probe, slice_name="s", slices=1, twin_clusters=np.repeat(np.arange(6), 10)
    )
    assert signal.finding is Finding.INCONCLUSIVE


def test_retention_counts_what_was_lost_on_the_base_domain():
    rng = np.random.default_rng(0)
    kept = series(rng, 100, np.zeros(4), noise=0.05)
    lost = series(rng, 100, np.array([0, 0.05, 0.1, 0.15]), noise=0.05)
    assert retention.of_run(kept).finding is Finding.NONE
    assert retention.of_run(lost).finding is Finding.FORGETTING


def test_retention_false_alarms():
    def monitor(run, t):
        return retention.of_run(run[:t])

    assert alarms(monitor, lambda s: series(np.random.default_rng(s), 60, np.zeros(EVALUATIONS)), 200) <= 0.05


@pytest.mark.parametrize(("epochs", "fires"), [(1, False), (3, False), (4, True), (460, True)])
def test_repetition_value_falls_with_the_passes(epochs, fires):
    signal = repetition.of_slice(int(epochs * 1000), 1000, 1, slice_name="s")
    assert signal.fired is fires
    assert signal.value == pytest.approx(np.exp(-(epochs - 1) / 4))


def test_a_row_repeated_more_than_sixteen_times_is_repeated():
    assert not repetition.of_slice(1000, 1000, 16, slice_name="s").fired
    assert repetition.of_slice(1000, 1000, 17, slice_name="s").fired
