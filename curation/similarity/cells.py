"""Which vectors are worth comparing: k-means cells, so that a pass looks at neighbours only.

SemDeDup (Abbas et al., arXiv 2303.09540) compares within a cell. Here a row looks into the cells of its PROBES
nearest centres: two near-equal vectors on both sides of a border have the same nearest few.
"""

from __future__ import annotations

import numpy as np

CELL_ROWS, PROBES = 512, 6
FIT_ROWS, _FIT_CELL_ROWS, _ITERATIONS = 50_000, 64, 8
_BLOCK_ROWS = 20_000


def cells(*fields: np.ndarray) -> np.ndarray:
    """Return the nearest cells of every row, nearest first, int32 (rows, at most PROBES).

    fields: vectors of the same rows, one matrix a field, taken end to end. There is a centre for every
    CELL_ROWS rows, fitted on _FIT_CELL_ROWS rows a centre and at most FIT_ROWS, at equal steps.
    """
    n = len(fields[0])
    k = n // CELL_ROWS
    if k < 3:
        return np.zeros((n, 1), np.int32)
    out = np.empty((n, min(PROBES, k)), np.int32)
    centres = _fit(_joined(fields, _steps(n, min(FIT_ROWS, k * _FIT_CELL_ROWS))), k)
    for start in range(0, n, _BLOCK_ROWS):
        rows = np.arange(start, min(n, start + _BLOCK_ROWS))
        nearness = _joined(fields, rows) @ centres.T
        for probe in range(out.shape[1]):
            out[rows, probe] = nearness.argmax(1)
            nearness[np.arange(rows.size), out[rows, probe]] = -np.inf
    return out


def _fit(rows: np.ndarray, k: int) -> np.ndarray:
    """Return `k` centres of length 1 (spherical k-means); a centre that loses all its rows stays."""
    centres = rows[_steps(len(rows), k)]
    for _ in range(_ITERATIONS):
        nearest = np.concatenate(
            [(rows[i : i + _BLOCK_ROWS] @ centres.T).argmax(1) for i in range(0, len(rows), _BLOCK_ROWS)]
        )
        order = np.argsort(nearest, kind="stable")
        held, starts = np.unique(nearest[order], return_index=True)
        centres[held] = _unit(np.add.reduceat(rows[order], starts, axis=0))
    return centres


def _joined(fields: tuple[np.ndarray, ...], rows: np.ndarray) -> np.ndarray:
    return _unit(np.concatenate([field[rows] for field in fields], axis=1).astype(np.float32))


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-9)


def _steps(n: int, k: int) -> np.ndarray:
    """Return at most `k` of `n` places at equal steps."""
    return np.unique(np.linspace(0, n - 1, min(n, k)).astype(np.int64))
