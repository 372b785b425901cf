"""Near duplicates by rensa: 128 permutations, 32 bands, pairs with an estimate >= .8.

    PYTHONPATH=benchmarks/peers/shared python benchmarks/peers/near_rensa.py TEXTS.jsonl

Its bulk calls on byte tokens, the fastest that still says which row a row repeats.
"""

from __future__ import annotations

import sys

from deduplication import read_texts, report, shingles
from rensa import RMinHash, RMinHashLSH

PERMUTATIONS, BANDS, BOUND, BATCH = 128, 32, 0.8, 10_000


def repeats(texts: list[str]) -> list[tuple[int, int]]:
    """Return (row, kept row) of every row that repeats one that is kept."""
    sketches = []
    for start in range(0, len(texts), BATCH):
        tokens = [shingles(text) for text in texts[start : start + BATCH]]
        sketches += RMinHash.from_token_sets(tokens, PERMUTATIONS, 42)
    index = RMinHashLSH(BOUND, PERMUTATIONS, BANDS)
    index.insert_many(sketches)
    found, gone = [], set()
    for row, candidates in enumerate(index.query_all(sketches)):
        for other in sorted(candidates):
            if other >= row:
                break
            if other not in gone and sketches[row].jaccard(sketches[other]) >= BOUND:
                found.append((row, other))
                gone.add(row)
                break
    return found


texts = read_texts(sys.argv[1])
report("rensa", len(texts), lambda rows: repeats(texts[:rows]))
