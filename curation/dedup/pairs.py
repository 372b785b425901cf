"""Preference pairs against each other: the same pair both ways round, and sources that prefer length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from tilth.curation.rules.preference import folded
from tilth.curation.stage import Count, Phase, Share, Texts, limit, stage
from tilth.shards.tables import FINDINGS, Role, Shape, Verdict, empty

_EVIDENCE = pl.Schema(
    {
        "row_id": pl.Binary(),
        "same_sides": pl.Binary(),
        "way": pl.Boolean(),
        "source_rows": pl.Int64(),
        "length_bias": pl.Float64(),
    }
)


@stage("pairs", order=40)
@dataclass(frozen=True)
class Pairs:
    """Set aside preference pairs that stand in the data both ways round; tag sources that prefer length.

    Two rows with the same prompt, of which one chooses what the other rejects, cancel out, and nothing here says
    which is right: both get `verdict`. Texts are equal but for case and blanks. max_length_bias: the pairs of a
    source are tagged where its chosen answers together are longer (or shorter) than the rejected ones by more
    than this share of both; null for off. min_source_rows: of fewer pairs nothing is said.
    """

    verdict: Verdict = limit(Verdict.QUARANTINE)
    max_length_bias: Share | None = limit(0.1)
    min_source_rows: Count = limit(30)

    phase: ClassVar[Phase] = Phase.CONFLICT

    def evidence(self, rows: pl.DataFrame, texts: Texts) -> pl.DataFrame:
        """Return a line for every pair: row_id, same_sides, way, source_rows and length_bias of its source.

        same_sides: the least row with the same prompt and sides, either way round; null where none has. way: which.
        length_bias is (chosen - rejected) / (chosen + rejected) over all characters of the source: between -1
        and 1, 0 where sides are as long. Sums of integers, so the same in any order.
        """
        pairs = rows.filter(pl.col("shape") == Shape.PREFERENCE.value)
        if not pairs.height:
            return empty(_EVIDENCE)
        sides = _sides(pairs["row_id"], texts)
        chosen, rejected = (
            pl.col(name).str.len_chars().cast(pl.Int64).sum() for name in ("chosen", "rejected")
        )
        bias = (chosen - rejected) / pl.max_horizontal(chosen + rejected, 1)
        return (
            sides.join(pairs.select("row_id", "source"), on="row_id", maintain_order="left")
            .with_columns(source_rows=pl.len().cast(pl.Int64).over("source"), length_bias=bias.over("source"))
            .join(_ways(sides), on="row_id", how="left", maintain_order="left")
            .select(list(_EVIDENCE))
        )

    def decide(self, rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        """Return the swapped pairs with `verdict`, each naming the other in its note, and the tags on sources."""
        kept = evidence.join(rows.select("row_id"), on="row_id", how="semi", maintain_order="left")
        other = (
            pl.when("way")
            .then(pl.col("row_id").filter(~pl.col("way")).min().over("same_sides"))
            .otherwise(pl.col("row_id").filter("way").min().over("same_sides"))
        )
        swapped = (
            kept.filter(pl.col("same_sides").is_not_null())
            .with_columns(other=other)
            .filter(pl.col("other").is_not_null())
            .select(
                "row_id",
                verdict=pl.lit(self.verdict.value),
                reason=pl.lit("swapped_pair"),
                note=pl.format(
                    "the other way round in row {}", pl.col("other").bin.encode("hex").str.head(12)
                ),
            )
        )
        if self.max_length_bias is None:
            return swapped
        biased = kept.filter(
            (pl.col("length_bias").abs() > self.max_length_bias)
            & (pl.col("source_rows") >= self.min_source_rows)
        ).select(
            "row_id",
            verdict=pl.lit(Verdict.KEEP.value),
            reason=pl.lit("length_bias"),
            value="length_bias",
            threshold=pl.lit(self.max_length_bias),
        )
        found = pl.concat([swapped, biased], how="diagonal")
        return found if found.height else empty(FINDINGS)


def _sides(row_ids: pl.Series, texts: Texts) -> pl.DataFrame:
    """Return row_id, prompt, chosen and rejected (with their tool calls) of every pair."""
    said = pl.concat_str("text", "tool_calls", separator="\n", ignore_nulls=True).fill_null("")
    role = pl.col("role").cast(pl.String)
    sides = (
        texts.turns()
        .filter(role.is_in([Role.CHOSEN.value, Role.REJECTED.value]))
        .select("row_id", role=role, said=said)
        .collect()
        .join(row_ids.to_frame("row_id"), on="row_id", how="semi")
        .group_by("row_id", maintain_order=True)
        .agg(pl.col("said").filter(role == side).first().alias(side) for side in ("chosen", "rejected"))
        .sort("row_id")
    )
    return sides.with_columns(prompt=texts.prompts(sides["row_id"]))


def _ways(sides: pl.DataFrame) -> pl.DataFrame:
    """Return row_id, same_sides and way of the pairs that share prompt and sides with another."""
    same = sides.with_columns(folded(pl.col("prompt"))).filter(pl.col("prompt").is_duplicated())
    chosen, rejected = folded(pl.col("chosen")), folded(pl.col("rejected"))
    same = same.select(
        "row_id",
        "prompt",
        low=pl.min_horizontal(chosen, rejected),
        high=pl.max_horizontal(chosen, rejected),
        way=chosen < rejected,
    ).filter(pl.col("low") != pl.col("high"))
    least = pl.col("row_id").min().over("prompt", "low", "high")
    return same.filter(pl.len().over("prompt", "low", "high") > 1).select("row_id", "way", same_sides=least)
