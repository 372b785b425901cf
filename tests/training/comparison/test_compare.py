"""Arms of a comparison with models whose quality is known; no model is trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from tests.drafts import KEPT, Line, dropped, make_draft
from tilth.shards.errors import TrainingError
from tilth.training.comparison.compare import ComparisonRequest, compare, random_removal
from tilth.training.evaluation.evaluate import TaskScores
from tilth.training.evaluation.judge import Judgement
from tilth.training.recipe import TrainingRecipe
from tilth.validators.report import comparison_page

ROWS, ITEMS = 150, 80


@dataclass
class Result:
    """What compare reads of a run."""

    run_id: str
    steps: int
    base: Judgement
    tuned: Judgement


def judgement(seed: int, loss: float, score: float, *, rows: int = ROWS) -> Judgement:
    """Row difficulty is shared by all models, the rest is noise of this one."""
    level = np.random.default_rng(99).gamma(4, 0.4, rows)
    rng = np.random.default_rng([seed, int(loss * 1e6) % 2**31])
    tokens = np.full(rows, 20)
    frame = pl.DataFrame(
        {
            "row_id": [bytes([i % 256, i // 256] * 8) for i in range(rows)],
            "slice": ["a" if i % 2 else "b" for i in range(rows)],
            "nll_sum": (level + loss + rng.normal(0, 0.1, rows)) * tokens,
            "n_tokens": tokens,
        },
        schema_overrides={"row_id": pl.Binary},
    )
    hard = np.random.default_rng(98).random(ITEMS)
    correct = (hard < score + rng.normal(0, 0.02)).astype(float)
    return Judgement(frame, [TaskScores("desk", "exact", correct, [""] * ITEMS)])


class Runner:
    """Stands for train(): the loss of a run follows from its version and what it leaves out."""

    def __init__(self, effect: float, *, removal: float = 0.0, score: float = 0.0, rows: int = ROWS) -> None:
        self.effect, self.removal, self.score, self.rows = effect, removal, score, rows
        self.calls: list[dict] = []

    def __call__(self, request, store):
        version, seed, exclude, max_steps = (
            request.version, request.seed, request.exclude, request.max_steps,
        )  # fmt: skip
        call = {"version": version.short, "seed": seed, "exclude": exclude, "max_steps": max_steps}
        self.calls.append(call | {"epochs": request.recipe.epochs})
        is_child = version.manifest.parent is not None
        loss = -1.0 + 0.01 * np.random.default_rng(seed).normal()
        loss += self.effect if is_child else self.removal if exclude is not None else 0.0
        base = judgement(0, 0.0, 0.2, rows=self.rows)
        tuned = judgement(seed, loss, 0.5 + self.score * is_child, rows=self.rows)
        return Result(f"run{len(self.calls)}", max_steps or 70, base, tuned)


@pytest.fixture
def versions(store):
    lines = [
        Line(f"p{i}", decision=KEPT | {"slice": "a" if i % 3 else "b", "fold": 1 + i % 20}) for i in range(60)
    ]
    parent, _ = store.publish("n", make_draft(lines))
    gone = dropped("pushback", "noisy")
    steered = [Line(x.prompt, decision=gone) if i in (1, 2, 4, 6) else x for i, x in enumerate(lines)]
    child, _ = store.publish("n", make_draft(steered))
    return parent, child


def compared(store, versions, runner, seeds=(0, 1, 2)):
    parent, child = versions
    request = ComparisonRequest(parent, child, TrainingRecipe(base="b"), seeds=seeds, max_steps=70)
    outcome = compare(request, store, run=runner)
    assert outcome.lines() == [outcome.facts["sentence"], *outcome.facts["reasons"]]
    assert outcome.answer == outcome.facts["answer"]
    return outcome.facts


def test_a_better_child_is_called_better(store, versions, tmp_path):
    facts = compared(store, versions, Runner(-0.2))
    assert (facts["answer"], facts["verdict"]) == ("better", "USE")
    assert facts["promotion"]["allowed"]
    assert [arm["arm"] for arm in facts["arms"]] == ["base", "parent", "child", "random removal"]
    assert facts["rows"] == ROWS
    assert facts["items"] == ITEMS
    assert facts["changes"] == {"verdict": 4}
    assert len(facts["reasons"]) == 3
    assert comparison_page(tmp_path, facts).stat().st_size > 1000


def test_a_worse_child_is_called_worse(store, versions):
    facts = compared(store, versions, Runner(0.2))
    assert (facts["answer"], facts["verdict"]) == ("worse", "DO NOT USE")


def test_no_effect_is_said_so(store, versions):
    facts = compared(store, versions, Runner(0.0))
    assert (facts["answer"], facts["verdict"]) == ("no difference shown", "NOT ENOUGH EVIDENCE")
    assert not facts["promotion"]["allowed"]


def test_what_random_removal_does_as_well_is_no_merit(store, versions):
    facts = compared(store, versions, Runner(-0.2, removal=-0.2))
    assert facts["answer"] == "no difference shown"


def test_one_seed_shows_nothing(store, versions):
    facts = compared(store, versions, Runner(-0.2), seeds=(0,))
    assert facts["answer"] == "no difference shown"
    assert "one seed" in facts["sentence"]


def test_a_better_task_with_the_loss_unmoved(store, versions):
    facts = compared(store, versions, Runner(0.0, score=0.4))
    assert facts["answer"] == "better"
    assert "desk" in facts["sentence"]


def test_gains_and_losses_together_are_mixed(store, versions):
    facts = compared(store, versions, Runner(0.2, score=0.4))
    assert facts["answer"] == "no difference shown"
    assert facts["sentence"].startswith("Mixed")


def test_every_arm_has_the_same_budget_and_the_same_seeds(store, versions):
    runner = Runner(0.0)
    compared(store, versions, runner, seeds=(5, 6))
    assert {call["max_steps"] for call in runner.calls} == {70}
    assert min(call["epochs"] for call in runner.calls) >= 1000
    assert [call["seed"] for call in runner.calls] == [5, 6] * 3


def test_random_removal_takes_as_many_of_each_slice(versions):
    parent, child = versions
    before = parent.decisions().select("row_id", "slice")
    removed = random_removal(parent, child, 0, (0,)).to_frame().join(before, on="row_id")
    assert dict(removed.group_by("slice").len().iter_rows()) == {"a": 3, "b": 1}
    assert random_removal(parent, child, 0, (0,)).equals(random_removal(parent, child, 0, (0,)))
    assert not random_removal(parent, child, 0, (0,)).equals(random_removal(parent, child, 1, (0,)))


def test_nothing_removed_needs_no_random_arm(store, versions):
    parent, _ = versions
    runner = Runner(0.0)
    compared(store, (parent, parent), runner)
    assert len(runner.calls) == 6


def test_nothing_to_go_by_is_an_error(store, versions):
    runner = Runner(0.0, rows=0)
    real = runner.__call__

    def without_tasks(*args, **rest):
        result = real(*args, **rest)
        return Result(result.run_id, 1, Judgement(result.base.losses, []), Judgement(result.tuned.losses, []))

    with pytest.raises(TrainingError, match="no promotion rows"):
        compared(store, versions, without_tasks)
