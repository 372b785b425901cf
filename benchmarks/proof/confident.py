"""Confident learning as a rival: Northcutt et al., arXiv 1911.00068, equal to cleanlab's pruning by noise rate."""

from __future__ import annotations

import numpy as np


def confident_joint(likely: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return the counts of (answer that stands, answer that is confident), scaled to the rows of each answer.

    likely: probabilities from rows left out, (rows, kinds). A row counts for the likeliest of the answers whose
    probability reaches the mean of it over the rows that bear it.
    """
    kinds = likely.shape[1]
    bars = np.array(
        [likely[answers == kind, kind].mean() if (answers == kind).any() else 1.0 for kind in range(kinds)]
    )
    over = likely >= bars - 1e-6
    confident = np.where(over, likely, -1.0).argmax(1)
    counted = over.any(1)
    joint = np.zeros((kinds, kinds))
    np.add.at(joint, (answers[counted], confident[counted]), 1.0)
    joint[np.arange(kinds), np.arange(kinds)] = np.maximum(joint.diagonal(), 1.0)
    rows = np.bincount(answers, minlength=kinds)
    return joint / np.maximum(joint.sum(1, keepdims=True), 1.0) * rows[:, None]


def confident_learning(likely: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return which rows are pruned, bool (rows,): of every pair of answers as many as the joint counts.

    Of the rows that bear one answer, those whose probability of the other exceeds their own by the most; never a row
    whose own answer is the likeliest, and none of an answer with fewer than five rows left.
    """
    joint = np.round(confident_joint(likely, answers)).astype(int)
    pruned = np.zeros(len(answers), dtype=bool)
    rows = np.arange(len(answers))
    for stands in range(likely.shape[1]):
        mine = rows[answers == stands]
        if len(mine) <= 5:
            continue
        for other in range(likely.shape[1]):
            count = joint[stands, other]
            if other != stands and count > 0:
                gap = likely[mine, other] - likely[mine, stands]
                pruned[mine[np.argsort(-gap, kind="stable")[:count]]] = True
    pruned[likely.argmax(1) == answers] = False
    return pruned
