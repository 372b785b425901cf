"""Which rows ask alike, and how hard what they ask is for the model.

A row is told by the tokens of its question: TF-IDF (Spärck Jones, 1972), brought down to a few dimensions by a
random projection (Johnson and Lindenstrauss, 1984), compared by cosine. Its neighbours' scores say what to expect
of it, whatever its own answer is.
"""

from __future__ import annotations

import numpy as np

DIMENSIONS = 128
NEIGHBOURS = 20
MAX_REFERENCES = 4096  # rows that neighbours are looked for among
CHUNK_ROWS = 2048


def difficulty(questions: list[np.ndarray], scores: np.ndarray) -> np.ndarray:
    """Return the mean score of the NEIGHBOURS rows that ask most alike, each row's own left out.

    questions: the token ids of each question, (tokens,) each; scores: (rows,), of the first of them: what comes
    after has no score of its own. Returns (questions,).
    """
    vectors = _vectors(questions)
    references = np.linspace(0, len(scores) - 1, min(len(scores), MAX_REFERENCES)).astype(int)
    count = min(NEIGHBOURS, len(references) - 1)
    if count < 1:
        return np.full(len(questions), scores.mean() if len(scores) else 0.0)
    means = np.empty(len(questions))
    for start in range(0, len(questions), CHUNK_ROWS):
        rows = np.arange(start, min(start + CHUNK_ROWS, len(questions)))
        alike = vectors[rows] @ vectors[references].T
        alike[rows[:, None] == references[None, :]] = -np.inf
        nearest = np.argpartition(-alike, count - 1, axis=1)[:, :count]
        means[rows] = scores[references[nearest]].mean(axis=1)
    return means


def _vectors(questions: list[np.ndarray]) -> np.ndarray:
    """Return a vector of length 1 for each question, zeros for one without tokens: float32 (rows, DIMENSIONS)."""
    from scipy.sparse import csr_matrix

    starts = np.concatenate([[0], np.cumsum([len(question) for question in questions])])
    tokens = np.concatenate(questions) if starts[-1] else np.zeros(0, dtype=np.int32)
    vocabulary, columns = np.unique(tokens, return_inverse=True)
    shape = (len(questions), len(vocabulary))
    counts = csr_matrix((np.ones(len(tokens), dtype=np.float32), columns, starts), shape=shape)
    counts.sum_duplicates()
    counts.data = 1 + np.log(counts.data)
    in_rows = np.bincount(counts.indices, minlength=len(vocabulary))
    rarity = np.log((len(questions) + 1) / (in_rows + 1)).astype(np.float32)
    directions = np.random.default_rng(0).standard_normal((len(vocabulary), DIMENSIONS), dtype=np.float32)
    vectors = counts @ (directions * rarity[:, None])
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
