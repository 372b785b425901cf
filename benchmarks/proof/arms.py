"""What each arm trains on: the same rows as they stand, or as a detector or the truth would have them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.proof import registered as plan
from benchmarks.proof.confident import confident_learning
from tilth.training.monitors.label_noise import NOMINAL, RARE
from tilth.training.monitors.left_out import best_ridge, kernel, left_out_scores
from tilth.training.monitors.outside import judge


@dataclass(frozen=True)
class Chosen:
    """The rows that an arm keeps, by their place, and the answers it gives them; `named` are those it acted on."""

    keep: np.ndarray  # bool (rows,)
    answers: np.ndarray  # codes (rows,)
    named: np.ndarray  # bool (rows,)


@dataclass(frozen=True)
class Evidence:
    """What the detectors may look at: never the truth.

    states: of the untuned base, (rows, width). margins, losses: of the noisy arm of the same seed, (rows,).
    """

    states: np.ndarray
    stands: np.ndarray
    margins: np.ndarray
    losses: np.ndarray


def pushback(seen: Evidence, *, repair: bool = True, rounds: int = 1) -> tuple[Chosen, list[int], np.ndarray]:
    """Return what `rounds` of pushback make of the rows, how many rows each changed, and the first evidence."""
    answers, keep = seen.stands.copy(), np.ones(len(seen.stands), dtype=bool)
    named_ever = np.zeros(len(keep), dtype=bool)
    changed, first = [], np.zeros(len(keep))
    low = seen.margins <= np.quantile(seen.margins, 0.25)
    for number in range(rounds):
        ids = [int(i).to_bytes(8, "big") for i in np.flatnonzero(keep)]
        said = judge(
            {row: seen.states[int.from_bytes(row, "big")] for row in ids},
            {row: b"%d" % answers[int.from_bytes(row, "big")] for row in ids},
        )
        if said is None or said.silence:
            changed.append(0)
            continue
        places = np.array([int.from_bytes(row, "big") for row in said.row_ids])
        proposed = np.array([answers[int.from_bytes(row, "big")] for row in said.proposed])
        sure = (said.precision >= NOMINAL) & (said.wrong > 0.5) & ((said.rarity > RARE) | low[places])
        fix = sure & (said.probability >= plan.REPAIR_FROM) & repair
        if number == 0:
            first[places] = said.wrong
        answers[places[fix]] = proposed[fix]
        keep[places[sure & ~fix]] = False
        named_ever[places[sure]] = True
        changed.append(int(sure.sum()))
    return Chosen(keep, answers, named_ever), changed, first


def removed(stands: np.ndarray, scores: np.ndarray, count: int) -> Chosen:
    """Return the rows without the `count` of the highest scores."""
    named = np.zeros(len(stands), dtype=bool)
    named[np.argsort(-scores, kind="stable")[:count]] = True
    return Chosen(~named, stands, named)


def by_confident_learning(seen: Evidence) -> tuple[Chosen, np.ndarray]:
    """Return the rows without those that confident learning prunes, from left-out probabilities; and its scores."""
    alike = kernel(seen.states.astype(np.float64))
    all_rows = np.ones(len(seen.stands), dtype=bool)
    scores = left_out_scores(alike, seen.stands, all_rows, best_ridge(alike, seen.stands))
    likely = np.clip(scores, 1e-6, None)
    likely /= likely.sum(1, keepdims=True)
    named = confident_learning(likely, seen.stands)
    return Chosen(~named, seen.stands, named), 1 - likely[np.arange(len(likely)), seen.stands]
