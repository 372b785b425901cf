"""What a text is about, as numbers: counts of its words and word pairs, and their latent semantic vectors.

Words and pairs are hashed into buckets, so no vocabulary is kept and every script is read (shingles.py says
what a word is). Vectors are TF-IDF projected on the leading right singular vectors (Deerwester et al. 1990),
found by a randomised range finder (Halko, Martinsson and Tropp, arXiv 0909.4061).
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import polars as pl
from numba import types

from tilth.curation.similarity.shingles import as_arrays, gram_lists, mix, sort

BUCKETS = 1 << 17
FIT_ROWS = 50_000
_SEED, _OVERSAMPLED, _POWER_ITERATIONS = 0, 12, 1
_RANK_TOLERANCE = 1e-9  # of squared singular values
_BLOCK_ROWS = 50_000
_PAIR = np.uint64(0x9E3779B97F4A7C15)

_U64, _I64 = (types.Array(t, 1, "C", readonly=True) for t in (types.uint64, types.int64))
_OUT_I32, _OUT_F32, _OUT_I64 = (types.Array(t, 1, "C") for t in (types.int32, types.float32, types.int64))


@numba.njit(types.void(_U64, _I64, types.int64, _OUT_I32, _OUT_F32, _OUT_I64), cache=True, nogil=True)
def _write_counts(words, offsets, buckets, places, counts, ends):
    """Fill the sorted buckets of the words and adjacent word pairs of every text, and how often each occurs."""
    scratch = np.empty(2 * (np.max(offsets[1:] - offsets[:-1]) + 1), np.int32)
    used = 0
    for row in range(ends.size):
        n = 0
        for i in range(offsets[row], offsets[row + 1]):
            scratch[n] = words[i] % np.uint64(buckets)
            n += 1
            if i > offsets[row]:
                scratch[n] = mix(words[i - 1] * _PAIR + words[i]) % np.uint64(buckets)
                n += 1
        sort(scratch, n)
        for i in range(n):
            if i == 0 or scratch[i] != scratch[i - 1]:
                places[used], counts[used] = scratch[i], np.float32(0)
                used += 1
            counts[used - 1] += np.float32(1)
        ends[row] = used


def counts(texts: pl.Series, buckets: int = BUCKETS) -> Any:
    """Return how often the words and adjacent word pairs of each text fall into each bucket.

    A scipy CSR matrix, float32 (texts, buckets). Case is folded; a null text is an empty one.
    """
    from scipy.sparse import csr_matrix

    words, offsets = as_arrays(gram_lists(texts, 1))
    places = np.empty(2 * words.size + 1, np.int32)
    found = np.empty(2 * words.size + 1, np.float32)
    ends = np.zeros(texts.len(), np.int64)
    if texts.len():
        _write_counts(words, offsets, buckets, places, found, ends)
    starts = np.concatenate([[0], ends])
    return csr_matrix((found[: starts[-1]], places[: starts[-1]], starts), (texts.len(), buckets))


def features(texts: pl.Series, dimensions: int = 128) -> np.ndarray:
    """Return one vector a text, float32 (texts, dimensions), of length 1 so that a dot product is a cosine.

    TF-IDF (1 + ln count, smoothed idf) over hashed words and word pairs, reduced by SVD. Fitted on all texts,
    or on FIT_ROWS of them at equal steps; deterministic for the same texts in the same order on the same
    libraries. A text without a word found in two fitted texts is the zero vector: similar to nothing. Where
    the texts span fewer dimensions, the last columns are 0.

    >>> vectors = features(pl.Series(["a red apple", "a red apple", "two blue cars"]), 2)
    >>> round(float(vectors[0] @ vectors[1]), 3)
    1.0
    """
    rows = texts.len()
    out = np.zeros((rows, dimensions), np.float32)
    fitted = np.unique(np.linspace(0, max(0, rows - 1), min(rows, FIT_ROWS)).astype(np.int64))
    sample = counts(texts.gather(fitted) if fitted.size < rows else texts)
    documents = np.bincount(sample.indices, minlength=BUCKETS)
    idf = np.where(documents > 1, np.log((1 + fitted.size) / (1 + documents)) + 1, 0).astype(np.float32)
    if not idf.any():
        return out
    shared = np.flatnonzero(idf)
    found = _singular_vectors(_tf_idf(sample, idf)[:, shared], dimensions)
    axes = np.zeros((BUCKETS, found.shape[1]), np.float32)
    axes[shared] = found
    for start in range(0, rows, _BLOCK_ROWS):
        whole = fitted.size == rows <= _BLOCK_ROWS
        block = sample if whole else counts(texts.slice(start, _BLOCK_ROWS))
        vectors = _tf_idf(block, idf) @ axes
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(
            vectors, length, out=out[start : start + len(vectors), : axes.shape[1]], where=length > 1e-6
        )
    return out


def _tf_idf(found: Any, idf: np.ndarray) -> Any:
    """Return a CSR matrix of (1 + ln count) idf, rows of length 1; buckets with idf 0 are left out."""
    from scipy.sparse import csr_matrix

    values = (1 + np.log(found.data)) * idf[found.indices]
    rows = np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))
    length = np.sqrt(np.bincount(rows, values.astype(np.float64) ** 2, found.shape[0]))
    values /= np.maximum(length, 1e-12)[rows].astype(np.float32)
    return csr_matrix((values, found.indices, found.indptr), found.shape)


def _singular_vectors(matrix: Any, dimensions: int) -> np.ndarray:
    """Return the leading right singular vectors of a sparse matrix, float32 (columns, <= dimensions)."""
    width = min(dimensions + _OVERSAMPLED, *matrix.shape)
    draw = np.random.default_rng(_SEED).standard_normal((matrix.shape[1], width), dtype=np.float32)
    basis = _orthonormal(matrix @ draw)
    for _ in range(_POWER_ITERATIONS):
        basis = _orthonormal(matrix @ _orthonormal(matrix.T @ basis))
    return _orthonormal(matrix.T @ basis)[:, :dimensions]


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    """Return the left singular vectors of tall float32 columns, strongest first, without those near zero.

    By the eigenvectors of the Gram matrix, summed in float64: many times faster than QR or SVD.
    """
    gram = sum(
        block.T.astype(np.float64) @ block for block in np.array_split(columns, len(columns) // 8192 + 1)
    )
    strength, mixing = np.linalg.eigh(gram)
    kept = (strength > _RANK_TOLERANCE * strength[-1])[::-1]
    directions = (mixing / np.sqrt(np.maximum(strength, 1e-30)))[:, ::-1][:, kept]
    return np.asarray(columns @ directions.astype(np.float32))
