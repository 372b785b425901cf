"""The most similar kept row by vectors: what the greedy pass of near_join.py asks where shingles say no, compiled.

Kept rows lie in linked lists, one a cell (cells.py); a row looks into its two nearest cells. Cosines are exact
over 16-bit integers.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from tilth.curation.marks import are_siblings


class Vectors(NamedTuple):
    """Vectors of the rows and where to look for their like.

    prompt, response: int16 (rows, dimensions), of any equal length in a field; zeros where there is nothing to
    compare. cells: int32 (rows, 2), the nearest two cells. place: Int64, the line of each row in these
    matrices.
    """

    prompt: np.ndarray
    response: np.ndarray
    cells: np.ndarray
    place: np.ndarray


def no_vectors() -> Vectors:
    """Return the vectors of a pass that compares none."""
    nothing = np.zeros((0, 1), np.int16)
    return Vectors(nothing, nothing, np.zeros((0, 2), np.int32), np.zeros(0, np.int64))


@numba.njit
def _product(a, b):
    total = np.int64(0)
    for i in range(a.size):
        total += np.int64(a[i]) * np.int64(b[i])
    return total


@numba.njit
def lengths(vectors):
    """Return the length of every vector."""
    out = np.empty(vectors.shape[0], np.float64)
    for row in range(out.size):
        out[row] = np.sqrt(np.float64(_product(vectors[row], vectors[row])))
    return out


@numba.njit
def _alike(a, b, at_a, at_b, vectors, length, values, offsets, bound):
    """Return the cosine of two rows in one field, or 0 where it is below `bound`.

    Texts of at most one shingle are alike if they are the same: a vector of words takes 2 + 2 for 2 - 2.
    """
    n, m = offsets[a + 1] - offsets[a], offsets[b + 1] - offsets[b]
    if min(n, m) < 2:
        return np.float64(n == m and (n == 0 or values[offsets[a]] == values[offsets[b]]))
    scale = length[at_a] * length[at_b]
    cosine = _product(vectors[at_a], vectors[at_b]) / scale if scale > 0.0 else 0.0
    return cosine if cosine >= bound else 0.0


@numba.njit
def find_alike(row, vectors, length, heads, links, prompt, po, response, ro, marks, mark_offsets, bound):
    """Return the kept row with the highest cosine in prompt and response, the lesser of both, or -1."""
    asked, said, cells, place = vectors
    at = place[row]
    best, witness = 0.0, -1
    for probe in range(2):
        if probe == 1 and cells[at, 1] == cells[at, 0]:
            break
        other = heads[cells[at, probe]]
        while other >= 0:
            to = place[other]
            found = _alike(row, other, at, to, said, length[1], response, ro, bound)
            if found > best or (found == best and found > 0.0 and other < witness):
                found = min(found, _alike(row, other, at, to, asked, length[0], prompt, po, bound))
                better = found > best or (found == best and found > 0.0 and other < witness)
                if better and not are_siblings(row, other, marks, mark_offsets):
                    best, witness = found, other
            other = links[other]
    return witness, min(best, 1.0)


@numba.njit
def link(row, cells, place, heads, links):
    """Put a kept row into the list of its cell."""
    if cells.size:
        cell = cells[place[row], 0]
        links[row], heads[cell] = heads[cell], row
