"""Duplicates in meaning by semhash, on vectors made elsewhere.

PYTHONPATH=benchmarks/peers/shared python benchmarks/peers/semantic_semhash.py TEXTS.jsonl VECTORS.npy BOUND
"""

from __future__ import annotations

import sys

import numpy as np
from deduplication import read_texts, report
from semhash import SemHash


class Given:
    """The encoder that semhash asks for; the vectors are there already."""

    def encode(self, inputs: list[str], **_: object) -> np.ndarray:
        raise LookupError("vectors are given")


def repeats(texts: list[str], vectors: np.ndarray, bound: float) -> list[tuple[int, list[int]]]:
    """Return every row that is out, with the rows it is said to repeat."""
    place = {text: i for i, text in enumerate(texts)}
    index = SemHash.from_embeddings(vectors, texts, model=Given())
    found = index.self_deduplicate(threshold=bound).filtered
    return [(place[one.record], [place[other] for other, _ in one.duplicates]) for one in found]


texts = read_texts(sys.argv[1])
vectors, bound = np.load(sys.argv[2]), float(sys.argv[3])
report("semhash", len(texts), lambda rows: repeats(texts[:rows], vectors[:rows], bound))
