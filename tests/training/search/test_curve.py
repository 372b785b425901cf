"""The data-efficiency curve: what it costs, that it foretells before it measures, and where it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tilth.shards.errors import UsageError
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.plan.request import Request
from tilth.training.recipe import TrainingRecipe
from tilth.training.search import curve
from tilth.training.search.choose_base import from_scratch
from tilth.training.search.curve import DataCurve, data_curve
from tilth.training.search.race import Entrant, fitted
from tilth.training.search.scaling_law import Law

MADE: dict[str, Any] = {"recipe_digest": "0" * 64}


def test_the_larger_run_is_foretold_before_it_is_made(
    recipe: TrainingRecipe, version: Version, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[Any] = []
    run = Entrant.run

    def noted(entrant: Entrant, shares: Any) -> None:
        order.append(("scratch" if entrant.untrained else "tuned", *shares))
        run(entrant, shares)

    def fit(entrants: list[Entrant]) -> Any:
        order.append("fit")
        return fitted(entrants)

    monkeypatch.setattr(Entrant, "run", noted)
    monkeypatch.setattr(curve, "fitted", fit)
    asked = recipe.model_copy(update={"batch_tokens": 64, "epochs": 4, "rate": 1e-2})
    found = data_curve(Request(version, asked, base_dir=tmp_path, **MADE), store)
    first = order[0][2]
    assert order == [
        ("tuned", 0.0, first, 2 * first, 4 * first),
        ("scratch", 0.0, first, 2 * first, 4 * first),
        "fit",
        ("tuned", 8 * first),
        "fit",
    ]
    assert found.points[-1] == (found.checked_rows, found.measured)
    assert found.error == pytest.approx(found.predicted / found.measured - 1)
    assert [len(found.points), len(found.scratch_points)] == [5, 4]
    # Measuring 32 rows costs as much as these tiny runs; the runs themselves are 15 shares and 7 of the full one.
    assert 15 * first <= found.cost
    assert 7 * first <= found.scratch_cost
    assert len(list((store.root / "cache" / "curves").glob("*.json"))) == 1


def test_subsets_double_and_leave_room_for_the_run_that_checks() -> None:
    assert curve.subsets(10_000) == [1 / 32, 1 / 16, 1 / 8]
    assert curve.subsets(64) == [1 / 16, 1 / 8, 1 / 4]
    assert curve.subsets(3) == [1 / 8, 1 / 4, 1 / 2]


def test_the_lines_say_curve_check_gain_and_cost() -> None:
    law, scratch = Law(90, 45, 0.6, 0.5), Law(90, 30, 0.6, 0.5)
    found = DataCurve("b", 1e-3, 1000, [], [], law, scratch, 250, 1.1, 1.0, 2.0, 0.47, 0.22)
    text = "\n".join(found.lines())
    assert f"1,000 rows: {2 * law.loss(1000):.3f} nat/token, {2 * scratch.loss(1000):.3f} from random" in text
    assert "held to it at 250 rows: foretold 2.200 nat/token, measured 2.000 (+10.0%)" in text
    assert f"doubling the data buys {2 * law.doubling(1000):.3f} nat/token" in text
    assert "cost: 47% of the full run's tokens, and 22% from random weights" in text


def test_from_scratch_freezes_and_keeps_nothing(base_path: Path) -> None:
    kept = {"kl": 1.0, "l2_sp": 0.0, "replay": 0.1}
    recipe = from_scratch(tiny.make_recipe(base_path, freeze_layers=1, retention=kept))
    assert (recipe.method, recipe.freeze_layers) == ("full", 0)
    assert (recipe.retention.kl, recipe.retention.replay) == (0, 0)


def test_pairs_are_refused(recipe: TrainingRecipe, version: Version, store: Store, tmp_path: Path) -> None:
    asked = recipe.model_copy(update={"method": "dpo"})
    with pytest.raises(UsageError, match="learns from pairs"):
        data_curve(Request(version, asked, base_dir=tmp_path, **MADE), store)
