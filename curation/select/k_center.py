"""k-center: rows such that no row is far from the nearest chosen one."""

from __future__ import annotations

import numpy as np

_AHEAD = 64  # distances computed at once: one matrix product instead of many passes over the rows


def k_center(vectors: np.ndarray, k: int) -> np.ndarray:
    """Return the places of `k` rows, in the order chosen: each the farthest from those before it.

    vectors: float32 (rows, dimensions). The first is the row nearest to the mean; of equals the first wins. The
    largest distance of a row to a chosen one is at most twice the least possible (Gonzalez 1985). Work:
    rows x k x dimensions; memory: 64 x rows. Distances of the farthest few are computed together and used
    while their turn comes next, which changes nothing about who is chosen.
    """
    rows = len(vectors)
    norms = np.einsum("ij,ij->i", vectors, vectors)
    chosen = np.zeros(min(k, rows), np.int64)
    nearest = np.full(rows, np.inf, np.float32)
    mean = vectors.mean(0) if rows else np.zeros(0)
    ahead = np.zeros(0, np.int64)
    distances = np.zeros((0, rows), np.float32)
    for step in range(len(chosen)):
        place = int(np.argmin(norms - 2 * (vectors @ mean))) if step == 0 else int(np.argmax(nearest))
        found = np.flatnonzero(ahead == place)
        if not found.size:
            ahead = np.array([place]) if step == 0 else _farthest(nearest, place)
            distances = norms[ahead, None] - 2 * (vectors[ahead] @ vectors.T) + norms
            found = np.zeros(1, np.int64)
        np.minimum(nearest, distances[found[0]], out=nearest)
        nearest[place] = -np.inf  # chosen: never again, not even among equals
        chosen[step] = place
    return chosen


def _farthest(nearest: np.ndarray, place: int) -> np.ndarray:
    """Return the places farthest from all chosen ones, `place` first."""
    count = min(_AHEAD, nearest.size)
    places = np.argpartition(-nearest, count - 1)[:count]
    return np.concatenate([[place], places[places != place]])
