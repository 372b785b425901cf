"""Facility location: rows such that every row has a chosen one like it.

The first rows are chosen over the full matrix of similarities, a block at a time. Once every row has a chosen one
somewhat like it, only the pairs that are more alike than that still count, and they fit into memory: the rest
is chosen from them. Both steps are exact.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numba
import numpy as np
from numba import types

DEMAND_ROWS = 10_000
MAX_PAIRS = 40_000_000  # 8 bytes each
_AHEAD, _BLOCK, _PROBED, _DENSE_STEPS = 64, 1024, 256, 4

_I32, _I64, _F32, _F64 = (
    types.Array(t, 1, "C") for t in (types.int32, types.int64, types.float32, types.float64)
)
_F32_2D = types.Array(types.float32, 2, "C")


def facility_location(vectors: np.ndarray, k: int, demand_rows: int = DEMAND_ROWS) -> np.ndarray:
    """Return the places of `k` rows, in the order chosen, that greedily raise the sum of best similarities.

    vectors: float32 (rows, dimensions) of length 1; similarity is the cosine, at least 0. The value reached is at
    least 1 - 1/e of the best possible (Nemhauser, Wolsey and Fisher 1978), evaluated lazily (Minoux 1978). Of
    equals the first wins. Above `demand_rows` rows the sum runs over that many of them at equal steps, while
    every row can be chosen: the guarantee then holds for the sum over the sample. Work: twice
    rows x demand rows x dimensions, and little more for each row chosen.
    """
    rows = len(vectors)
    sample = np.unique(np.linspace(0, max(0, rows - 1), min(rows, demand_rows)).astype(np.int64))
    chosen = np.full(min(k, rows), -1, np.int64)
    dense = _Dense(vectors, np.ascontiguousarray(vectors[sample]))
    step = 0
    while step < len(chosen) and (step % _DENSE_STEPS or dense.pairs() > MAX_PAIRS):
        chosen[step] = dense.choose()
        step += 1
    if step < len(chosen):
        _choose_from_pairs(*dense.lists(), dense.best, chosen, step)
    return chosen


class _Dense:
    """Lazy greedy choice over all similarities, computed a few rows at a time."""

    def __init__(self, vectors: np.ndarray, demand: np.ndarray) -> None:
        self.vectors, self.demand = vectors, demand
        self.best = np.zeros(len(demand), np.float32)
        self.bound = np.full(len(vectors), np.inf)
        self.taken = np.zeros(len(vectors), dtype=bool)

    def choose(self) -> int:
        """Return the row with the largest gain and count it as chosen."""
        if np.isinf(self.bound).all():
            self.bound = np.concatenate([self._gains(block) for block in self._blocks()])
        fresh, count = self.taken.copy(), _AHEAD
        while not fresh[place := int(np.argmax(np.where(self.taken, -np.inf, self.bound)))]:
            order = np.where(fresh, np.inf, -self.bound)
            ahead = np.argpartition(order, min(count, order.size) - 1)[:count]
            self.bound[ahead] = self._gains(self._similar(ahead))
            fresh[ahead] = True
            count = min(4 * count, _BLOCK)
        self.best = np.maximum(self.best, self._similar(np.array([place]))[0])
        self.taken[place] = True
        return place

    def pairs(self) -> float:
        """Return about how many pairs are more alike than a row and the chosen one most like it."""
        if not self.best.any():
            return float(self.vectors.shape[0]) * len(self.best)
        probed = np.unique(np.linspace(0, len(self.vectors) - 1, _PROBED).astype(np.int64))
        return float((self._similar(probed) > self.best).mean()) * len(self.vectors) * len(self.best)

    def lists(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return, for each row not chosen, what it would serve better: ends, places in the demand, similarities."""
        counts, places, similarities = [], [], []
        for start, block in zip(range(0, len(self.vectors), _BLOCK), self._blocks()):
            better = block > self.best
            better[self.taken[start : start + _BLOCK]] = False
            counts.append(better.sum(1))
            places.append(np.nonzero(better)[1].astype(np.int32))
            similarities.append(block[better])
        return np.cumsum(np.concatenate(counts)), np.concatenate(places), np.concatenate(similarities)

    def _blocks(self) -> Iterator[np.ndarray]:
        for start in range(0, len(self.vectors), _BLOCK):
            yield self._similar(slice(start, start + _BLOCK))

    def _similar(self, some: slice | np.ndarray) -> np.ndarray:
        return np.maximum(self.vectors[some] @ self.demand.T, 0)

    def _gains(self, similar: np.ndarray) -> np.ndarray:
        out = np.empty(len(similar))
        _sum_gains(similar, self.best, out)
        return out


@numba.njit(types.void(_F32_2D, _F32, _F64), cache=True, nogil=True, fastmath={"reassoc"})
def _sum_gains(similar, best, out):
    """Fill by how much each row of similarities would raise the sum."""
    for row in range(out.size):
        total = 0.0
        for at in range(best.size):
            gain = similar[row, at] - best[at]
            total += gain if gain > 0 else 0.0
        out[row] = total


@numba.njit
def _gain(row, ends, places, similarities, best):
    """Return by how much a row would raise the sum."""
    total = 0.0
    for at in range(ends[row - 1] if row else 0, ends[row]):
        total += max(similarities[at] - best[places[at]], 0.0)
    return total


@numba.njit(types.void(_I64, _I32, _F32, _F32, _I64, types.int64), cache=True, nogil=True)
def _choose_from_pairs(ends, places, similarities, best, chosen, step):
    """Fill `chosen` from `step` on, raising `best`."""
    taken = np.zeros(ends.size, np.bool_)
    for row in chosen[:step]:
        taken[row] = True
    queue = [
        (-_gain(row, ends, places, similarities, best), row) for row in range(ends.size) if not taken[row]
    ]
    heapq.heapify(queue)
    while step < chosen.size:
        _, row = heapq.heappop(queue)
        gain = _gain(row, ends, places, similarities, best)
        if len(queue) > 0 and (-gain, row) > queue[0]:
            heapq.heappush(queue, (-gain, row))
            continue
        chosen[step] = row
        step += 1
        for at in range(ends[row - 1] if row else 0, ends[row]):
            best[places[at]] = max(best[places[at]], similarities[at])
