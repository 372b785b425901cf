"""How hard questions like a row's are for the model."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.training.monitors import neighbours


def questions_of(kind: int, count: int, seed: int) -> list[np.ndarray]:
    """Return questions that share half of their tokens with their kind and the rest with all."""
    rng = np.random.default_rng(seed)
    own = 100 * (kind + 1) + rng.integers(0, 10, (count, 8))
    return [np.concatenate([mine, rng.integers(0, 50, 8)]).astype(np.int32) for mine in own]


def test_rows_are_as_hard_as_the_questions_like_theirs_whatever_their_own_score() -> None:
    questions = questions_of(0, 300, 0) + questions_of(1, 300, 1)
    rng = np.random.default_rng(2)
    scores = np.concatenate([rng.normal(1, 0.2, 300), rng.normal(4, 0.2, 300)])
    wrong = rng.random(600) < 0.1
    scores[wrong] += 5
    hard = neighbours.difficulty(questions, scores)
    assert ((hard > 3) == np.repeat([False, True], 300)).mean() > 0.98  # wrong rows add half a nat to each
    assert abs(np.corrcoef(hard[:300], scores[:300])[0, 1]) < 0.2


def test_its_own_score_is_left_out() -> None:
    questions = questions_of(0, 30, 0)
    alone = np.zeros(30)
    alone[7] = 100.0
    assert neighbours.difficulty(questions, alone)[7] == 0.0


def test_a_question_without_a_score_is_as_hard_as_those_like_it() -> None:
    questions = (
        questions_of(0, 100, 0) + questions_of(1, 100, 1) + questions_of(0, 20, 2) + questions_of(1, 20, 3)
    )
    hard = neighbours.difficulty(questions, np.repeat([1.0, 4.0], 100))
    assert hard.shape == (240,)
    assert ((hard[200:] > 2.5) == np.repeat([False, True], 20)).all()


def test_many_rows_are_compared_with_a_part_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = questions_of(0, 200, 0) + questions_of(1, 200, 1)
    scores = np.repeat([1.0, 4.0], 200)
    monkeypatch.setattr(neighbours, "MAX_REFERENCES", 100)
    monkeypatch.setattr(neighbours, "CHUNK_ROWS", 64)
    hard = neighbours.difficulty(questions, scores)
    assert ((hard > 2.5) == (scores > 2.5)).mean() > 0.98


def test_rows_without_a_question_or_without_company() -> None:
    nothing = np.zeros(0, dtype=np.int32)
    assert neighbours.difficulty([nothing, nothing, nothing], np.array([1.0, 2.0, 3.0])).shape == (3,)
    assert neighbours.difficulty([nothing], np.array([2.0])).tolist() == [2.0]
    assert neighbours.difficulty([], np.zeros(0)).shape == (0,)
