"""Duplicates in meaning by semhash, on vectors made elsewhere.

python benchmarks/peers/semantic_semhash.py TEXTS.jsonl VECTORS.npy BOUND
"""

from __future__ import annotations

import json
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
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


texts = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
vectors, bound = np.load(sys.argv[2]), float(sys.argv[3])
repeats(texts[:100], vectors[:100], bound)
started = time.process_time()
found = repeats(texts, vectors, bound)
cpu_s = time.process_time() - started
peak_mib = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) >> 10
print(
    json.dumps(
        {
            "version": version("semhash"),
            "rows": len(texts),
            "cpu_s": cpu_s,
            "peak_mib": peak_mib,
            "repeats": found,
        }
    )
)
