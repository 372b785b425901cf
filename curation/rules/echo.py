"""A response that only repeats what was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.response import ANSWERS, has_role, previous
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict


@stage("echo", order=40)
@dataclass(frozen=True)
class Echo:
    """Drop rows in which a response is the user turn before it, but for case and outer blanks.

    Greetings are echoed in good faith, so repeats of at most `max_chars` characters are kept.
    """

    max_chars: int = limit(20)
    verdict: Verdict = limit(Verdict.DROP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and how many characters of the user turn before the response repeats."""
        said = turns.with_columns(said=pl.col("text").str.strip_chars().str.to_lowercase())
        is_answer = has_role(ANSWERS) & (previous("role") == Role.USER.value)
        repeats = pl.col("said") == pl.col("asked")
        return (
            said.with_columns(asked=pl.when(is_answer).then(previous("said")))
            .filter(pl.col("asked").is_not_null())
            .select(
                "row_id",
                "turn",
                repeated_chars=pl.when(repeats)
                .then(pl.col("said").str.len_chars())
                .otherwise(0)
                .cast(pl.Float64),
            )
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return the bound on repeated characters."""
        return (Rule("repeated_chars", "echo", high=self.max_chars, verdict=self.verdict),)
