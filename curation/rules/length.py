"""How long a row is: a score for later stages, and a tag on responses outside the usual range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.rules.response import RESPONSES, has_role, is_learned
from tilth.curation.stage import Count, Phase, Rule, limit, stage
from tilth.shards.tables import Verdict


@stage("length", order=60)
@dataclass(frozen=True)
class Length:
    """Tag rows with a response outside a range of characters, or with a prompt that is too long.

    max_prompt_chars: null for no bound; set it (with `verdict: drop`) where the base's context is short.
    """

    min_chars: Count = limit(1)  # of a response
    max_chars: Count = limit(32_768)  # of a response
    max_prompt_chars: Count | None = limit(None)
    verdict: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "row"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, the characters of prompt and responses, and of the longest and shortest response.

        A turn that only calls tools has no length; an answer that is only to be read belongs to the prompt.
        """
        chars = pl.col("text").str.len_chars().fill_null(0).cast(pl.Float64)
        response = has_role(RESPONSES) & is_learned()
        spoken = chars.filter(response & (pl.col("tool_calls").is_null() | (chars > 0)))
        return turns.group_by("row_id", maintain_order=True).agg(
            prompt_chars=chars.filter(~response).sum(),
            response_chars=chars.filter(response).sum(),
            longest_chars=spoken.max(),
            shortest_chars=spoken.min(),
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return the bounds on the longest and the shortest response, and on the prompt."""
        prompt = Rule("prompt_chars", "prompt_too_long", high=self.max_prompt_chars, verdict=self.verdict)
        return (
            prompt,
            Rule("longest_chars", "response_too_long", high=self.max_chars, verdict=self.verdict),
            Rule("shortest_chars", "response_too_short", low=self.min_chars, verdict=self.verdict),
        )
