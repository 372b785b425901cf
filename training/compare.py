"""Did the child version help? Arms of equal budget, judged on the same rows and questions.

Arms: the base untouched, the parent, the child, and the parent with as many rows removed at random as the
child lost, slice by slice. Arms run without monitors, so they differ by data and seed alone: no early stop,
no mixture, the last weights count. A difference counts only if its interval over seeds and rows leaves out
zero and what random removal does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from tilth.shards.diff import diff
from tilth.shards.errors import TrainingError
from tilth.shards.tables import VALUE_DECIMALS, Split
from tilth.shards.version import Version
from tilth.training import intervals
from tilth.training.judge import Judgement, clusters, fact
from tilth.validators.facts.comparison import Arm, ComparisonFacts, Difference, RowChange, SeedResult
from tilth.validators.facts.page import Action, Link, Word

if TYPE_CHECKING:
    from tilth.shards.store import Store
    from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
    from tilth.training.train import RunResult

MIN_SEEDS = 2
UNLIMITED_EPOCHS = 1_000.0
CONFIDENCE = 0.95  # over all endpoints together (Bonferroni)
Answer = Literal["better", "worse", "no difference shown"]
WORDS: dict[Answer, Word] = {
    "better": "USE",
    "worse": "DO NOT USE",
    "no difference shown": "NOT ENOUGH EVIDENCE",
}


@dataclass(frozen=True)
class Endpoint:
    """One thing that is measured: `values` maps an arm to (seeds, units); `sizes` weighs the units."""

    label: str
    unit: str
    lower_is_better: bool
    values: dict[str, np.ndarray]
    sizes: np.ndarray
    clusters: np.ndarray | None
    primary: bool

    def difference(self, arm: str, other: str, level: float) -> intervals.Interval:
        """Return arm - other, paired by seed and unit."""
        delta = self.values[arm] - self.values[other]
        return intervals.paired_bootstrap(delta, self.sizes, clusters=self.clusters, level=level)


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
    on_progress: Callable[[str, int, int], None] | None = None,
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
    report = on_progress or (lambda what, done, total: None)
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


def facts_of(
    results: Mapping[str, list[RunResult]], parent: Version, child: Version, seeds: Sequence[int], steps: int
) -> ComparisonFacts:
    """Return the facts of finished arms, each with one run per seed."""
    judged = {arm: [r.tuned for r in runs] for arm, runs in results.items()}
    judged["base"] = [results["parent"][0].base] * len(seeds)
    endpoints = measure(judged, groups_of(parent))
    answer, sentence, reasons = decide(endpoints, len(seeds), steps)
    changes = diff(parent, child)
    return ComparisonFacts(
        kind="comparison",
        verdict=WORDS[answer],
        reasons=reasons,
        next="",
        name=child.manifest.name,
        parent=parent.short,
        child=child.short,
        answer=answer,
        sentence=sentence,
        rows=sum(e.sizes.size for e in endpoints if e.primary and e.lower_is_better),
        items=sum(e.sizes.size for e in endpoints if not e.lower_is_better),
        arms=arms(results, judged["base"][0], {"parent": parent.short, "child": child.short}, seeds),
        differences=differences(endpoints),
        changes={str(kind): count for kind, count in changes["change"].value_counts(sort=True).iter_rows()},
        changed_rows=changed_rows(changes),
        actions=[],
        links=[],
    )


def steps_for(recipe: TrainingRecipe, version: Version, base_dir: Path) -> int:
    """Return the steps that the recipe's epochs over a version take."""
    from tilth.training.model import find_base
    from tilth.training.plan import length_of, renderer_for
    from tilth.training.roles import assign

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


def groups_of(version: Version) -> dict[bytes, str]:
    """Return the group (conversation or source id) of each row that has one."""
    named = version.rows(["row_id", "group"]).drop_nulls()
    return dict(zip(named["row_id"], named["group"]))


def measure(judged: Mapping[str, list[Judgement]], groups: Mapping[bytes, str]) -> list[Endpoint]:
    """Return the endpoints: the loss on all rows first, then every task, then the loss of every slice.

    Only rows that every arm was measured on count. Raises TrainingError where there is nothing to go by.
    """
    first = judged["base"][0]
    common = first.losses.select("row_id", "slice", "n_tokens")
    for models in judged.values():
        for model in models:
            common = common.join(
                model.losses.select("row_id"), on="row_id", how="semi", maintain_order="left"
            )
    aligned = {
        arm: np.stack([_aligned(common, model)["nll_sum"].to_numpy() for model in models])
        for arm, models in judged.items()
    }
    tokens, codes = common["n_tokens"].to_numpy(), clusters(common["row_id"], groups)
    found = []
    if common.height:
        found.append(Endpoint("loss, all slices", "nat/token", True, aligned, tokens, codes, True))
    for i, task in enumerate(first.tasks):
        scores = {arm: np.stack([m.tasks[i].scores for m in models]) for arm, models in judged.items()}
        ones = np.ones(len(task.scores))
        found.append(Endpoint(task.name, task.metric, False, scores, ones, None, True))
    for name in sorted(common["slice"].unique()):
        mine = (common["slice"] == name).to_numpy()
        part = {arm: values[:, mine] for arm, values in aligned.items()}
        found.append(Endpoint(f"loss, {name}", "nat/token", True, part, tokens[mine], codes[mine], False))
    if not found:
        raise TrainingError(
            "compare",
            "there are no promotion rows that all arms share, and no evaluation tasks",
            "The versions cannot be compared",
            "Raise curation.split.promotion, or name evaluation.tasks",
        )
    return found


