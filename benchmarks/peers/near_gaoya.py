"""Near duplicates by gaoya: 32 bands of 4, pairs with an estimate >= .8.

    python benchmarks/peers/near_gaoya.py TEXTS.jsonl

Its own tokenizer and its bulk calls, all in Rust.
"""

from __future__ import annotations

import json
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path

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


texts = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
repeats(texts[:100])
started = time.process_time()
found = repeats(texts)
cpu_s = time.process_time() - started
peak_mib = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) >> 10
print(
    json.dumps(
        {
            "version": version("gaoya"),
            "rows": len(texts),
            "cpu_s": cpu_s,
            "peak_mib": peak_mib,
            "repeats": found,
        }
    )
)
