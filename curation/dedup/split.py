"""Which rows are held out: by hash, so that a row's side never changes when rows come or go."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from tilth.curation.stage import Count, Phase, Share, Texts, limit, stage
from tilth.shards.errors import RecipeError
from tilth.shards.tables import FOLDS, SPLIT, Split

KEY_SHINGLE = 5
MAX_HELD_OUT = 0.15
_SPLIT_SALT, _FOLD_SALT = np.uint64(0x73706C6974), np.uint64(0x666F6C64)  # "split", "fold"


@dataclass(frozen=True)
class SplitPlan:
    """How many of `n` rows each held-out split may expect, and whether feedback and promotion are one.

    While merged, the rows that will be `promotion` once there are enough are `feedback`: they are held out
    from the first version on, so that no row that was once held out ever enters train.
    """

    feedback: int
    promotion: int
    final: int
    merged: bool
    note: str


def split_plan(n: int, *, feedback: float, promotion: float, final: float, min_rows: int = 200) -> SplitPlan:
    """Plan the held-out splits of `n` rows from their shares.

    Where feedback or promotion would have fewer than `min_rows` rows, they are merged: evaluation rows are
    then too few to tell versions apart, and pushback should only propose.
    """
    expected = [round(n * share) for share in (feedback, promotion, final)]
    merged = promotion > 0 and min(expected[:2]) < min_rows
    note = ""
    if merged:
        note = (
            f"{n:,} rows give {expected[0]:,} feedback and {expected[1]:,} promotion rows; under "
            f"{min_rows:,} each they are one split (feedback) and feedback from training only proposes"
        )
        expected = [expected[0] + expected[1], 0, expected[2]]
    return SplitPlan(expected[0], expected[1], expected[2], merged, note)


@stage("split")
@dataclass(frozen=True)
class Splits:
    """Assign a split and one of 40 folds from a hash of the row's key.

    The key is the declared group (conversation or source id), else the min-hash of the first prompt's word
    5-grams, so that near-equal prompts mostly fall on the same side. feedback, promotion, final: shares of
    the rows; together at most 15 %. Shares are bounds on the hash: raising one moves rows out of train, so
    lower none once a version is trained. min_rows: see `split_plan`.
    """

    feedback: Share = limit(0.02)
    promotion: Share = limit(0.02)
    final: Share = limit(0.02)
    min_rows: Count = limit(200)

    phase: ClassVar[Phase] = Phase.SPLIT
    row_local: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Raise RecipeError if the shares are negative or hold out too much."""
        shares = (self.feedback, self.promotion, self.final)
        if min(shares) < 0 or sum(shares) > MAX_HELD_OUT + 1e-9:
            raise RecipeError(
                ("curation", "split"),
                f"feedback, promotion and final add up to {sum(shares):g}",
                f"use shares of 0 or more that add up to at most {MAX_HELD_OUT:g}",
            )

    def plan(self, n: int) -> SplitPlan:
        """Return what these shares make of `n` rows."""
        return split_plan(
            n, feedback=self.feedback, promotion=self.promotion, final=self.final, min_rows=self.min_rows
        )

    def evidence(self, rows: pl.DataFrame, texts: Texts) -> pl.DataFrame:
        """Return row_id and its split key (UInt64)."""
        ids = rows["row_id"]
        prompts = texts.first_prompts(ids)
        if (prompts == "").any():
            prompts = prompts.zip_with(prompts != "", texts.responses(ids))
        keys = pl.DataFrame({"row_id": ids, "group": rows["group"], "min_hash": _min_hashes(prompts)})
        groups = keys["group"].drop_nulls().unique().sort()
        hashed = pl.DataFrame(
            {"group": groups, "hash": pl.Series([_hash(g) for g in groups], dtype=pl.UInt64)}
        )
        return keys.join(hashed, on="group", how="left", maintain_order="left").select(
            "row_id", split_key=pl.coalesce("hash", "min_hash")
        )

    def decide(self, rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        """Return split and fold of every row."""
        evidence = evidence.join(rows.select("row_id"), on="row_id", how="semi", maintain_order="left")
        keys = evidence["split_key"].to_numpy()
        draw = pl.Series(_mixed(keys ^ _SPLIT_SALT) >> np.uint64(11)) / 2.0**53
        promotion = Split.FEEDBACK if self.plan(rows.height).merged else Split.PROMOTION
        split = (
            pl.when(draw < self.final)
            .then(pl.lit(Split.FINAL.value))
            .when(draw < self.final + self.promotion)
            .then(pl.lit(promotion.value))
            .when(draw < self.final + self.promotion + self.feedback)
            .then(pl.lit(Split.FEEDBACK.value))
            .otherwise(pl.lit(Split.TRAIN.value))
        )
        fold = pl.Series(_mixed(keys ^ _FOLD_SALT) % np.uint64(FOLDS)).cast(pl.UInt8)
        return evidence.select("row_id", split=split.cast(SPLIT), fold=fold)


def _min_hashes(texts: pl.Series) -> pl.Series:
    """Return the least mixed shingle of each text: equal for two texts with probability their Jaccard."""
    from tilth.curation.similarity.shingles import as_arrays, describe

    values, offsets = as_arrays(describe(texts, KEY_SHINGLE)["shingles"])
    out = np.zeros(texts.len(), np.uint64)
    filled = np.diff(offsets) > 0
    if filled.any():
        out[filled] = np.minimum.reduceat(_mixed(values.astype(np.uint64)), offsets[:-1][filled])
    return pl.Series(out)


def _hash(group: str) -> int:
    return int.from_bytes(hashlib.blake2b(group.encode(), digest_size=8).digest(), "big")


def _mixed(keys: np.ndarray) -> np.ndarray:
    """Scatter the bits of 64-bit keys (splitmix64's finalizer)."""
    h = keys + np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))
