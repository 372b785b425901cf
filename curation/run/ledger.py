"""The only code that takes a row out: it applies what stages found, first broken rule first.

A stage returns findings and assignments; it never returns fewer rows. Conservation holds because every
distinct row keeps exactly one line here, whatever its verdict.
"""

from __future__ import annotations

import polars as pl

from tilth.shards.retractions import REASON, STAGE
from tilth.shards.tables import (
    DECISIONS,
    FINDINGS,
    SPLIT,
    VALUE_DECIMALS,
    VERDICT,
    WEIGHT_UNIT,
    Split,
    Verdict,
    conform,
    empty,
)

ASSIGNMENTS = ("split", "fold", "weight")
_KEPT = pl.col("verdict") == Verdict.KEEP


def retracted(row_ids: pl.Series, withheld: pl.Series) -> pl.DataFrame:
    """Return the findings (schema FINDINGS) that take out those of these rows that were retracted."""
    named = row_ids.to_frame("row_id").join(withheld.to_frame("row_id"), on="row_id", how="semi")
    return conform(
        named.with_columns(
            verdict=pl.lit(Verdict.DROP.value, VERDICT), stage=pl.lit(STAGE), reason=pl.lit(REASON)
        ),
        FINDINGS,
    )


class Ledger:
    """One decision per distinct row; rows only ever go from kept to dropped or quarantined."""

    def __init__(self, row_ids: pl.Series, slices: pl.Series) -> None:
        """Start with every row kept. `row_ids` must be sorted and distinct, `slices` aligned with it."""
        self._rows = pl.DataFrame({"row_id": row_ids, "slice": slices}).with_columns(
            verdict=pl.lit(Verdict.KEEP.value, VERDICT),
            split=pl.lit(None, SPLIT),
            fold=pl.lit(None, DECISIONS["fold"]),
            weight=pl.lit(WEIGHT_UNIT, DECISIONS["weight"]),
        )
        self._taken: list[pl.DataFrame] = []  # the findings that took a row out, one a row
        self._tags: list[pl.DataFrame] = []
        self._held = pl.Series(dtype=pl.Binary())
        self._facts: tuple[str, ...] = ()

    def hold(self, row_ids: pl.Series, facts: tuple[str, ...]) -> None:
        """Keep these rows whatever is found of them, but for `facts`: stages and reasons that still take them out."""
        self._held, self._facts = row_ids, facts

    def kept(self) -> pl.DataFrame:
        """Return row_id, slice and the assignments of the rows still kept, in row_id order."""
        return self._rows.filter(_KEPT).select("row_id", "slice", *ASSIGNMENTS)

    def is_kept(self) -> pl.Series:
        """Return, for every row in row_id order, whether it is still kept."""
        return self._rows["verdict"] == Verdict.KEEP.value

    def apply(self, stage: str, frame: pl.DataFrame) -> None:
        """Apply what one stage says: take out the rows it condemns, note its tags, keep its assignments."""
        if "verdict" in frame.columns:
            findings = conform(frame.with_columns(stage=pl.lit(stage)), FINDINGS)
            self.apply_findings(findings.filter(pl.col("verdict").is_not_null()))
        assigned = [name for name in ASSIGNMENTS if name in frame.columns]
        if assigned:
            self._set(frame.select("row_id", *(pl.col(name).cast(DECISIONS[name]) for name in assigned)))

    def apply_findings(self, findings: pl.DataFrame) -> None:
        """Apply the findings of the local rules (schema FINDINGS), each row's in the order of the stages."""
        condemning = findings.filter(~_KEPT)
        if self._held.len():
            is_fact = pl.any_horizontal(pl.col("stage", "reason").is_in(self._facts).fill_null(False))
            is_held = pl.col("row_id").is_in(self._held.implode()) & ~is_fact
            overruled = condemning.filter(is_held).with_columns(verdict=pl.lit(Verdict.KEEP.value, VERDICT))
            self._tags.append(overruled)
            condemning = condemning.filter(~is_held)
        self._take_out(condemning)
        self._tags.append(findings.filter(_KEPT))

    def multiply_weights(self, factors: pl.DataFrame, *, low: float, high: float) -> None:
        """Multiply the weight of kept train rows by `factor` (row_id, factor), within [low, high].

        A weight that balance put outside these bounds moves toward them or stays, never further away.
        """
        factor = pl.coalesce("factor", pl.lit(1.0)).clip(low, high)
        weight = pl.col("weight").cast(pl.Float64)
        least = pl.min_horizontal(weight, pl.lit(low * WEIGHT_UNIT))
        most = pl.max_horizontal(weight, pl.lit(high * WEIGHT_UNIT))
        scaled = (weight * factor).round().clip(least, most).cast(DECISIONS["weight"])
        train = self._rows.filter(pl.col("split") == Split.TRAIN.value).select("row_id", "weight")
        self._set(
            train.join(factors.select("row_id", "factor"), on="row_id", how="left").select("row_id", scaled)
        )

    def decisions(self) -> pl.DataFrame:
        """Return the decision of every row (schema DECISIONS), in row_id order."""
        taken = pl.concat([empty(FINDINGS), *self._taken]).drop("verdict")
        filled = self._rows.with_columns(
            split=pl.coalesce("split", pl.lit(Split.TRAIN.value, SPLIT)), fold=pl.coalesce("fold", pl.lit(0))
        ).with_columns(pl.when(_KEPT).then(name).alias(name) for name in (*ASSIGNMENTS, "slice"))
        return conform(filled.join(taken, on="row_id", how="left", maintain_order="left"), DECISIONS)

    def tags(self) -> pl.DataFrame:
        """Return what rules noted without taking a row out (schema FINDINGS), kept rows only, sorted."""
        if not self._tags:
            return pl.DataFrame(schema=FINDINGS)
        return (
            pl.concat(self._tags)
            .join(self.kept().select("row_id"), on="row_id", how="semi")
            .sort("row_id", "stage", "reason", "turn", nulls_last=True)
        )

    def _take_out(self, findings: pl.DataFrame) -> None:
        """Give each kept row its first finding: in the order given, then the least turn."""
        first = findings.unique("row_id", keep="first", maintain_order=True)
        taken = self.kept().select("row_id").join(first, on="row_id")
        self._taken.append(taken.with_columns(pl.col("value", "threshold").round(VALUE_DECIMALS)))
        self._set(taken.select("row_id", "verdict"))

    def _set(self, values: pl.DataFrame) -> None:
        """Give the rows of `values` (row_id and some columns of `_rows`) what stands there, unless it is null."""
        names = [name for name in values.columns if name != "row_id"]
        aligned = self._rows.select("row_id").join(values, on="row_id", how="left", maintain_order="left")
        self._rows = self._rows.with_columns(pl.coalesce(aligned[name], name).alias(name) for name in names)
