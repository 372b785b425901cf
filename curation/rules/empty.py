"""A user turn or a response in which nothing is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.rules.response import RESPONSES, has_role, previous, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

# Neither white space nor a control, format or private-use character.
VISIBLE = r"[^\s\p{C}]"
ABOUT_CODE = r"\b(?:code|function|print|python|sql|javascript|return|output|program)"
# What pandas, Python and SQL write for nothing; an answer all the same where the prompt has the word.
NOTHING = r"\A\s*(?:nan|NaN|None|NULL|null|<NA>)\s*\z"


@stage("empty", order=20)
@dataclass(frozen=True)
class Empty:
    """Drop rows with a null or blank user turn or response; a response may be a tool call alone.

    `nan`, `None` and `NULL` as a whole response are empty too, unless the turn before has that word or is about code.
    """

    verdict: Verdict = limit(Verdict.DROP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn, and whether the prompt or the response says something."""
        turns = turns.with_columns(says_nothing=_says_nothing(turns))
        spoken = where(pl.col("text").str.contains(VISIBLE) & ~pl.col("says_nothing"))
        return turns.filter(has_role((*RESPONSES, Role.USER))).select(
            "row_id",
            "turn",
            prompt=pl.when(has_role((Role.USER,))).then(spoken),
            response=pl.when(has_role(RESPONSES) & pl.col("tool_calls").is_null()).then(spoken),
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule for responses and one for prompts."""
        return (
            Rule("response", "empty_response", low=1, verdict=self.verdict),
            Rule("prompt", "empty_prompt", low=1, verdict=self.verdict),
        )


def _says_nothing(turns: pl.DataFrame) -> pl.Series:
    """Return whether a turn is a word for nothing that its prompt does not have; next to no turn is such a word."""
    is_nothing = pl.col("text").str.contains(NOTHING) & has_role(RESPONSES)
    seen = turns.select(
        asked=previous("text").fill_null("").str.to_lowercase(), is_nothing=is_nothing, text="text"
    )
    at = seen["is_nothing"].fill_null(False).arg_true()
    word = pl.col("text").str.strip_chars().str.to_lowercase()
    meant = pl.col("asked").str.contains(word, literal=True) | pl.col("asked").str.contains(ABOUT_CODE)
    nothing = pl.repeat(False, turns.height, dtype=pl.Boolean, eager=True)
    return nothing.scatter(at, seen[at].select(~meant).to_series())
