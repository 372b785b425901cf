"""The decisions of a run or a replay: barriers in phase order over the rows still kept, and pushback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import polars as pl

from tilth.curation.dedup.split import Splits
from tilth.curation.dedup.split_family import SplitFamily
from tilth.curation.feedback import review
from tilth.curation.feedback.admission import Admission
from tilth.curation.feedback.policy import PushbackPolicy
from tilth.curation.feedback.pushback import Steering, steer, topped_up
from tilth.curation.recipe import CurationRecipe
from tilth.curation.run.combine import Observed
from tilth.curation.run.evidence import Gatherer, guarded
from tilth.curation.run.ledger import ASSIGNMENTS, Ledger
from tilth.curation.select.select import Select
from tilth.curation.stage import Barrier, Phase
from tilth.shards import arrow_file
from tilth.shards.tables import SPLIT, VERDICT, WEIGHT_UNIT, Split, Verdict

Progress = Callable[[str, int, int], None]


@runtime_checkable
class InFamily(Protocol):
    """A barrier that heeds what the versions of a name agree on about splits."""

    def decide_in(self, family: SplitFamily, rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        """Return what `decide` does, in a family."""


@dataclass(frozen=True)
class Decided:
    """What pushback did, why it only proposed ("" where it acted), and the family of the splits."""

    steering: Steering
    proposes_only: str
    family: SplitFamily


def decide(
    recipe: CurationRecipe,
    ledger: Ledger,
    data: Observed,
    gatherer: Gatherer,
    admission: Admission,
    family: SplitFamily | None = None,
    report: Progress = lambda phase, done, total: None,
) -> Decided:
    """Run the barriers in phase order, pushback at its place among them, and weigh by what it said.

    family: that of the versions before; without one, or with another number in the recipe, one is fitted here.
    """
    barriers = recipe.barriers()
    policy = recipe.pushback or PushbackPolicy()
    reserve: list[pl.DataFrame] = []  # what selection left, in the order in which it would have gone on

    def run(some: list[Barrier], family: SplitFamily | None) -> SplitFamily | None:
        for barrier in some:
            name = barrier.name
            report(name, barriers.index(barrier), len(barriers))
            rows = kept_rows(ledger, data, barrier.needs)
            if isinstance(barrier, Select):
                barrier.require(rows, data.numbers)
            evidence = gatherer.gather(barrier, rows)
            if isinstance(barrier, Select):
                reserve.append(evidence)
            if isinstance(barrier, Splits) and (family is None or family.number != barrier.family):
                family = barrier.fit(rows, evidence)
            if family and isinstance(barrier, InFamily):
                ledger.apply(name, guarded(barrier, barrier.decide_in, family, rows, evidence))
            else:
                ledger.apply(name, guarded(barrier, barrier.decide, rows, evidence))
            arrow_file.let_go()
        return family

    family = run([b for b in barriers if b.phase < Phase.PUSHBACK], family)
    people = admission.review
    ledger.apply(review.STAGE, people.findings(data.rows))
    rows = kept_rows(ledger, data)
    why = proposes_only(recipe, rows.height)
    if why:
        policy = replace(policy, apply=False)
    repaired = admission.repaired
    records = admission.records if recipe.pushback else []
    steering = steer(rows, records, policy, admission.rounds, repaired.counts)
    ledger.apply("pushback", steering.findings)
    family = run([b for b in barriers if b.phase > Phase.PUSHBACK], family)
    if steering.top_up:
        kept = ledger.kept()
        taken = _taken_in(kept, reserve, steering.top_up)
        ledger.apply("pushback", taken)
        slices = taken.join(kept, on="row_id")["slice"].value_counts()
        steering = topped_up(steering, dict(slices.iter_rows()))
    if steering.weights.height:
        ledger.multiply_weights(steering.weights, low=policy.min_weight, high=policy.max_weight)
    steering = replace(
        steering, actions=[*people.actions(data.rows), *repaired.actions(policy), *steering.actions]
    )
    return Decided(steering, why, family or SplitFamily())


def _taken_in(kept: pl.DataFrame, reserve: list[pl.DataFrame], top_up: Mapping[str, int]) -> pl.DataFrame:
    """Return the rows of the reserve that slices take in, next in the order of selection; as assignments with a tag.

    kept: row_id, slice, split of the rows kept. top_up: slice -> how many at most.
    """
    order = [frame.select("row_id", "next").drop_nulls() for frame in reserve]
    waiting = kept.filter(pl.col("split") == Split.RESERVE.value).join(
        pl.concat([pl.DataFrame(schema={"row_id": pl.Binary, "next": pl.Int64}), *order]), on="row_id"
    )
    most = pl.col("slice").replace_strict(dict(top_up), default=0, return_dtype=pl.Int64)
    chosen = waiting.sort("next", "row_id").filter(pl.int_range(pl.len()).over("slice") < most)
    return chosen.select(
        "row_id",
        split=pl.lit(Split.TRAIN.value, SPLIT),
        weight=pl.lit(WEIGHT_UNIT, pl.UInt32),
        verdict=pl.lit(Verdict.KEEP.value, VERDICT),
        reason=pl.lit("top_up"),
    )


def kept_rows(ledger: Ledger, data: Observed, needs: tuple[str, ...] = ()) -> pl.DataFrame:
    """Return the rows still kept with their provenance, the measures of `needs`, slice and assignments."""
    kept = ledger.is_kept()
    rows = data.rows.hstack(data.measures(needs)).filter(kept)
    return rows.hstack(ledger.kept().select("slice", *ASSIGNMENTS))


def proposes_only(recipe: CurationRecipe, rows: int) -> str:
    """Return why feedback may only propose, "" where it may act: it is switched off, or held-out splits are small."""
    if recipe.pushback is None or not recipe.pushback.apply:
        return "the recipe lets feedback only propose (curation.pushback)"
    splits = next((s for s in recipe.stages if isinstance(s, Splits)), None)
    if splits is None:
        return "without held-out splits no version can be judged, so feedback only proposes (curation.split)"
    plan = splits.plan(rows)
    return plan.note if plan.merged else ""
