"""Texts like a given one among millions: MinHash signatures cut into bands, as datasketch cuts them, in sorted files.

A band is `rows` values of a signature; two texts are candidates of each other if they agree in a band. Of Jaccard
similarity s they do with probability 1 - (1 - s^rows)^bands (Leskovec, Rajaraman and Ullman, Mining of Massive
Datasets, 3.4.2). Signatures and bands are those of datasketch's MinHashLSH(params=(bands, rows)); instead of its table
in memory the bands lie in a file, hashed to 64 bits and sorted, which is mapped and searched.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from tilth.curation.dedup.signatures import signatures
from tilth.curation.dedup.split_family import mixed

MIN_RECALL = 0.99
MAX_PERMUTATIONS = 64
_BASIS, _PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)
INDEX = pl.Schema({"key": pl.UInt64(), "entry": pl.UInt32()})


def bands_of(jaccard: float, recall: float = MIN_RECALL) -> tuple[int, int]:
    """Return the number of bands and the rows of each by which texts of this similarity are found.

    The most rows, which give the fewest candidates, that meet `recall` within MAX_PERMUTATIONS values.
    Raises ValueError for a similarity that none meet.

    >>> bands_of(0.8)
    (12, 5)
    """
    for rows in range(MAX_PERMUTATIONS, 0, -1):
        alike = jaccard**rows
        bands = 1 if alike >= 1 else math.ceil(math.log(1 - recall) / math.log1p(-alike)) if alike > 0 else 0
        if bands > 0 and bands * rows <= MAX_PERMUTATIONS:
            return bands, rows
    raise ValueError(f"texts of a similarity of {jaccard} cannot be found by {MAX_PERMUTATIONS} values")


def keys(texts: pl.Series, bands: int, rows: int) -> np.ndarray:
    """Return the keys of the bands of each text, UInt64 (texts, bands); all 0 of a text without a word."""
    values = signatures(texts, permutations=bands * rows).astype(np.uint64)
    out = np.empty((texts.len(), bands), np.uint64)
    for band in range(bands):
        hashed = np.full(texts.len(), _BASIS ^ np.uint64(band))
        for row in range(rows):
            hashed = mixed((hashed ^ values[:, band * rows + row]) * _PRIME)
        out[:, band] = hashed
    out[(values == 0xFFFFFFFF).all(axis=1)] = 0
    return out


def index_of(texts: pl.Series, bands: int, rows: int) -> pl.DataFrame:
    """Return the bands of all texts (schema INDEX, ordered by key); `entry` is the number of the text."""
    found = keys(texts, bands, rows)
    entries = np.repeat(np.arange(texts.len(), dtype=np.uint32), bands)
    frame = pl.DataFrame({"key": found.ravel(), "entry": entries}, schema=INDEX)
    return frame.filter(pl.col("key") != 0).sort("key", "entry")


def candidates(index: pl.DataFrame, wanted: np.ndarray) -> list[np.ndarray]:
    """Return, for each text of which `wanted` has the keys, the entries of an index that agree with it in a band."""
    held, entries = index["key"].to_numpy(), index["entry"].to_numpy()
    first, last = (np.searchsorted(held, wanted, side) for side in ("left", "right"))
    return [
        np.unique(np.concatenate([entries[a:b] for a, b in zip(*bounds)]))
        for bounds in zip(first.tolist(), last.tolist())
    ]
