"""The race: fields are halved, runs get longer, the budget is kept, and the last two are told apart by what was run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tilth.training.search import race as racing
from tilth.training.search.race import Entrant, cost, field_sizes, race
from tilth.training.search.scaling_law import Law

ROWS, TOKENS, PANEL_TOKENS = 4000, 400_000, 4000


class Planted(Entrant):
    """An entrant whose losses come from a law instead of a model; noise: relative, of each run."""

    law: Law
    noise: dict[float, float]

    @property
    def rows(self) -> float:
        return ROWS

    @property
    def panel(self) -> float:
        return self.parameters * PANEL_TOKENS / 2

    def run(self, shares: Any) -> None:
        for share in shares:
            if share:
                self.shares.append(share)
            rows = round(share * ROWS)
            self.points.append((float(rows), self.law.loss(rows) * self.noise.get(len(self.points), 1.0)))
            self.spent += share * TOKENS + PANEL_TOKENS / 2


def planted(law: Law, parameters: int = 1000, noise: dict[int, float] | None = None) -> Planted:
    plan = SimpleNamespace(parameters=parameters, tokens=TOKENS)
    job: Any = SimpleNamespace(plan=plan, recipe=SimpleNamespace(batch_tokens=256))
    entrant = Planted(job, rate=1e-3, judged=[], size=1)
    entrant.law, entrant.noise = law, dict(noise or {})
    entrant.run([0.0])
    return entrant


def run(entrants: list[Planted], share: float = 0.1) -> list[Entrant]:
    budget = share * sum(e.full for e in entrants) - cost(list(entrants))
    return race(list(entrants), budget, lambda what, done, total: None)


def eight() -> list[Planted]:
    """The better a base is in the end, the worse it is untuned."""
    return [planted(Law((2.0 + 0.2 * n) * 40, 40, 0.5 + 0.06 * n, 0.1)) for n in range(8)]


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(1, [1, 1, 1]), (2, [2, 2, 2]), (3, [3, 2, 2]), (8, [8, 4, 2]), (9, [9, 5, 3, 2]), (16, [16, 8, 4, 2])],
)
def test_fields_are_halved_until_two_are_left(count: int, sizes: list[int]) -> None:
    assert field_sizes(count) == sizes


def test_the_base_that_learns_fastest_wins_though_it_begins_last() -> None:
    entrants = eight()
    assert entrants[7].points[0][1] == max(e.points[0][1] for e in entrants)
    finalists = run(entrants)
    assert finalists[0] is entrants[7]
    assert len(finalists) == 2
    assert sorted(len(e.shares) for e in entrants) == [1, 1, 1, 1, 2, 2, 3, 3]
    assert finalists[0].shares == sorted(finalists[0].shares)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
def test_the_budget_is_used_and_kept_whatever_the_sizes(share: float) -> None:
    random = np.random.default_rng(0)
    entrants = [
        planted(Law(80 + 10 * n, 40, 0.6, 0.1), parameters=int(random.integers(100, 4000))) for n in range(8)
    ]
    run(entrants, share)
    spent = cost(list(entrants)) / sum(e.full for e in entrants)
    assert 0.98 * share < spent <= share * (1 + 1e-9)


def test_runs_double_though_the_largest_bases_stay() -> None:
    entrants = [
        planted(Law(90 + n, 40, 0.7 if n < 2 else 0.5, 0.1), parameters=20_000 if n < 2 else 500)
        for n in range(8)
    ]
    finalists = run(entrants)
    assert set(finalists) == set(entrants[:2])
    for entrant in finalists:
        assert all(b >= 1.99 * a for a, b in zip(entrant.shares, entrant.shares[1:]))
    assert cost(list(entrants)) <= 0.1 * sum(e.full for e in entrants) * (1 + 1e-9)


def test_the_last_two_are_told_apart_by_their_longest_runs_and_not_by_their_laws() -> None:
    steady = planted(Law(80, 40, 0.6, 0.1))
    # Two bad early runs make the curve of this one look steep.
    lucky = planted(Law(80.5, 40, 0.6, 0.1), noise={1: 1.1, 2: 1.1})
    finalists = run([steady, lucky])
    laws = racing.fitted(finalists)
    assert laws[lucky].loss(ROWS) < laws[steady].loss(ROWS)
    assert finalists == [steady, lucky]


def test_a_short_full_run_is_not_cut_into_nothing() -> None:
    entrants = eight()
    for entrant in entrants:
        entrant.job.recipe.batch_tokens = TOKENS // 40  # type: ignore[misc]
    run(entrants)
    steps = [round(entrant.shares[0] * 40) for entrant in entrants]
    assert min(steps) == racing.MIN_STEPS
    assert max(share for e in entrants for share in e.shares) <= racing.LONGEST
