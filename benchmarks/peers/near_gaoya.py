"""Near duplicates by gaoya: 32 bands of 4, pairs with an estimate >= .8.

    PYTHONPATH=benchmarks/peers/shared python benchmarks/peers/near_gaoya.py TEXTS.jsonl

Its own tokenizer and its bulk calls, all in Rust.
"""

from __future__ import annotations

import sys

from deduplication import read_texts, report
from gaoya.minhash import MinHashStringIndex

BANDS, ROWS, BOUND = 32, 4, 0.8


def repeats(texts: list[str]) -> list[tuple[int, int]]:
    """Return (row, kept row) of every row that repeats one that is kept."""
    index = MinHashStringIndex(32, BOUND, BANDS, ROWS, None, "word", True, (5, 5), "smallvec")
    index.par_bulk_insert_docs(list(range(len(texts))), texts)
    found, gone = [], set()
    for row, similar in enumerate(index.par_bulk_query(texts)):
        others = [other for other in similar if other < row and other not in gone]
        if others:
            found.append((row, min(others)))
            gone.add(row)
    return found


texts = read_texts(sys.argv[1])
report("gaoya", len(texts), lambda rows: repeats(texts[:rows]))
