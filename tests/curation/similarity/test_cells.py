"""Cells: near-equal vectors find each other, whatever the number of cells; witnesses are kept."""

from __future__ import annotations

import numpy as np
import polars as pl

from tilth.curation.dedup import semantic_duplicates
from tilth.curation.similarity.cells import CELL_ROWS, PROBES, cells
from tilth.curation.similarity.lexical import DIMENSIONS, SCALE, quantized, vectors, word_counts


def planted(rows: int) -> np.ndarray:
    """Return vectors around a few topics; the second half are the first half with a little noise."""
    rng = np.random.default_rng(5)
    topics = rng.standard_normal((12, 32))
    own = topics[rng.integers(0, 12, rows // 2)] + 0.7 * rng.standard_normal((rows // 2, 32))
    return np.concatenate([own, own + 0.1 * rng.standard_normal(own.shape)]).astype(np.float32)


def test_near_equal_vectors_share_a_cell() -> None:
    made = quantized(planted(6000))
    found = cells(made)
    assert found.shape == (6000, PROBES)
    assert np.unique(found[:, 0]).size <= 6000 // CELL_ROWS
    assert (np.sort(found, axis=1)[:, 1:] > np.sort(found, axis=1)[:, :-1]).all()
    assert (found[3000:] == found[:3000, :1]).any(axis=1).mean() > 0.99
    assert (cells(made) == found).all()
    assert cells(made[:1500]).shape == (1500, 1)


def test_every_drop_among_thousands_has_a_kept_witness_within_the_bound() -> None:
    given = planted(6000)
    texts = pl.Series([f"this is text number {i} and it says a thing" for i in range(6000)])
    found = semantic_duplicates(texts, cosine=0.95, vectors=given, keep_siblings=False)
    assert 2900 < found.height < 4500
    repeats = set(found["index"])
    unit = given / np.linalg.norm(given, axis=1, keepdims=True)
    for index, witness, similarity in found.iter_rows():
        assert witness not in repeats
        assert abs(float(unit[index] @ unit[witness]) - similarity) < 1e-4
        assert similarity >= 0.95


def test_cosines_of_sketches_are_those_of_all_words() -> None:
    rng = np.random.default_rng(1)
    words = [f"w{i}" for i in range(400)]
    base = [" ".join(rng.choice(words, 80)) for _ in range(40)]
    texts = pl.Series(base + [text + " " + " ".join(rng.choice(words, 4)) for text in base])
    made = vectors(word_counts(texts)).astype(np.float64) / SCALE
    assert made.shape == (80, DIMENSIONS)
    near = (made[:40] * made[40:]).sum(1)
    assert near.min() > 0.85
    others = made[:40] @ made[:40].T
    assert np.abs(others[~np.eye(40, dtype=bool)]).max() < 0.5


def test_nothing_has_no_cells() -> None:
    assert cells(np.zeros((0, 4), np.int16)).shape == (0, 1)
    assert not vectors(word_counts(pl.Series(["", "..."]))).any()
