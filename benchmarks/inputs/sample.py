"""Texts to measure on: the bundled sample, and public sets for those who have them."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from tilth.workbench.running.demo import prepare_sample

# A folder of public sets (sft/, langid/, near_dup/, contamination/, quality/); benchmarks that need it skip without.
REAL = Path(os.environ["TILTH_REAL_DATA"]) if os.environ.get("TILTH_REAL_DATA") else None


def sample_texts() -> pl.Series:
    """Return the user turns of the bundled conversations."""
    from tilth.curation.reading.limits import ReadLimits
    from tilth.curation.reading.read import ingest
    from tilth.curation.reading.source import Source

    with TemporaryDirectory() as folder:
        recipe = prepare_sample(Path(folder) / "demo")
        source = Source(path="sources/conversations.jsonl")
        read = ingest([source], recipe.parent, Path(folder) / "read", ReadLimits())
        turns = pl.concat([pl.read_parquet(part.turns) for part in read.parts])
    return turns.filter(pl.col("role").cast(pl.String) == "user")["text"]


def read_real(name: str) -> pl.DataFrame | None:
    """Return a set of the folder (`sft/sft_mix.jsonl.zst`) as a frame, or None without the folder."""
    if REAL is None:
        return None
    import zstandard

    with (REAL / name).open("rb") as stored:
        return pl.read_ndjson(
            zstandard.ZstdDecompressor().stream_reader(stored).read(), infer_schema_length=None
        )
