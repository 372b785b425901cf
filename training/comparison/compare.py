"""Did the child version help? Arms of equal budget, judged on the same rows and questions.

Arms: the base untouched, the parent, the child, and the parent with as many rows removed at random as the
child lost, slice by slice. Arms run without monitors, so they differ by data and seed alone: no early stop,
no mixture, the last weights count. `endpoints.py` says which differences count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from tilth.shards.progress import Progress, silent
from tilth.shards.tables import Split
from tilth.shards.version import Version
from tilth.training.comparison.comparison_facts import facts_of
from tilth.validators.facts.comparison import ComparisonFacts
from tilth.validators.facts.page import Action, Link

if TYPE_CHECKING:
    from tilth.shards.store import Store
    from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
    from tilth.training.train import RunResult

UNLIMITED_EPOCHS = 1_000.0


def compare(
    recipe: TrainingRecipe,
    evaluation: EvaluationRecipe,
    store: Store,
    *,
    parent: Version,
    child: Version,
    base_dir: Path,
    recipe_digest: str,
    seeds: Sequence[int] = (0, 1, 2),
    max_steps: int | None = None,
    run: Callable[..., RunResult] | None = None,
    actions: Sequence[Action] = (),
    links: Sequence[Link] = (),
    next_command: Mapping[str, str] | None = None,
    on_progress: Progress | None = None,
) -> ComparisonFacts:
    """Train every arm under every seed and return the facts of the comparison page.

    Costs up to 3 runs per seed; `on_progress("compare", done, total)` is called before the first and after
    each. max_steps: budget of every arm; None: the steps the recipe gives the parent. next_command: answer ->
    command. Every arm takes as many steps of as many tokens.
    """
    if run is None:
        from tilth.training.train import train

        run = train
    if max_steps is None:
        max_steps = steps_for(recipe, parent, base_dir)
    # Passes over the data do not limit an arm, so a version with fewer tokens gets as many steps.
    recipe = recipe.model_copy(update={"epochs": UNLIMITED_EPOCHS})
    same: dict[str, Any] = {"base_dir": base_dir, "recipe_digest": recipe_digest, "monitors": False}
    excluded = {seed: random_removal(parent, child, seed, recipe.twin_folds) for seed in seeds}
    plan: list[tuple[str, Version, int]] = [("parent", parent, seed) for seed in seeds]
    plan += [("child", child, seed) for seed in seeds]
    if len(excluded[seeds[0]]):
        plan += [("random removal", parent, seed) for seed in seeds]
    results: dict[str, list[RunResult]] = {}
    report = on_progress or silent
    report("compare", 0, len(plan))
    for done, (arm, version, seed) in enumerate(plan):
        left_out = excluded[seed] if arm == "random removal" else None
        result = run(
            recipe, evaluation, version, store, seed=seed, exclude=left_out, max_steps=max_steps, **same
        )
        results.setdefault(arm, []).append(result)
        report("compare", done + 1, len(plan))
    facts = facts_of(results, parent, child, seeds, max_steps)
    facts["next"] = (next_command or {}).get(facts["answer"], "")
    facts["actions"], facts["links"] = list(actions), list(links)
    return facts


def steps_for(recipe: TrainingRecipe, version: Version, base_dir: Path) -> int:
    """Return the steps that the recipe's epochs over a version take."""
    from tilth.training.model.base import find_base
    from tilth.training.plan.plan import length_of, renderer_for
    from tilth.training.rows.roles import assign

    renderer = renderer_for(recipe, find_base(recipe.base, base_dir), base_dir)
    train = assign(version, renderer, recipe, base_dir=base_dir).train
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
