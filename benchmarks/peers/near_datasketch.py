"""Near duplicates by datasketch: 128 permutations, 32 bands, pairs with an estimate >= .8.

    python benchmarks/peers/near_datasketch.py TEXTS.jsonl

One batch a text, the default hash.
"""

from __future__ import annotations

import json
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path

from datasketch import MinHash, MinHashLSH

PERMUTATIONS, BANDS, ROWS, BOUND = 128, 32, 4, 0.8
WORDS = re.compile(rb"\w+")


def shingles(text: str) -> set[bytes]:
    words = WORDS.findall(text.lower().encode())
    return {b" ".join(words[i : i + 5]) for i in range(max(1, len(words) - 4))}


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


texts = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
repeats(texts[:100])
started = time.process_time()
found = repeats(texts)
cpu_s = time.process_time() - started
peak_mib = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) >> 10
print(
    json.dumps(
        {
            "version": version("datasketch"),
            "rows": len(texts),
            "cpu_s": cpu_s,
            "peak_mib": peak_mib,
            "repeats": found,
        }
    )
)
