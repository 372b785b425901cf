"""A stage in a package of its own: answers that are written in capitals."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Verdict


@stage("shouting")
@dataclass(frozen=True)
class Shouting:
    """Tag answers of which more than `max_share` of the letters are capitals."""

    verdict: Verdict = limit(Verdict.KEEP)
    max_share: float = limit(0.8)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return the share of capitals among the letters of each answer that has letters."""
        letters, capitals = (pl.col("text").str.count_matches(kind) for kind in (r"\p{L}", r"\p{Lu}"))
        answers = turns.filter((pl.col("role").cast(pl.String) == "assistant") & (letters > 0))
        return answers.select("row_id", "turn", capitals=capitals / letters)

    def rules(self) -> tuple[Rule, ...]:
        """Return the bound on the share."""
        return (Rule("capitals", "shouting", high=self.max_share, verdict=self.verdict),)
