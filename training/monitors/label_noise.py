"""M6, row noise: rows whose answer the tuned model contradicts, calibrated on answers known to be wrong.

Decoys are rows with the answer of another row of their slice; they are scored and never trained on. With F
the share of rows that score at least t and pi the share of noise of the decoys' kind,
precision(t) = pi F_decoy(t) / F_all(t).

The plain estimate pi = min_t F_all(t) / F_decoy(t) counts the tail of the clean rows as noise and so finds
noise where there is none. What tells them apart is shape: of four quarters of the decoys by score, noise
fills the highest and the third alike, while clean rows thin out upwards. If they are at least
CLEAN_DECAY times rarer in the highest, the excess of the third bounds how many of the highest are clean.
All of this holds for rows that are as hard as each other. Where a slice mixes what the model has learned with
what it has not, clean rows of the second kind look like decoys of the first: rows are judged apart by how hard the
questions most like theirs are for the model (training/monitors/neighbours.py), each kind by its own decoys.
Contradiction alone is one piece of evidence: NOISY also needs a low margin during training. Train rows are
scored in sample, where a memorised wrong answer looks right: that misses noise, it does not invent it. A
model that does not tell the decoys from the rows may not speak at all, nor one to which a third of a slice looks
like them: letters of one kind, say, where any answer would nearly do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tilth.shards.feedback import Finding
from tilth.training.monitors.signal import Signal

VERSION = "3"
MIN_DECOYS = 30
MIN_PRECISION = 0.9
LOW_MARGIN_RANK = 0.25  # lowest quarter of the slice
MIN_FLAGGED = 5  # rows beyond the highest quarter of the decoys
MIN_SEPARATION = 0.75  # probability that a decoy scores above a row; noise itself lowers it
# Above this rows are too much like decoys for decoys to tell noise: any answer of the slice nearly serves.
MAX_NOISE = 0.4
CLEAN_DECAY = 10.0
CONFIDENCE_Z = 1.3  # one-sided 90 % on the excess
LEVELS = np.arange(0.15, 1.0, 0.05)  # shares of the decoys at or above the thresholds tried


@dataclass(frozen=True)
class Calibration:
    """What the decoys say about the scores of a slice, by descending threshold."""

    noise: float  # lower estimate of pi
    thresholds: np.ndarray
    precision: np.ndarray  # estimated, of the rows at or above each threshold

    @property
    def threshold(self) -> float | None:
        """The lowest threshold with precision >= 0.9; None where there is none."""
        sure = np.flatnonzero(self.precision >= MIN_PRECISION)
        return float(self.thresholds[sure[-1]]) if len(sure) else None

    def of(self, scores: np.ndarray) -> np.ndarray:
        """Return the estimated precision at each score (n,); 0 below every threshold."""
        beyond = scores[:, None] >= self.thresholds[None, :]
        best = self.precision[np.argmax(beyond, axis=1)]
        return np.where(beyond.any(axis=1), best, 0.0)


def calibrate(scores: np.ndarray, decoys: np.ndarray) -> Calibration | None:
    """Return the precision of thresholds on `scores` (n,), higher is worse; None with too few decoys (m,)."""
    if min(len(scores), len(decoys)) < MIN_DECOYS:
        return None
    thresholds = np.quantile(decoys, 1 - LEVELS)
    share_all, share_decoy = survival(scores, thresholds), survival(decoys, thresholds)
    noise = noise_share(scores, decoys)
    precision = np.minimum(1.0, noise * share_decoy / np.maximum(share_all, 1e-12))
    # A higher threshold cannot be less precise: what holds for a lower one holds for it.
    return Calibration(noise, thresholds, np.maximum.accumulate(precision[::-1])[::-1])


def separation(scores: np.ndarray, decoys: np.ndarray) -> float:
    """Return the probability that a decoy scores above a row, ties counted half."""
    ordered = np.sort(scores)
    below = np.searchsorted(ordered, decoys, side="left") + np.searchsorted(ordered, decoys, side="right")
    return float(below.mean()) / (2 * len(scores))


def noise_share(scores: np.ndarray, decoys: np.ndarray) -> float:
    """Return a lower estimate of the share of rows that are noise of the decoys' kind."""
    third, half, highest = np.quantile(decoys, [0.25, 0.5, 0.75])
    top = int((scores >= highest).sum())
    beside = int(((scores >= third) & (scores < half)).sum())
    if top < MIN_FLAGGED:
        return 0.0
    # Poisson counts; a quarter of m decoys is known to sqrt(3 / m) of itself
    error = math.sqrt(top + beside + 3 * (top**2 + beside**2) / len(decoys))
    clean = max(0.0, beside - top + CONFIDENCE_Z * error) / (CLEAN_DECAY - 1)
    return min(1.0, max(0.0, top - clean) / (0.25 * len(scores)))


def survival(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the share of `values` that is >= each of `at`."""
    return 1 - np.searchsorted(np.sort(values), at, side="left") / max(1, len(values))


def examine(
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
        return Signal("M6", Finding.INCONCLUSIVE, slice_name, reasons, parts[0].value)
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
    return Signal("M6", finding, slice_name, evidence, noise, None, min(thresholds, default=None))
