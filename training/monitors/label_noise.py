"""Label noise: rows whose answer is contradicted by evidence that no training on it could have bent.

Where answers are few (intents, labels, picks) the rows judge each other through what the untuned base makes of their
questions, each left out of its own judgement (outside.py); the probability that an answer is wrong comes from a model
of noise fitted to all of them, and rows are named as long as nine in ten of the named are expected to be wrong. A row
whose answer is rare needs a low margin in training too: of those the others know least.

Where answers are open the tuned model contradicts a row as it contradicts decoys, rows with the answer of another row
of their slice, which are scored and never trained on (calibration.py). Rows are judged apart by how hard the questions
most like theirs are for the model (neighbours.py), each kind by its own decoys. Contradiction alone is one piece of
evidence: NOISY also needs a low margin during training. Train rows are scored in sample, where a memorised wrong answer
looks right: that misses noise, it does not invent it. A model that does not tell the decoys from the rows may not speak
at all, nor one to which a third of a slice looks like them: letters of one kind, say, where any answer would nearly do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import polars as pl

from tilth.shards.feedback import Finding
from tilth.training.monitors.calibration import MIN_DECOYS, MIN_PRECISION, calibrate, separation
from tilth.training.monitors.monitor import Looks, monitor
from tilth.training.monitors.neighbours import NEIGHBOURS, difficulty
from tilth.training.monitors.observations import Observations, Rows
from tilth.training.monitors.outside import Outside
from tilth.training.monitors.signal import Signal

LOW_MARGIN_RANK = 0.25  # lowest quarter of the slice
NOMINAL = 0.95  # expected share of wrong answers among the named: what is promised is MIN_PRECISION
RARE = 20  # rows with the same answer
MIN_JUDGED = 0.5  # share of a slice's rows whose answers are few, for the others to judge it
MIN_SEPARATION = 0.75  # probability that a decoy scores above a row; noise itself lowers it
# Above this rows are too much like decoys for decoys to tell noise: any answer of the slice nearly serves.
MAX_NOISE = 0.4
MAX_KINDS = 3
DECOYS_PER_KIND = 40
# Means of 20 independent scores vary a twentieth as much as the scores. Of one task .6 to 1.5 times that was seen, of
# several mixed 1.7 to 7 (docs/lab-notes.md).
MAX_VARIANCE_RATIO = 2.0


@monitor("label_noise", label="M6")
class LabelNoise:
    """A row's answer is contradicted by all other rows, or by the tuned model as answers known to be wrong are."""

    version: ClassVar[str] = "4"
    looks_at: ClassVar[tuple[Looks, ...]] = ("rows",)
    proposes: ClassVar[Mapping[Finding, str]] = {
        Finding.NOISY: "rows with two signals are set aside",
        Finding.UNCERTAIN: "look at rows with one signal of two",
    }

    def examine(self, observations: Observations) -> list[Signal]:
        """Judge the rows of every slice."""
        rows = observations.rows
        return [] if rows is None else [_judged(rows, name) for name in sorted(rows.scores["slice"].unique())]


def _judged(rows: Rows, name: str) -> Signal:
    """Return what is said of a slice and of its rows."""
    mine = rows.scores.filter(pl.col("slice") == name)
    others = rows.outside
    if others is not None and len({*mine["row_id"]} & {*others.row_ids}) >= MIN_JUDGED * mine.height:
        return _by_the_others(mine, others, name)
    wrong = rows.decoys.filter(pl.col("slice") == name)
    kinds, decoy_kinds = _kinds(mine, wrong, rows.questions)
    findings, precision, signal = of_slice(
        mine["contradiction"].to_numpy(),
        mine["margin_mean"].fill_null(math.nan).to_numpy(),
        wrong["contradiction"].to_numpy(),
        slice_name=name,
        kinds=kinds,
        decoy_kinds=decoy_kinds,
    )
    judged = mine.select(
        "row_id",
        finding=pl.Series(findings, dtype=pl.String),
        est_precision=pl.lit(precision),
        evidence=pl.format("contradiction {} nat", pl.col("contradiction").round(3)),
    )
    return replace(signal, rows=judged.filter(pl.col("finding") != Finding.NONE.value))


def _by_the_others(mine: pl.DataFrame, others: Outside, name: str) -> Signal:
    """Return what all other rows say of the rows of a slice."""
    if others.silence:
        return Signal(Finding.INCONCLUSIVE, name, others.silence, others.noise)
    said = mine.join(others.frame(), on="row_id", how="inner", maintain_order="left")
    margin = pl.col("margin_mean")
    low = (margin <= margin.quantile(LOW_MARGIN_RANK)).fill_null(value=False)
    sure = (pl.col("precision") >= NOMINAL) & (pl.col("wrong") > 0.5)
    second = (pl.col("rarity") > RARE) | low
    found = (
        pl.when(sure & second).then(pl.lit(Finding.NOISY.value)).otherwise(pl.lit(Finding.UNCERTAIN.value))
    )
    named = said.filter(pl.col("wrong") > 0.5).select(
        "row_id",
        finding=found,
        est_precision="precision",
        evidence=pl.format(
            "wrong with probability {}, by the other rows; theirs with {}",
            pl.col("wrong").round(3),
            pl.col("proposed_probability").round(3),
        ),
        proposed_row="proposed_row",
        proposed_probability="proposed_probability",
    )
    noisy = int((named["finding"] == Finding.NOISY.value).sum())
    noise = float(said["wrong"].mean())  # type: ignore[arg-type]
    evidence = (
        f"{noisy} rows contradicted by the rows that ask alike, {named.height - noisy} more likely wrong than right; "
        f"estimated precision >= {NOMINAL}, {noise:.1%} noise, each row left out of its own judgement"
    )
    finding = Finding.NOISY if noisy else Finding.NONE
    return Signal(finding, name, evidence, noise, None, NOMINAL, rows=named)


