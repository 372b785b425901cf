"""The most similar kept row by vectors: what the greedy pass of near_join.py asks where shingles say no, compiled.

A row looks into its nearest cells (cells.py). The vectors of a cell lie together, so that looking through
one is reading on. Cosines are exact over 16-bit integers.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from tilth.curation.similarity.marks import are_siblings


class Vectors(NamedTuple):
    """Vectors of the rows, cell by cell.

    prompt, response: int16 (places, dimensions); zeros where there is nothing to compare. cells: int32
    (places, probes), the nearest cells. starts: Int64, where each cell begins, and the end of the last. places:
    Int64, the place of every row; rows: Int64, the row of every place.
    """

    prompt: np.ndarray
    response: np.ndarray
    cells: np.ndarray
    starts: np.ndarray
    places: np.ndarray
    rows: np.ndarray


def by_cell(prompt: np.ndarray, response: np.ndarray, cells: np.ndarray, lines: np.ndarray) -> Vectors:
    """Lay vectors out cell by cell; `lines` is the line of every row in the matrices."""
    order = np.argsort(cells[:, 0], kind="stable")
    place_of, rows = np.empty(order.size, np.int64), np.full(order.size, -1, np.int64)
    place_of[order] = np.arange(order.size)
    places = place_of[lines]
    rows[places] = np.arange(lines.size)
    starts = np.concatenate([[0], np.cumsum(np.bincount(cells[:, 0]))]).astype(np.int64)
    return Vectors(prompt[order], response[order], cells[order], starts, places, rows)


def no_vectors() -> Vectors:
    """Return the vectors of a pass that compares none."""
    nothing, none = np.zeros((0, 1), np.int16), np.zeros(0, np.int64)
    return Vectors(nothing, nothing, np.zeros((0, 1), np.int32), none, none, none)


@numba.njit
def _product(vectors, a, b, start, end):
    """Return the product of two rows over some columns: 32 bits hold it, since no row is longer than 2^15."""
    total = np.int32(0)
    for i in range(start, end):
        total = np.int32(total + np.int32(np.int32(vectors[a, i]) * np.int32(vectors[b, i])))
    return total


@numba.njit
def lengths(vectors):
    """Return the length of every vector, and the length of its last three quarters."""
    n, width = vectors.shape
    out = np.empty((n, 2), np.float64)
    for row in range(n):
        out[row, 0] = np.sqrt(np.float64(_product(vectors, row, row, 0, width)))
        out[row, 1] = np.sqrt(np.float64(_product(vectors, row, row, width // 4, width)))
    return out


@numba.njit
def _may_be_alike(vectors, length, a, b, bound):
    """Return whether two vectors can have a cosine >= `bound`, by a quarter of them.

    What is left adds at most the product of the lengths left (Cauchy-Schwarz). Two of zeros may.
    """
    most = _product(vectors, a, b, 0, vectors.shape[1] // 4) + length[a, 1] * length[b, 1]
    return most >= bound * length[a, 0] * length[b, 0]


@numba.njit
def _cosine(vectors, length, a, b, is_short, is_same):
    """Return the cosine of two vectors.

    Texts of at most one shingle are alike if they are the same: a vector of words takes 2 + 2 for 2 - 2.
    """
    if is_short:
        return np.float64(is_same)
    scale = length[a, 0] * length[b, 0]
    return _product(vectors, a, b, 0, vectors.shape[1]) / scale if scale > 0.0 else 0.0


@numba.njit
def _short_and_same(a, b, field):
    """Return whether one of two texts has less than two shingles, and whether both are the same or have none."""
    values, starts, ends, single = field
    n, m = ends[a] - starts[a], ends[b] - starts[b]
    is_same = n == m and (n == 0 or values[starts[a]] == values[starts[b]]) and single[a] == single[b]
    return min(n, m) < 2, is_same


@numba.njit
def find_alike(row, vectors, length, is_kept, prompt, response, beside, marks, bound):
    """Return the kept row with the highest cosine in prompt and response, the lesser of both, or -1.

    Rows that differ in `beside` are not looked at.
    """
    asked, said, cells, starts, places, rows = vectors
    at = places[row]
    best, witness = bound, -1
    for probe in range(cells.shape[1]):
        cell = cells[at, probe]
        for to in range(starts[cell], starts[cell + 1]):
            if not is_kept[to] or not _may_be_alike(said, length[1], at, to, bound):
                continue
            other = rows[to]
            if beside[other] != beside[row]:
                continue
            found = min(
                _cosine(said, length[1], at, to, *_short_and_same(row, other, response)),
                _cosine(asked, length[0], at, to, *_short_and_same(row, other, prompt)),
            )
            better = found > best or (found == best and (witness < 0 or other < witness))
            if better and not are_siblings(row, other, marks):
                best, witness = found, other
    return witness, min(best, 1.0)


@numba.njit
def mark_kept(row, places, is_kept):
    """Note that a row is kept, where vectors are compared at all."""
    if places.size:
        is_kept[places[row]] = 1
