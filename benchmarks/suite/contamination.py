"""Which leaked rows each rule of decontamination finds, by kind of leak, and what it takes of clean rows; the same of
`rewordings`, at several bounds."""

from __future__ import annotations

from typing import Any

import polars as pl

from benchmarks.inputs.sample import read_real
from benchmarks.tools.record import cpu_seconds
from tilth.curation.dedup.contamination import RULES, find
from tilth.curation.similarity.rewording import nearest

# pool -> the column of the evaluation set that a row could hold
POOLS = {"gsm8k": "text", "mbpp": "description"}

COSINES = (0.6, 0.65, 0.7)  # bounds of `rewordings`


def measure() -> dict[str, Any]:
    """Return, for each set and rule, the share of each kind that is found; `none` is the false-positive rate."""
    figures: dict[str, Any] = {}
    for name, column in POOLS.items():
        items = read_real(f"contamination/{name}_eval.jsonl.zst")
        pool = read_real(f"contamination/{name}_train_pool.jsonl.zst")
        if items is None or pool is None:
            return {"skipped": "needs TILTH_REAL_DATA"}
        figures[name] = {"rows": pool["kind"].value_counts(sort=True).rows()} | {
            rule: _by_kind(pool, find(pool["text"], items[column], rule)) for rule in RULES
        }
        cosine = nearest(pool["text"], items[column])["cosine"]
        figures[name]["rewordings"] = {
            str(bound): _by_kind(pool, pl.DataFrame({"index": (cosine >= bound).arg_true()}))
            for bound in COSINES
        }
        find(pool["text"].head(10), items[column], "tilth")
        seconds = cpu_seconds(lambda items=items, pool=pool, column=column: find(pool["text"], items[column]))  # type: ignore[misc]
        figures[name]["rows_per_cpu_s"] = round(pool.height / seconds)
    return figures


def _by_kind(pool: pl.DataFrame, found: pl.DataFrame) -> dict[str, str]:
    """Return found/all of each kind."""
    hit = pl.Series(range(pool.height)).is_in(found["index"].implode())
    counts = pool.select("kind", hit=hit).group_by("kind").agg(pl.col("hit").sum(), n=pl.len()).sort("kind")
    return {kind: f"{hits}/{n}" for kind, hits, n in counts.iter_rows()}
