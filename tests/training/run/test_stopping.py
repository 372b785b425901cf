"""When a run stops: Prechelt's numbers, and every rule on a run that needs it and on one that does not."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.shards.feedback import Finding
from tilth.training.monitors.signal import Signal
from tilth.training.run import stopping

QUIET = Signal(Finding.NONE, None, "", alpha=0.01, monitor="validation_rise")
FEW = Signal(Finding.INCONCLUSIVE, None, "", monitor="validation_rise")
BY_HEART = Signal(Finding.MEMORISING, None, "gap 2.5 nat", monitor="twin_gap")
LEARNING = np.array([3.0, 2.0, 1.5, 1.2, 1.1, 1.05, 1.02])


def test_generalisation_loss_and_progress_are_prechelts() -> None:
    assert stopping.generalisation_loss(np.array([2.0, 1.0, 1.1])) == pytest.approx(10)
    assert not stopping.stays_above(np.array([2.0, 1.0, 1.1]))
    assert stopping.stays_above(np.array([2.0, 1.0, 1.1, 1.06]))
    assert stopping.progress(np.array([9.0, 1.2, 1.1, 1.0, 1.0, 1.0])) == pytest.approx(60)
    held = np.array([2.0, 1.5, 1.2, 1.1, 1.0, 1.03])
    assert stopping.quotient(held, np.array([9.0, 1.2, 1.1, 1.0, 1.0, 1.0])) == pytest.approx(3 / 60)


def test_a_run_that_still_learns_goes_on_though_rows_are_known_by_heart() -> None:
    assert stopping.reason_to_stop([QUIET, BY_HEART], LEARNING, LEARNING / 2) == ""


def test_a_run_that_knows_its_rows_by_heart_and_gains_nothing_stops() -> None:
    """The loss held out need not rise: repetition seldom raises it."""
    flat = np.array([3.0, 2.0, 1.5, 1.501, 1.502])
    assert "gap 2.5 nat" in stopping.reason_to_stop([QUIET, BY_HEART], flat, LEARNING)
    assert stopping.reason_to_stop([QUIET], flat, LEARNING) == ""


def test_a_run_that_creeps_up_while_training_gains_nothing_stops() -> None:
    creeps = np.array([3.0, 2.0, 1.5, 1.5, 1.5, 1.51, 1.52, 1.53])
    stalled = np.array([3.0, 1.0, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01])
    assert "(PQ;" in stopping.reason_to_stop([QUIET], creeps, stalled)
    still = 3.0 / 2.0 ** np.arange(8)
    assert stopping.reason_to_stop([QUIET], creeps, still) == ""


def test_too_few_held_out_rows_stop_nothing() -> None:
    rises = np.array([3.0, 1.0, 1.5, 2.0])
    assert "(GL)" in stopping.reason_to_stop([QUIET], rises, LEARNING)
    assert stopping.reason_to_stop([FEW], rises, LEARNING) == ""


@pytest.mark.parametrize("seed", range(5))
def test_jitter_on_a_plateau_is_no_rise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plateau = np.concatenate([[3.0, 2.0], 1.5 + rng.normal(0, 0.003, 12)])
    flat = np.concatenate([[3.0, 1.0], np.full(12, 0.5)])
    assert all(stopping.reason_to_stop([QUIET], plateau[:n], flat[:n]) == "" for n in range(3, 15))
