"""Near duplicates by rensa: 128 permutations, 32 bands.

    PYTHONPATH=benchmarks/peers/shared python benchmarks/peers/near_rensa.py TEXTS.jsonl [hashed]

Its bulk calls on byte tokens, the fastest that still says which row a row repeats: pairs with an estimate >= .8, the
shingling in Python included. With `hashed`, its fastest calls of all, and on tokens that were cut and hashed before the
clock starts: which rows share a band with another, not with which.
"""

from __future__ import annotations

import sys
from array import array

from deduplication import read_texts, report, shingles
from rensa import RMinHash, RMinHashLSH

PERMUTATIONS, BANDS, BOUND, BATCH, SEED = 128, 32, 0.8, 10_000, 42


def repeats(texts: list[str]) -> list[tuple[int, int]]:
    """Return (row, kept row) of every row that repeats one that is kept."""
    sketches = []
    for start in range(0, len(texts), BATCH):
        tokens = [shingles(text) for text in texts[start : start + BATCH]]
        sketches += RMinHash.from_token_sets(tokens, PERMUTATIONS, SEED)
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


def hashed(texts: list[str]) -> tuple[array[int], array[int]]:
    """Return the hashes of the tokens of all texts, and where those of each text start and end."""
    tokens, starts = array("Q"), array("Q", [0])
    for start in range(0, len(texts), BATCH):
        for one in RMinHash.hash_token_sets([shingles(text) for text in texts[start : start + BATCH]]):
            tokens.extend(one)
            starts.append(len(tokens))
    return tokens, starts


def flagged(tokens: array[int], starts: array[int]) -> list[int]:
    """Return the rows that share a band with another row."""
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(tokens, starts, PERMUTATIONS, SEED)
    index = RMinHashLSH(BOUND, PERMUTATIONS, BANDS)
    return [row for row, flag in enumerate(index.insert_matrix_and_query_duplicate_flags(matrix)) if flag]


texts = read_texts(sys.argv[1])
if sys.argv[2:] == ["hashed"]:
    tokens, starts = hashed(texts)
    report("rensa", len(texts), lambda rows: flagged(tokens[: starts[rows]], starts[: rows + 1]), "flagged")
else:
    report("rensa", len(texts), lambda rows: repeats(texts[:rows]))
