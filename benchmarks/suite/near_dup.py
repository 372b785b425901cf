"""Near-duplicates beside datasketch."""

from __future__ import annotations

from typing import Any

import polars as pl

from benchmarks.record import cpu_seconds
from benchmarks.sample import sample_texts
from tilth.curation.dedup.near import Dedup

DATASKETCH_DOCS = 2_000


class Documents:
    """The texts of a benchmark as a barrier asks for them: a document is its own prompt."""

    def __init__(self, texts: pl.Series) -> None:
        self.texts = texts

    def turns(self) -> pl.LazyFrame:
        """No barrier measured here asks for turns."""
        raise LookupError("turns")

    def prompts(self, row_ids: pl.Series) -> pl.Series:
        """Documents have no prompt."""
        return self.texts.new_from_index(0, 0).extend_constant("", len(row_ids))

    def first_prompts(self, row_ids: pl.Series) -> pl.Series:
        """The document."""
        return self.texts

    def responses(self, row_ids: pl.Series) -> pl.Series:
        """The document."""
        return self.texts


def measure() -> dict[str, Any]:
    """Return rows a CPU-second of our pass (exact, witnesses kept) and of datasketch's MinHash LSH (estimates)."""
    from datasketch import MinHash, MinHashLSH

    texts = sample_texts()
    rows = pl.DataFrame({"row_id": [n.to_bytes(16, "big") for n in range(len(texts))]}).with_columns(
        split=pl.lit("train")
    )
    stage, documents = Dedup(max_cluster=1.0), Documents(texts)

    def ours() -> None:
        stage.decide(rows, stage.evidence(rows, documents))

    few = texts.head(DATASKETCH_DOCS)

    def theirs() -> None:
        lsh = MinHashLSH(num_perm=128, params=(32, 4))
        for number, text in enumerate(few):
            words = text.split()
            sketch = MinHash(num_perm=128)
            sketch.update_batch([" ".join(words[i : i + 5]).encode() for i in range(max(1, len(words) - 4))])
            lsh.query(sketch)
            lsh.insert(str(number), sketch)

    ours()
    return {
        "rows_per_cpu_s": round(len(texts) / cpu_seconds(ours)),
        "datasketch_rows_per_cpu_s": round(len(few) / cpu_seconds(theirs)),
    }