def _kinds(
    rows: pl.DataFrame, wrong: pl.DataFrame, questions: Mapping[bytes, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Part rows and decoys by how hard the model finds what they ask: (rows,), (decoys,).

    All are of one kind where neighbours score no more alike than chance has it, or decoys are too few to part.
    """
    scores = rows["contradiction"].to_numpy()
    asked = [*rows["row_id"], *wrong["row_id"]]
    hard = difficulty([questions[row] for row in asked], scores)
    hard, hard_decoys = hard[: rows.height], hard[rows.height :]
    alike = hard.var() * NEIGHBOURS > MAX_VARIANCE_RATIO * scores.var()
    count = max(1, min(MAX_KINDS, wrong.height // DECOYS_PER_KIND)) if alike else 1
    bounds = np.quantile(hard, np.arange(1, count) / count)
    return np.searchsorted(bounds, hard, side="right"), np.searchsorted(bounds, hard_decoys, side="right")


def of_slice(
    contradiction: np.ndarray,
    margin: np.ndarray,
    decoys: np.ndarray,
    *,
    slice_name: str,
    kinds: np.ndarray | None = None,
    decoy_kinds: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, Signal]:
    """Judge the rows of a slice, each kind of row by decoys of its own.

    contradiction, margin, kinds: (rows,); margin is NaN for rows that were never trained on. decoys,
    decoy_kinds: (decoys,). Without kinds all are of one.
    Returns findings (rows,) as Finding values, estimated precision (rows,), and the signal of the slice.
    """
    if kinds is None or decoy_kinds is None:
        kinds, decoy_kinds = np.zeros(len(contradiction)), np.zeros(len(decoys))
    findings = np.full(len(contradiction), Finding.NONE.value, dtype=object)
    precision = np.zeros(len(contradiction))
    parts = []
    for kind in np.unique(kinds):
        mine = kinds == kind
        part = _judge(contradiction[mine], margin[mine], decoys[decoy_kinds == kind])
        findings[mine], precision[mine] = part.findings, part.precision
        parts.append(part)
    return findings, precision, _signal(slice_name, parts)


@dataclass(frozen=True)
class _Part:
    """What was found among the rows of one kind; `silence` says why nothing could be."""

    findings: np.ndarray
    precision: np.ndarray
    decoys: int
    value: float | None  # the estimated noise, or what the silence rests on
    threshold: float | None = None
    silence: str = ""

    def count(self, finding: Finding) -> int:
        return int((self.findings == finding.value).sum())


def _judge(contradiction: np.ndarray, margin: np.ndarray, decoys: np.ndarray) -> _Part:
    findings, nothing = (
        np.full(len(contradiction), Finding.NONE.value, dtype=object),
        np.zeros(len(contradiction)),
    )
    result = calibrate(contradiction, decoys)
    if result is None:
        few = f"{len(decoys)} decoys for {len(contradiction)} rows, {MIN_DECOYS} of each needed"
        return _Part(findings, nothing, len(decoys), None, silence=few)
    apart = separation(contradiction, decoys)
    if apart < MIN_SEPARATION:
        unsure = f"the model prefers a row's own answer to another row's only {apart:.0%} of the time"
        return _Part(findings, nothing, len(decoys), apart, silence=unsure)
    if result.noise > MAX_NOISE:
        alike = f"{result.noise:.0%} would be noise: answers are too much alike to tell"
        return _Part(findings, nothing, len(decoys), result.noise, silence=alike)
    precision = result.of(contradiction)
    if result.threshold is None:
        return _Part(findings, precision, len(decoys), result.noise)
    seen = np.isfinite(margin)
    limit = float(np.quantile(margin[seen], LOW_MARGIN_RANK)) if seen.any() else -math.inf
    contradicted = contradiction >= result.threshold
    findings[contradicted] = Finding.UNCERTAIN.value
    findings[contradicted & seen & (np.where(seen, margin, math.inf) <= limit)] = Finding.NOISY.value
    return _Part(findings, precision, len(decoys), result.noise, result.threshold)


def _signal(slice_name: str, parts: list[_Part]) -> Signal:
    heard = [part for part in parts if not part.silence]
    reasons = "; ".join(dict.fromkeys(part.silence for part in parts if part.silence))
    if not heard:
        return Signal(Finding.INCONCLUSIVE, slice_name, reasons, parts[0].value)
    rows = sum(len(part.findings) for part in heard)
    noise = sum((part.value or 0.0) * len(part.findings) for part in heard) / rows
    named = sum(part.count(Finding.NOISY) for part in heard)
    only = sum(part.count(Finding.UNCERTAIN) for part in heard)
    by = f"by {sum(part.decoys for part in heard)} decoys"
    evidence = (
        f"{named} rows contradicted by the model and of low margin in training, {only} only contradicted; "
        f"estimated precision >= {MIN_PRECISION}, at least {noise:.1%} noise, {by}"
        if named + only
        else f"no wrong answers that stand out from hard rows, {by}"
    )
    if reasons:
        quiet = sum(len(part.findings) for part in parts if part.silence)
        evidence += f"; nothing is said of {quiet} rows: {reasons}"
    thresholds = [part.threshold for part in heard if part.threshold is not None]
    finding = Finding.NOISY if named else Finding.NONE
    return Signal(finding, slice_name, evidence, noise, None, min(thresholds, default=None))
