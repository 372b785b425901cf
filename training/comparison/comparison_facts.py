"""The facts of a finished comparison, as the comparison page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from tilth.shards.diff import diff
from tilth.shards.tables import VALUE_DECIMALS
from tilth.shards.version import Version
from tilth.training.comparison.endpoints import Answer, Endpoint, decide, level_of, measure
from tilth.training.comparison.promotion import may_promote
from tilth.training.evaluation.judge import Judgement, fact
from tilth.training.evaluation.metric import ADD_A_TASK
from tilth.validators.facts.comparison import Arm, ComparisonFacts, Difference, RowChange, SeedResult
from tilth.validators.facts.page import DO_NOT_USE, NOT_ENOUGH_EVIDENCE, USE, Word

if TYPE_CHECKING:
    from tilth.training.train import RunResult

WORDS: dict[Answer, Word] = {
    "better": USE,
    "worse": DO_NOT_USE,
    "no difference shown": NOT_ENOUGH_EVIDENCE,
}


def facts_of(
    results: Mapping[str, list[RunResult]],
    parent: Version,
    child: Version,
    seeds: Sequence[int],
    steps: int,
    findings: Mapping[str, Sequence[str]] | None = None,
) -> ComparisonFacts:
    """Return the facts of finished arms, each with one run per seed.

    findings: what the monitors found in the watched runs of parent and child.
    """
    judged = {arm: [r.tuned for r in runs] for arm, runs in results.items()}
    judged["base"] = [results["parent"][0].base] * len(seeds)
    endpoints = measure(judged, groups_of(parent))
    answer, sentence, reasons = decide(endpoints, len(seeds), steps)
    has_task = any(endpoint.written for endpoint in endpoints)
    word = WORDS[answer]
    if word == USE and not has_task:
        word = NOT_ENOUGH_EVIDENCE
        reasons.insert(
            0, f"judged on loss alone, which proves no answer better; add to the recipe: {ADD_A_TASK}"
        )
    if answer == "no difference shown" and (both := beyond_base(endpoints)):
        reasons.append(both)
    changes = diff(parent, child)
    return ComparisonFacts(
        kind="comparison",
        verdict=word,
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
        promotion=may_promote(endpoints, answer, findings or {}),
    )


def beyond_base(endpoints: list[Endpoint]) -> str:
    """Return in words that both versions surely beat the base, where they do: their own pages may then say USE."""
    level = level_of(endpoints)
    for endpoint in endpoints:
        if not endpoint.primary:
            continue
        changes = [endpoint.difference(arm, "base", level) for arm in ("parent", "child")]
        if all(not c.covers(0) and (c.mean < 0) == endpoint.lower_is_better for c in changes):
            of = f"{endpoint.label}: {changes[0].mean:+.4f} and {changes[1].mean:+.4f} {endpoint.unit}"
            return (
                f"both are better than the base ({of}), as their pages say; which of the two is, is not shown"
            )
    return ""


def groups_of(version: Version) -> dict[bytes, str]:
    """Return the group (conversation or source id) of each row that has one."""
    named = version.rows(["row_id", "group"]).drop_nulls()
    return dict(zip(named["row_id"], named["group"]))


def differences(endpoints: list[Endpoint]) -> list[Difference]:
    """Return every paired difference between arms, at the level that `decide` used."""
    level = level_of(endpoints)
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


def _seed_result(seed: int, model: Judgement) -> SeedResult:
    """Arms run without monitors and so have no page of their own."""
    scores = {task.name: round(task.mean, VALUE_DECIMALS) for task in model.tasks}
    return SeedResult(seed=seed, loss=round(model.loss, VALUE_DECIMALS), scores=scores, run="")
