"""The rate search: its bound, its budget, its halving, and that it keeps the search and not the weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tilth.shards.errors import TrainingError
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.methods.method import registry
from tilth.training.plan.job import prepare
from tilth.training.plan.request import Request
from tilth.training.recipe import TrainingRecipe
from tilth.training.search import find_rate as rates
from tilth.training.search.find_rate import Trial, find_rate
from tilth.training.train import train
from tilth.validators.report import read_facts

MADE: dict[str, Any] = {"recipe_digest": "0" * 64}


def test_size_rule_is_that_of_its_source() -> None:
    # tinker_cookbook.hyperparam_utils.get_lr for a Llama of width 2048: 4.907e-4 with LoRA.
    factor = {name: method.rate_factor for name, method in registry().items()}
    assert rates.size_rule(2048, factor["lora"]) == 4.9e-4
    assert rates.size_rule(2000, factor["full"]) == rates.size_rule(2000, factor["gradual"]) == 5e-5
    assert rates.size_rule(128, factor["lora"]) > rates.size_rule(4096, factor["lora"])


@pytest.mark.parametrize("steps", [3_000, 20_000, 200_000])
def test_a_long_run_spends_a_twentieth_on_its_search(steps: int) -> None:
    found = rates.budget(steps * 1024, 1024, 50, 2.0)
    assert found.step_tokens == 1024
    assert 0.9 * 0.05 * steps * 1024 <= whole(found) <= 0.05 * steps * 1024


@pytest.mark.parametrize("steps", [100, 160, 400, 1_000])
@pytest.mark.parametrize("forwards", [2.0, 3.0])
def test_a_short_run_takes_smaller_steps_and_spends_less_than_a_tenth(steps: int, forwards: float) -> None:
    found = rates.budget(steps * 1024, 1024, 20, forwards)
    assert (found.range_steps, found.trial_steps) == (24, 6)
    assert found.step_tokens < 1024
    assert 0.08 * steps * 1024 <= whole(found, forwards) <= 0.1 * steps * 1024


def test_steps_hold_a_few_rows_however_short_the_run() -> None:
    assert rates.budget(5_000, 1024, 100, 2.0).step_tokens == 300


def whole(found: rates.Budget, forwards: float = 2.0) -> float:
    """Return what a search costs in tokens: its steps, the untuned loss on those of the range test, measurements."""
    trained = (found.range_steps + 8 * found.trial_steps) * found.step_tokens
    measured = found.range_steps * found.step_tokens + 7 * found.panel_tokens
    return trained + measured / forwards


def test_losses_of_the_range_test_are_told_against_the_same_rows_untuned(
    recipe: TrainingRecipe, version: Version, store: Store, tmp_path: Path
) -> None:
    """At a rate of nothing every step then has the loss of the base, however hard its rows are."""
    asked = recipe.model_copy(update={"batch_tokens": 128})
    runs = rates.ShortRuns(prepare(Request(version, asked, base_dir=tmp_path, **MADE), store))
    test = rates._range_test(runs, 1e-12, 6, 2.5, lambda what, done, total: None)
    assert [loss for _, loss in test] == pytest.approx([2.5] * 6, abs=1e-3)


def test_bound_is_where_the_loss_stood_lowest_before_it_diverged() -> None:
    losses = [4.0, 3.8, 3.5, 3.0, 2.5, 2.6, 4.0, 9.0, 20.0]
    points = [(10.0 ** (i - 6), loss) for i, loss in enumerate(losses)]
    bound, diverged = rates.upper_bound(points)
    assert diverged
    assert 1e-2 <= bound <= 1e-1
    assert rates.upper_bound([*points[:4], (1e-2, math.nan)]) == (1e-3, True)
    assert rates.upper_bound(points[:4]) == (1e-3, False)


def test_halving_gives_the_better_half_twice_the_steps() -> None:
    loss = {1e-2: None, 3.3e-3: 2.0, 1.1e-3: 1.0, 3.7e-4: 3.0}
    trials = rates.halve(rates.candidates(1e-2), 5, lambda rate, steps: Trial(rate, steps, loss[rate]))
    assert [(t.rate, t.steps) for t in trials[4:]] == [(1.1e-3, 10), (3.3e-3, 10)]
    assert rates.chosen(trials).rate == 1.1e-3
    with pytest.raises(TrainingError, match="not finite"):
        rates.chosen([Trial(1e-2, 5, None)])


def test_search_is_kept_and_shown_on_the_page_of_the_next_run(
    recipe: TrainingRecipe, version: Version, store: Store, tmp_path: Path
) -> None:
    recipe = recipe.model_copy(update={"merge": False, "batch_tokens": 128})
    asked = recipe.model_copy(update={"rate": None})
    first = find_rate(Request(version, asked, base_dir=tmp_path, **MADE), store)
    losses = [t.loss for t in first.trials if t.loss is not None]
    assert min(losses) < first.base_loss
    assert f"cost: {first.tokens:,} tokens" in first.lines()[-1]
    assert first.rate <= first.bound
    tuned = recipe.model_copy(update={"rate": first.rate})
    run = train(Request(version, tuned, base_dir=tmp_path, max_steps=3, **MADE), store)
    shown = read_facts(run.run_dir / "report.html")["rate_search"]
    assert (shown["used"], shown["chosen"]) == (first.rate, first.rate)
    assert len(shown["trials"]) == 6
    assert "Rate search" in (run.run_dir / "report.html").read_text(encoding="utf-8")


def test_a_version_without_feedback_rows_is_refused(
    recipe: TrainingRecipe, store: Store, tmp_path: Path
) -> None:
    version = tiny.make_version(store, tiny.sums(40, split="train"))
    with pytest.raises(TrainingError, match="feedback"):
        find_rate(Request(version, recipe, base_dir=tmp_path, **MADE), store)
