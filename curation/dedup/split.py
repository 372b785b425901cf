"""Which rows are held out: by hash, so that a row's side never changes when rows come or go."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
import polars as pl

from tilth.curation.dedup.split_family import (
    COMMON_ROWS,
    SplitFamily,
    best_salt,
    common_shingles,
    edges,
    mixed,
)
from tilth.curation.stage import Count, Phase, Share, Texts, limit, stage
from tilth.shards.errors import RecipeError
from tilth.shards.tables import FOLDS, SPLIT, Role, Split

if TYPE_CHECKING:
    from tilth.curation.similarity.sets import Sets

KEY_SHINGLE = 5
MAX_HELD_OUT = 0.15
CLUMP_SHARE = 0.05  # of the rows with one key, from which on the words that many rows share do not count
_FIELDS = ("first", "second", "whole")  # where words of its own are looked for, in this order
_FOLD_SALT = np.uint64(0x666F6C64)  # "fold"


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
    5-grams, so that near-equal prompts mostly fall on the same side. Words that the family of versions
    leaves out (split_family.py) do not count; a row that has no others is keyed by its second user turn, so
    that a chat and its beginning stay together, or by all that stands before its last response. feedback,
    promotion, final: shares of the rows; together at most 15 %. Shares are bounds on the hash: raising one
    moves rows out of train, so lower none once a version is trained. min_rows: see `split_plan`. family:
    another number starts a new family of versions, whose rows may change sides.
    """

    feedback: Share = limit(0.02)
    promotion: Share = limit(0.02)
    final: Share = limit(0.02)
    min_rows: Count = limit(200)
    family: Count = limit(0)

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

    def asked(self) -> dict[str, float]:
        """Return the share of the rows that each held-out split is to have, in the order of the draws."""
        return {
            Split.FINAL.value: self.final,
            Split.PROMOTION.value: self.promotion,
            Split.FEEDBACK.value: self.feedback,
        }

    def evidence(self, rows: pl.DataFrame, texts: Texts) -> pl.DataFrame:
        """Return row_id, split_key (UInt64), whether it is of a group, and what a family makes keys from.

        first, second, whole: shingles of the first and of the second user turn, null where there is none, and of all
        before the last response, null where that is the first. whole_key: a fingerprint of the latter.
        """
        from tilth.curation.similarity.sets import Sets
        from tilth.curation.similarity.shingles import as_arrays, describe

        ids = rows["row_id"]
        firsts, prompts = texts.first_prompts(ids), texts.prompts(ids)
        if (firsts == "").any() or (prompts == "").any():
            responses = texts.responses(ids)
            firsts, prompts = (said.zip_with(said != "", responses) for said in (firsts, prompts))
        is_other = firsts != prompts
        others = pl.select(pl.when(is_other).then(prompts)).to_series()
        first, whole = describe(firsts, KEY_SHINGLE), describe(others, KEY_SHINGLE)
        values, offsets = as_arrays(first["shingles"])
        least = pl.Series(_least(Sets(values, offsets[:-1], offsets[1:])))
        group = _hashes(rows["group"])
        return pl.DataFrame({"row_id": ids, "is_group": group.is_not_null()}).with_columns(
            split_key=pl.select(pl.coalesce(group, least)).to_series(),
            first=first["shingles"],
            second=_second_turns(ids, texts),
            whole=pl.select(pl.when(is_other).then(whole["shingles"])).to_series(),
            whole_key=whole["low"].zip_with(is_other, first["low"]),
        )

    def fit(self, rows: pl.DataFrame, evidence: pl.DataFrame) -> SplitFamily:
        """Return the family that meets the shares on these rows: nothing left out and no salt where that does.

        Rows of equal text count once, as duplicates go.
        """
        texts = rows.unique("text_digest", keep="first", maintain_order=True).select("row_id")
        evidence = evidence.join(texts, on="row_id", how="semi", maintain_order="left")
        common = self._shared_by_many(evidence)
        keys, counts = np.unique(_keys(evidence, common), return_counts=True)
        shares = self._shares(self.plan(rows.height).merged)
        return best_salt(keys, counts, shares, SplitFamily(self.family, common=common))

    def decide(self, rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        """Return split and fold of every row, in a family that leaves nothing out."""
        return self.decide_in(SplitFamily(), rows, evidence)

    def decide_in(self, family: SplitFamily, rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        """Return split and fold of every row."""
        columns = evidence.columns if family.common else ["row_id", "split_key"]
        evidence = evidence.select(columns).join(
            rows.select("row_id"), on="row_id", how="semi", maintain_order="left"
        )
        keys = _keys(evidence, family.common)
        draws = family.draws(keys)
        split = np.full(keys.size, Split.TRAIN.value, dtype=object)
        for name, (low, high) in edges(self._shares(self.plan(rows.height).merged)).items():
            split[(draws >= low) & (draws < high)] = name
        fold = pl.Series(mixed(keys ^ _FOLD_SALT) % np.uint64(FOLDS)).cast(pl.UInt8)
        return evidence.select("row_id", split=pl.Series(split, dtype=pl.String).cast(SPLIT), fold=fold)

    def _shares(self, merged: bool) -> dict[str, float]:
        """Return the shares in the order of the draws; while merged, promotion's are feedback's."""
        asked = self.asked()
        if merged:
            asked[Split.FEEDBACK.value] += asked.pop(Split.PROMOTION.value)
        return asked

    def _shared_by_many(self, evidence: pl.DataFrame) -> tuple[int, ...]:
        """Return the shingles that many rows share, if these give many rows one key."""
        rows = evidence.filter(~pl.col("is_group"))
        if _largest(rows["split_key"]) < max(COMMON_ROWS, CLUMP_SHARE * evidence.height):
            return ()
        fields = rows.select(pl.coalesce(name, "first") for name in _FIELDS)
        return tuple(sorted(set().union(*map(common_shingles, fields))))


def _largest(keys: pl.Series) -> int:
    """Return how many rows the most frequent key has."""
    return cast(int, keys.value_counts()["count"].max() or 0)


def _keys(evidence: pl.DataFrame, common: tuple[int, ...]) -> np.ndarray:
    """Return the split key of every row (UInt64), shingles of `common` left out unless the row has a group."""
    from tilth.curation.similarity.sets import in_place

    if not common:
        return evidence["split_key"].to_numpy()
    key, is_set = evidence["split_key"].to_numpy().copy(), evidence["is_group"].to_numpy().copy()
    for sets in in_place(*(evidence[name] for name in _FIELDS)):
        least = _least(sets.without(np.array(common, np.uint32)))
        key = np.where(is_set | (least == 0), key, least)
        is_set |= least != 0
    return np.where(is_set, key, evidence["whole_key"].to_numpy())


def _least(sets: Sets) -> np.ndarray:
    """Return the least mixed shingle of sets that follow each other: equal for two with probability their Jaccard.

    0 stands for an empty one.
    """
    out = np.zeros(sets.starts.size, np.uint64)
    filled = sets.ends > sets.starts
    if filled.any():
        out[filled] = np.minimum.reduceat(mixed(sets.values.astype(np.uint64)), sets.starts[filled])
    return out


def _second_turns(ids: pl.Series, texts: Texts) -> pl.Series:
    """Return the shingles of the second user turn of each row, null where there is none."""
    from tilth.curation.similarity.shingles import describe

    asked = texts.turns().filter(pl.col("role").cast(pl.String) == Role.USER.value).collect()
    second = asked.group_by("row_id", maintain_order=True).agg(pl.col("text").get(1, null_on_oob=True))
    found = pl.DataFrame({"row_id": ids}).join(second, on="row_id", how="left", maintain_order="left")["text"]
    shingles = describe(found, KEY_SHINGLE)["shingles"]
    return pl.select(pl.when(found.is_not_null()).then(shingles)).to_series()


def _hashes(groups: pl.Series) -> pl.Series:
    """Return a hash of each group (UInt64), null where there is none."""
    hashed = {group: _hash(group) for group in groups.drop_nulls().unique()}
    if not hashed:
        return pl.Series([None], dtype=pl.UInt64).new_from_index(0, groups.len())
    return groups.replace_strict(hashed, default=None, return_dtype=pl.UInt64)


def _hash(group: str) -> int:
    return int.from_bytes(hashlib.blake2b(group.encode(), digest_size=8).digest(), "big")
