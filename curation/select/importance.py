"""Importance resampling (DSIR; Xie et al., arXiv 2302.03169): rows as if drawn from the texts of a target set."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tilth.shards.errors import SourceError
from tilth.shards.lock import temporary

BUCKETS = 10_000
_SMOOTHING = 1e-8
_SALT = np.uint64(0x64736972)  # "dsir"


def log_weights(texts: pl.Series, target: pl.Series, buckets: int = BUCKETS) -> np.ndarray:
    """Return ln p_target(text) - ln p_raw(text) of each text, float64.

    Both are bags of hashed words and word pairs over `buckets`, estimated from the texts and from the target set.
    """
    from tilth.curation.similarity.features import counts

    raw = counts(texts, buckets)
    ratio = np.log(_shares(counts(target, buckets)) + _SMOOTHING) - np.log(_shares(raw) + _SMOOTHING)
    return np.asarray(raw.astype(np.float64) @ ratio)


def gumbel(row_ids: pl.Series) -> np.ndarray:
    """Return standard Gumbel noise, a function of each row's id alone.

    The k largest of log weight plus noise are a draw of k rows without replacement, proportional to the weights;
    rows that come or go move no other row's noise.
    """
    first = np.frombuffer(b"".join(key[:8] for key in row_ids), np.dtype("<u8")).astype(np.uint64)
    mixed = (first ^ _SALT) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(32)
    uniform = ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    return np.asarray(-np.log(-np.log(uniform)))


def read_target(paths: tuple[str, ...]) -> pl.Series:
    """Return the text of every row of a target set, turns joined by newlines. Raises SourceError."""
    from tilth.curation.reading.limits import ReadLimits
    from tilth.curation.reading.read import ingest
    from tilth.curation.reading.source import Source

    with temporary() as scratch:
        sources = [Source(path=glob.escape(str(Path(path).resolve()))) for path in paths]
        read = ingest(sources, Path("/"), scratch, ReadLimits())
        turns = [
            pl.read_parquet(part.turns, columns=["row_id", "turn", "text"], glob=False) for part in read.parts
        ]
    if not turns:
        raise SourceError(
            ", ".join(paths), "holds no row", "Nothing could be selected by it", "check select.paths"
        )
    return (
        pl.concat(turns)
        .unique(["row_id", "turn"])
        .sort("row_id", "turn")
        .group_by("row_id", maintain_order=True)
        .agg(pl.col("text").str.join("\n"))["text"]
    )


def _shares(found: Any) -> np.ndarray:
    total = np.asarray(found.sum(0, dtype=np.float64)).ravel()
    return np.asarray(total / max(1.0, total.sum()))
