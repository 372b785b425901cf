"""Did the child version help? Arms of equal budget, judged on the same rows and questions.

Arms: the base untouched, the parent, the child, and the parent with as many rows removed at random as the
child lost, slice by slice. Arms run without monitors, so they differ by data and seed alone: no early stop,
no mixture, the last weights count. `endpoints.py` says which differences count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from tilth.shards.progress import Progress, silent
from tilth.shards.tables import Split
from tilth.shards.version import Version
from tilth.training.comparison.comparison_facts import facts_of
from tilth.training.methods.method import method_of
from tilth.training.plan.request import Request, recipes_digest
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
from tilth.validators.facts.comparison import ComparisonFacts

if TYPE_CHECKING:
    from tilth.shards.store import Store
    from tilth.training.train import RunResult

UNLIMITED_EPOCHS = 1_000.0


@dataclass(frozen=True)
class ComparisonRequest:
    """Which two versions to compare, under which recipe.

    seeds: one run of each arm a seed. max_steps: budget of every arm; None: the steps the recipe gives the parent.
    findings: what the monitors found in the watched runs of parent and child.
    """

    parent: Version
    child: Version
    recipe: TrainingRecipe
    evaluation: EvaluationRecipe = field(default_factory=EvaluationRecipe)
    base_dir: Path = Path()
    recipe_digest: str = ""
    seeds: Sequence[int] = (0, 1, 2)
    max_steps: int | None = None
    findings: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def budgeted(self) -> ComparisonRequest:
        """Return the request of arms that take as many steps of as many tokens.

        Passes over the data do not limit an arm, so a version with fewer tokens gets as many steps.
        """
        steps = self.max_steps or steps_for(self.recipe, self.parent, self.base_dir)
        recipe = self.recipe.model_copy(update={"epochs": UNLIMITED_EPOCHS})
        digest = self.recipe_digest or recipes_digest(self.recipe, self.evaluation)
        return replace(self, recipe=recipe, recipe_digest=digest, max_steps=steps)

    def arms(self) -> list[tuple[str, Request]]:
        """Return the runs: every arm under every seed, random removal only where the child lost rows."""
        alike: dict[str, Any] = {
            "recipe": self.recipe,
            "evaluation": self.evaluation,
            "base_dir": self.base_dir,
            "recipe_digest": self.recipe_digest,
            "max_steps": self.max_steps,
            "monitors": False,
        }
        runs = [("parent", Request(version=self.parent, seed=seed, **alike)) for seed in self.seeds]
        runs += [("child", Request(version=self.child, seed=seed, **alike)) for seed in self.seeds]
        for seed in self.seeds:
            left_out = random_removal(self.parent, self.child, seed, self.recipe.twin_folds)
            if len(left_out):
                removed = Request(version=self.parent, seed=seed, exclude=left_out, **alike)
                runs.append(("random removal", removed))
        return runs


@dataclass(frozen=True)
class Comparison:
    """What a comparison came to. runs: by arm, one a seed. facts: for its page."""

    facts: ComparisonFacts
    runs: dict[str, list[RunResult]]

    @property
    def answer(self) -> str:
        """Better, worse, or no difference shown."""
        return self.facts["answer"]

    def lines(self) -> list[str]:
        """Return the answer in a sentence, and the three reasons for it."""
        return [self.facts["sentence"], *self.facts["reasons"]]


def compare(
    request: ComparisonRequest,
    store: Store,
    *,
    run: Callable[[Request, Store], RunResult] | None = None,
    on_progress: Progress | None = None,
) -> Comparison:
    """Train every arm under every seed and return what came of it.

    Costs up to 3 runs per seed; `on_progress("compare", done, total)` is called before the first and after
    each. run: what trains an arm, `train` if None.
    """
    if run is None:
        from tilth.training.train import train

        run = train
    request, report = request.budgeted(), on_progress or silent
    arms = request.arms()
    runs: dict[str, list[RunResult]] = {}
    report("compare", 0, len(arms))
    for done, (arm, asked) in enumerate(arms):
        runs.setdefault(arm, []).append(run(asked, store))
        report("compare", done + 1, len(arms))
    steps = request.max_steps or 0
    facts = facts_of(runs, request.parent, request.child, request.seeds, steps, request.findings)
    return Comparison(facts, runs)


def steps_for(recipe: TrainingRecipe, version: Version, base_dir: Path) -> int:
    """Return the steps that the recipe's epochs over a version take."""
    from tilth.training.model.base import find_base
    from tilth.training.plan.plan import length_of, renderer_for
    from tilth.training.rows.roles import assign

    renderer = renderer_for(recipe, find_base(recipe.base, base_dir), base_dir)
    train = assign(version, renderer, recipe, method_of(recipe)).train
    return length_of(recipe, sum(e.weight * len(e.input_ids) for e in train), None)[0]


def random_removal(parent: Version, child: Version, seed: int, twin_folds: Sequence[int]) -> pl.Series:
    """Return row ids to leave out of the parent: as many per slice as the child no longer trains on."""
    before, after = _train_rows(parent, twin_folds), _train_rows(child, twin_folds)
    lost = before.join(after, on="row_id", how="anti")
    counts = dict(lost.group_by("slice").len().iter_rows())
    chosen: list[bytes] = []
    for name in sorted(counts, key=str):
        pool = before.filter(pl.col("slice").eq_missing(pl.lit(name)))["row_id"].to_list()
        pool.sort(key=lambda r: hashlib.sha256(f"removal:{seed}:".encode() + r).digest())
        chosen += pool[: counts[name]]
    return pl.Series("row_id", sorted(chosen), dtype=pl.Binary)


def _train_rows(version: Version, twin_folds: Sequence[int]) -> pl.DataFrame:
    is_twin = pl.col("fold").is_in(list(twin_folds)).fill_null(False)
    is_train = (pl.col("split") == Split.TRAIN.value) & ~is_twin
    return version.decisions().filter(is_train).select("row_id", "slice")
