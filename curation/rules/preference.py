"""Preference pairs whose two sides say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.rules.response import has_role, where
from tilth.curation.stage import Phase, Positive, Rule, limit, stage
from tilth.shards.tables import Role, Shape, Verdict


@stage("preference", order=45)
@dataclass(frozen=True)
class Preference:
    """Drop pairs whose chosen answer is the rejected one, but for case and blanks: they prefer nothing.

    max_chars: with a number, also pairs that differ only behind it, counted from the start of the prompt: what a
    trainer that cuts there would see is the same. Null for off.
    """

    verdict: Verdict = limit(Verdict.DROP)
    max_chars: Positive | None = None

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "row"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return, of each pair, row_id and:

        chosen_chars, rejected_chars: the length of the answers
        identical: 1.0 if they are equal but for case and blanks
        cut: 1.0 if they are equal up to `max_chars`; null without `max_chars`
        """
        pairs = turns.filter(pl.col("shape") == Shape.PREFERENCE.value)
        said = pl.concat_str(
            pl.col("text").fill_null(""), pl.col("tool_calls").fill_null(""), separator="\n"
        ).str.strip_chars()
        chosen, rejected = has_role((Role.CHOSEN,)), has_role((Role.REJECTED,))
        sides = pairs.group_by("row_id", maintain_order=True).agg(
            chosen=said.filter(chosen).first(),
            rejected=said.filter(rejected).first(),
            prompt_chars=said.str.len_chars().filter(~(chosen | rejected)).sum(),
        )
        a, b = pl.col("chosen"), pl.col("rejected")
        seen = pl.lit(None, pl.Float64)
        if self.max_chars is not None:
            room = (self.max_chars - pl.col("prompt_chars").cast(pl.Int64)).clip(0)
            seen = where((a != b) & (a.str.head(room) == b.str.head(room)))
        return sides.select(
            "row_id",
            chosen_chars=a.str.len_chars().cast(pl.Float64),
            rejected_chars=b.str.len_chars().cast(pl.Float64),
            identical=where(folded(a) == folded(b)),
            cut=seen,
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return the rule over identical sides and the one over sides that are cut to the same."""
        return (
            Rule("identical", "identical_pair", high=0, verdict=self.verdict),
            Rule("cut", "pair_cut_to_the_same", high=0, verdict=self.verdict),
        )


def folded(text: pl.Expr) -> pl.Expr:
    """Return text in lower case, with single blanks and none at its ends."""
    return text.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars(" ")