def decide(endpoints: list[Endpoint], seeds: int, steps: int) -> tuple[Answer, str, list[str]]:
    """Return the answer, a sentence that says it, and three reasons with numbers."""
    primary = [e for e in endpoints if e.primary]
    level = 1 - (1 - CONFIDENCE) / len(primary)
    better: list[str] = []
    worse: list[str] = []
    reasons: list[str] = []
    for endpoint in primary:
        change = endpoint.difference("child", "parent", level)
        text = f"child - parent, {endpoint.label}: {_shown(change)} {endpoint.unit}"
        moved = seeds >= MIN_SEEDS and not change.covers(0)
        if moved and "random removal" in endpoint.values:
            random = endpoint.difference("random removal", "parent", level)
            text += f"; random removal {random.mean:+.4f}"
            moved = not change.covers(random.mean)
        if moved:
            (better if (change.mean < 0) == endpoint.lower_is_better else worse).append(endpoint.label)
        reasons.append(text)
    units = ", ".join(f"{e.sizes.size:,} {'rows' if e.lower_is_better else 'questions'}" for e in primary)
    reasons.append(f"{seeds} paired seeds of {steps:,} steps; {units}; {level:.1%} intervals")
    if better and not worse:
        return "better", f"The child is better: {', '.join(better)}.", _three(reasons)
    if worse and not better:
        return "worse", f"The child is worse: {', '.join(worse)}.", _three(reasons)
    sentence = "No difference shown: the change lies within the spread of seeds, rows and random removal."
    if better and worse:
        sentence = f"Mixed: better in {', '.join(better)}, worse in {', '.join(worse)}."
    elif seeds < MIN_SEEDS:
        sentence = "No difference shown: one seed says nothing about the spread between seeds."
    return "no difference shown", sentence, _three(reasons)


def differences(endpoints: list[Endpoint]) -> list[Difference]:
    """Return every paired difference between arms, at the level that `decide` used."""
    level = 1 - (1 - CONFIDENCE) / sum(e.primary for e in endpoints)
    pairs = (
        ("child", "parent"),
        ("random removal", "parent"),
        ("child", "random removal"),
        ("child", "base"),
    )
    return [
        Difference(
            label=f"{arm} - {other}, {endpoint.label}",
            unit=endpoint.unit,
            better="lower" if endpoint.lower_is_better else "higher",
            primary=endpoint.primary and (arm, other) == pairs[0],
            interval=fact(endpoint.difference(arm, other, level)),
        )
        for endpoint in endpoints
        for arm, other in (pairs if endpoint.primary else pairs[:1])
        if arm in endpoint.values and other in endpoint.values
    ]


def arms(
    results: Mapping[str, list[RunResult]],
    base: Judgement,
    versions: Mapping[str, str],
    seeds: Sequence[int],
) -> list[Arm]:
    """Return what each run of each arm came to, on all rows it was judged on."""
    made: list[Arm] = [{"arm": "base", "version": "", "seeds": [_seed_result(seeds[0], base)]}]
    for arm, runs in results.items():
        lines = [_seed_result(seed, r.tuned) for seed, r in zip(seeds, runs)]
        made.append({"arm": arm, "version": versions.get(arm, versions["parent"]), "seeds": lines})
    return made


def changed_rows(changes: pl.DataFrame) -> list[RowChange]:
    """Return `shards.diff.diff` as lines of the page."""
    return [
        RowChange(
            row=line["row_id"].hex()[:12],
            change=line["change"],
            before=_state(line, "before"),
            after=_state(line, "after"),
            reason=line["reason_after"] or line["reason_before"] or "",
        )
        for line in changes.sort(pl.col("change") == "weight", maintain_order=True).iter_rows(named=True)
    ]


def _state(line: Mapping[str, Any], side: str) -> str:
    keys = {"weight": "weight", "split": "split"}
    value = line[f"{keys.get(line['change'], 'verdict')}_{side}"]
    if value is not None and line["change"] == "weight":
        return f"{value / 1e6:g}"
    return "" if value is None else str(value)


def _train_rows(version: Version, twin_folds: Sequence[int]) -> pl.DataFrame:
    is_twin = pl.col("fold").is_in(list(twin_folds)).fill_null(False)
    is_train = (pl.col("split") == Split.TRAIN.value) & ~is_twin
    return version.decisions().filter(is_train).select("row_id", "slice")


def _aligned(common: pl.DataFrame, model: Judgement) -> pl.DataFrame:
    return common.select("row_id").join(model.losses, on="row_id", how="left", maintain_order="left")


def _seed_result(seed: int, model: Judgement) -> SeedResult:
    """Arms run without monitors and so have no page of their own."""
    scores = {task.name: round(task.mean, VALUE_DECIMALS) for task in model.tasks}
    return SeedResult(seed=seed, loss=round(model.loss, VALUE_DECIMALS), scores=scores, run="")


def _shown(interval: intervals.Interval) -> str:
    return f"{interval.mean:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"


def _three(reasons: list[str]) -> list[str]:
    """Keep the first two endpoints and the last line, which says on what they rest."""
    return [*reasons[:2], reasons[-1]] if len(reasons) > 3 else reasons
