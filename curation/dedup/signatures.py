"""MinHash signatures as datasketch makes them, so that an index built with it serves, and the other way round.

    shingles: runs of words joined by one blank, as UTF-8; a shorter text is one shingle
    hash:     the first 4 bytes of its SHA-1, little-endian (datasketch's sha1_hash32)
    affine32: min over shingles of a * fmix32(hash) + b mod 2^32 (datasketch from 2.0 on)
    legacy:   min over shingles of (a * hash + b mod 2^64) mod (2^61 - 1), the lower 32 bits (before 2.0)

a and b come from numpy's RandomState(seed), drawn in datasketch's order. Words are those of shingles.py.
"""

# mypy: allow-untyped-defs
# (numba infers the types of the kernels; whatever else may call is annotated)

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from datasketch import MinHash

Scheme = Literal["affine32", "legacy"]
_MERSENNE = (1 << 61) - 1


def signatures(
    texts: pl.Series,
    *,
    permutations: int = 128,
    seed: int = 1,
    scheme: Scheme = "affine32",
    shingle_words: int = 5,
) -> np.ndarray:
    """Return the signature of each text, UInt32 (texts, permutations); of a text without a word, all ones.

    Equal to `MinHash(permutations, seed, scheme=scheme)` updated with `shingle_bytes` of the text.

    >>> one = MinHash(128, seed=1)                                                        # doctest: +SKIP
    >>> one.update_batch(shingle_bytes("how tall is the old tower of Pisa"))              # doctest: +SKIP
    >>> (signatures(pl.Series(["how tall is the old tower of Pisa"]))[0] == one.hashvalues).all()  # doctest: +SKIP
    True
    """
    from tilth.curation.similarity.minhash import write_signatures
    from tilth.curation.similarity.shingles import batches, buffers

    if permutations < 1 or shingle_words < 1:
        raise ValueError("permutations and shingle_words must be at least 1")
    a, b = _permutations(permutations, seed, scheme)
    out = np.full((texts.len(), permutations), 0xFFFFFFFF, np.uint32)
    done = 0
    for batch in batches(texts):
        if batch.len():
            data, offsets = buffers(batch)
            write_signatures(data, offsets, shingle_words, a, b, scheme == "legacy", out[done:])
        done += batch.len()
    return out


def shingle_bytes(text: str, shingle_words: int = 5) -> list[bytes]:
    """Return the shingles of one text as `signatures` hashes them, to update a MinHash of datasketch with."""
    from tilth.curation.similarity.spans import words_of

    words: list[str] = []
    while not words or words[-1]:
        words.append(words_of(text.lower(), len(words), 1))
    words = words[:-1]
    runs = range(max(1, len(words) - shingle_words + 1)) if words else range(0)
    return [" ".join(words[i : i + shingle_words]).encode() for i in runs]


def to_datasketch(signature: np.ndarray, *, seed: int = 1, scheme: Scheme = "affine32") -> MinHash:
    """Return a signature as a MinHash of datasketch 2.0 or later, to query or fill an index with.

    >>> index.query(to_datasketch(signatures(texts)[0]))  # an index of yours  # doctest: +SKIP
    """
    from datasketch import MinHash

    values = signature.astype(np.uint64 if scheme == "legacy" else np.uint32)
    return MinHash(seed=seed, hashvalues=values, scheme=scheme)


def from_datasketch(sketch: MinHash) -> np.ndarray:
    """Return the signature of a MinHash (UInt32), comparable with those of the same seed and scheme."""
    return np.asarray(sketch.hashvalues).astype(np.uint32)


def similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the estimated Jaccard similarity of signatures, row by row: the share of equal values."""
    return np.asarray((a == b).mean(axis=-1), np.float64)


def _permutations(n: int, seed: int, scheme: Scheme) -> tuple[np.ndarray, np.ndarray]:
    """Return a and b (UInt64) as datasketch draws them."""
    draw = np.random.RandomState(seed)
    if scheme == "legacy":
        pairs = [
            (draw.randint(1, _MERSENNE, dtype=np.uint64), draw.randint(0, _MERSENNE, dtype=np.uint64))
            for _ in range(n)
        ]
        a, b = np.array(pairs, np.uint64).T
        return np.ascontiguousarray(a), np.ascontiguousarray(b)
    a = draw.randint(0, 1 << 31, n, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return a.astype(np.uint64), draw.randint(0, 1 << 32, n, dtype=np.uint32).astype(np.uint64)
