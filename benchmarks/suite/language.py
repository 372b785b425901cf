"""Language identification beside langdetect."""

from __future__ import annotations

from typing import Any

import polars as pl

from benchmarks.record import cpu_seconds
from benchmarks.sample import sample_texts
from tilth.curation.language import identify

LANGDETECT_DOCS = 400
REPEATS = 20


def measure() -> dict[str, Any]:
    """Return documents a CPU-second of our kernel and of langdetect, and how often they agree."""
    from langdetect import DetectorFactory, detect

    texts = sample_texts()
    identify(texts.head(10))
    many = pl.concat([texts] * REPEATS)
    ours = len(many) / cpu_seconds(lambda: identify(many))
    few = texts.head(LANGDETECT_DOCS)
    DetectorFactory.seed = 0
    theirs: list[str] = []
    seconds = cpu_seconds(lambda: theirs.extend(detect(text) for text in few))
    found = identify(few)["language"].to_list()
    said = [(a, b) for a, b in zip(found, theirs) if a != "unknown"]
    return {
        "docs_per_cpu_s": round(ours),
        "langdetect_docs_per_cpu_s": round(len(few) / seconds),
        "agreement_where_known": round(sum(a == b for a, b in said) / len(said), 4),
        "known_share": round(len(said) / len(found), 4),
    }
