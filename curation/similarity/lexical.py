"""How alike texts are by their words: TF-IDF vectors in few dimensions whose cosines are those of all words.

What stands in for a sentence encoder where none is at hand. Counts of hashed words and word pairs
(features.py), weighted (1 + ln count) * idf, are projected on DIMENSIONS sparse random directions
(Achlioptas 2003; Li, Hastie & Church 2006): a cosine c comes out with a standard deviation of
(1 - c^2) / sqrt(DIMENSIONS), .006 at c = .95. A truncated SVD was tried: it pulls texts of one topic together, at
a cosine of .95 thousands of questions about different paragraphs (docs/lab-notes.md).

Vectors are 16-bit integers, so that a cosine is exact over them and the same on every machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DIMENSIONS = 256
FIT_TEXTS = 50_000
SCALE = 32_767  # length of a vector; the sum of products of two stays below 2^30
_NONZERO, _SEED = 4, 0
_BUCKET_BITS = 17
_BLOCK_TEXTS = 50_000


def word_counts(texts: pl.Series) -> pl.Series:
    """Return the words and word pairs of each text (List(UInt32)): a bucket, and above it how often, to 32,767."""
    from tilth.curation.similarity.features import BUCKETS, counts
    from tilth.curation.similarity.shingles import lists_of

    found = counts(texts)
    times = np.minimum(found.data, (1 << 32 - _BUCKET_BITS) - 1).astype(np.uint32)
    assert BUCKETS <= 1 << _BUCKET_BITS
    packed = found.indices.astype(np.uint32) | times << np.uint32(_BUCKET_BITS)
    return lists_of(packed, found.indptr[1:].astype(np.int64))


def vectors(words: pl.Series) -> np.ndarray:
    """Return one vector for each list of `word_counts`, int16 (texts, DIMENSIONS); without a word, zeros.

    idf is counted over all texts, or over FIT_TEXTS of them at equal steps.
    """
    n = words.len()
    out = np.zeros((n, DIMENSIONS), np.int16)
    if not n:
        return out
    fitted = np.unique(np.linspace(0, n - 1, min(n, FIT_TEXTS)).astype(np.int64))
    documents = np.bincount(_unpacked(words.gather(fitted)).indices, minlength=1 << _BUCKET_BITS)
    idf = (np.log((1 + fitted.size) / (1 + documents)) + 1).astype(np.float32)
    directions = _directions()
    for start in range(0, n, _BLOCK_TEXTS):
        block = _unpacked(words.slice(start, _BLOCK_TEXTS))
        block.data = (1 + np.log(block.data)) * idf[block.indices]
        out[start : start + _BLOCK_TEXTS] = quantized((block @ directions).toarray())
    return out


def quantized(vectors: np.ndarray) -> np.ndarray:
    """Return vectors of any length as int16 vectors of length SCALE; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, length, out=np.zeros(vectors.shape, np.float32), where=length > 1e-9)
    return np.rint(unit * SCALE).astype(np.int16)


def _unpacked(words: pl.Series) -> csr_matrix:
    """Return counts, a sparse float32 (texts, buckets)."""
    from scipy.sparse import csr_matrix

    from tilth.curation.similarity.shingles import as_arrays

    packed, offsets = as_arrays(words)
    times = (packed >> np.uint32(_BUCKET_BITS)).astype(np.float32)
    buckets = (packed & np.uint32((1 << _BUCKET_BITS) - 1)).astype(np.int32)
    return csr_matrix((times, buckets, offsets), (words.len(), 1 << _BUCKET_BITS))


def _directions() -> csr_matrix:
    """Return the random directions of every bucket, a sparse (buckets, DIMENSIONS), _NONZERO signs in each."""
    from scipy.sparse import csr_matrix

    draw = np.random.default_rng(_SEED)
    places = draw.integers(0, DIMENSIONS, _NONZERO << _BUCKET_BITS, np.int32)
    signs = (draw.integers(0, 2, places.size) * 2 - 1).astype(np.float32)
    starts = np.arange(0, places.size + 1, _NONZERO)
    return csr_matrix((signs, places, starts), (1 << _BUCKET_BITS, DIMENSIONS))
