"""Near duplicates by rensa: 128 permutations, 32 bands, pairs with an estimate >= .8.

    python benchmarks/peers/near_rensa.py TEXTS.jsonl

Its bulk calls on byte tokens, the fastest that still says which row a row repeats.
"""

from __future__ import annotations

import json
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path

from rensa import RMinHash, RMinHashLSH

PERMUTATIONS, BANDS, BOUND, BATCH = 128, 32, 0.8, 10_000
WORDS = re.compile(rb"\w+")


def shingles(text: str) -> set[bytes]:
    words = WORDS.findall(text.lower().encode())
    return {b" ".join(words[i : i + 5]) for i in range(max(1, len(words) - 4))}


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


texts = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
repeats(texts[:100])
started = time.process_time()
found = repeats(texts)
cpu_s = time.process_time() - started
peak_mib = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) >> 10
print(
    json.dumps(
        {
            "version": version("rensa"),
            "rows": len(texts),
            "cpu_s": cpu_s,
            "peak_mib": peak_mib,
            "repeats": found,
        }
    )
)
