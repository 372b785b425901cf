"""The published figure of a holdout that is used again and again, and what the two remedies do about it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from tilth.training.evaluation.thresholdout import Ladder, Thresholdout

ROWS = FEATURES = 10_000
CHOSEN = 500
BLOCK = 1_000


@pytest.fixture(scope="module")
def noise() -> tuple[np.ndarray, np.ndarray]:
    """Return the correlations of pure-noise features with the labels, (features,) on train and on holdout.

    Of each feature only its product with the label counts, itself standard normal.
    """
    train, held = (
        np.concatenate([block_of(which, block).mean(axis=1) for block in range(FEATURES // BLOCK)])
        for which in (0, 1)
    )
    return train, held


def block_of(which: int, block: int) -> np.ndarray:
    """Return features times label, (BLOCK, rows), of a part: 0 train, 1 holdout, 2 fresh."""
    return np.random.default_rng([which, block]).standard_normal((BLOCK, ROWS), dtype=np.float32)


def agreed(train: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return the features that stand out on both with one sign, the largest on train first."""
    bar = 1 / math.sqrt(ROWS)
    found = np.flatnonzero((np.abs(train) > bar) & (np.abs(held) > bar) & (train * held > 0))
    return found[np.argsort(-np.abs(train[found]))[:CHOSEN]]


def accuracy(chosen: np.ndarray, signs: np.ndarray, which: int) -> float:
    """Return the share of rows of a part on which the chosen features vote for the label."""
    votes = np.zeros(ROWS)
    wanted = set(chosen.tolist())
    for block in range(FEATURES // BLOCK):
        mine = [i for i in range(BLOCK * block, BLOCK * (block + 1)) if i in wanted]
        if mine:
            values = block_of(which, block)
            votes += signs[mine] @ values[np.array(mine) - BLOCK * block]
    return float((votes > 0).mean())


def test_a_holdout_that_chooses_features_shows_63_per_cent_where_50_is_true_and_thresholdout_does_not(
    noise: tuple[np.ndarray, np.ndarray],
) -> None:
    """Dwork et al. 2015, figure 1: n = d = 10,000 of pure noise, the 500 largest features that agree."""
    train, held = noise
    naive = agreed(train, held)
    assert accuracy(naive, np.sign(train), 1) == pytest.approx(0.63, abs=0.01)
    guard = Thresholdout(0.04, 0.01, budget=FEATURES, seed=0)
    answers = np.array([guard.answer(a, b) for a, b in zip(train.tolist(), held.tolist(), strict=True)])
    guarded = agreed(train, answers)
    assert accuracy(guarded, np.sign(train), 1) == pytest.approx(0.5, abs=0.02)
    assert accuracy(guarded, np.sign(train), 2) == pytest.approx(0.5, abs=0.02)


def test_a_budget_that_is_spent_answers_no_more() -> None:
    guard = Thresholdout(0.1, 1e-6, budget=2, seed=0)
    assert guard.answer(0.5, 0.5) == 0.5
    assert [round(guard.answer(0.9, 0.5), 3) for _ in range(2)] == [0.5, 0.5]
    assert math.isnan(guard.answer(0.5, 0.5))


def boosted(
    publish: Callable[[np.ndarray], float], rows: int = 1_000, asked: int = 400
) -> tuple[float, float]:
    """Vote by random answers whose published score rose above all before; return the score shown and the true one."""
    rng = np.random.default_rng(0)
    votes, best = np.zeros(2 * rows), 0.5
    for _ in range(asked):
        right = rng.random(2 * rows) < 0.5  # of as many more rows that nobody asks about
        said = publish(right[:rows].astype(float))
        if said > best:
            votes += np.where(right, 1, -1)
    shown = votes > 0
    return float(shown[:rows].mean()), float(shown[rows:].mean())


def test_boosting_attack_is_shown_by_plain_scores_and_not_by_a_ladder() -> None:
    """Blum and Hardt 2015, section 4: keep what scores above a half and let it vote."""
    naive, true = boosted(lambda scores: float(scores.mean()))
    assert naive > 0.6 and true == pytest.approx(0.5, abs=0.05)
    ladder = Ladder(0.5)
    seen = [0.5]

    def rose(scores: np.ndarray) -> float:
        before, now = seen[-1], ladder.publish(scores)
        seen.append(now)
        return now if now > before else 0.0

    shown, _ = boosted(rose)
    assert shown < 0.57
    assert len(set(seen)) < 10


def test_a_ladder_moves_for_a_step_that_its_rows_can_tell() -> None:
    rng = np.random.default_rng(0)
    ladder = Ladder()
    assert ladder.publish((rng.random(400) < 0.6).astype(float)) == pytest.approx(0.6, abs=0.06)
    before = ladder.best
    assert ladder.publish((rng.random(400) < 0.55).astype(float)) == before
    assert ladder.publish((rng.random(400) < 0.8).astype(float)) == pytest.approx(0.8, abs=0.06)
