"""Near duplicates by datasketch: 128 permutations, 32 bands, pairs with an estimate >= .8.

    PYTHONPATH=benchmarks/peers/shared python benchmarks/peers/near_datasketch.py TEXTS.jsonl

One batch a text, the default hash.
"""

from __future__ import annotations

import sys

from datasketch import MinHash, MinHashLSH
from deduplication import read_texts, report, shingles

PERMUTATIONS, BANDS, ROWS, BOUND = 128, 32, 4, 0.8


def repeats(texts: list[str]) -> list[tuple[int, int]]:
    """Return (row, kept row) of every row that repeats one that is kept."""
    index = MinHashLSH(params=(BANDS, ROWS), num_perm=PERMUTATIONS)
    sketches: dict[int, MinHash] = {}
    found = []
    for row, text in enumerate(texts):
        sketch = MinHash(PERMUTATIONS)
        sketch.update_batch(shingles(text))
        similar = [other for other in index.query(sketch) if sketches[other].jaccard(sketch) >= BOUND]
        if similar:
            found.append((row, min(similar)))
        else:
            sketches[row] = sketch
            index.insert(row, sketch)
    return found


texts = read_texts(sys.argv[1])
report("datasketch", len(texts), lambda rows: repeats(texts[:rows]))
