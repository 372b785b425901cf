"""A response that only repeats what was asked, and a prompt that breaks off at its colon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.response import ANSWERS, has_role, previous, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

# An input is announced and is not there. The last sentence points at it, or the colon ends the one and only line.
POINTS = (
    r"(?i)(?:\A|[.!?:]\s|\n)[^.!?:\n]*(?-u:\b)(?:following|below|these?|this|here (?:is|are)|given|"
    r"folgende[nrms]?|suivante?s?|"
    r"siguientes?|input|text|sentence|paragraph|passage|article|list|items|numbers|"
    r"words)(?-u:\b)[^.!?:\n]*:\s*\z"
    r"|(?:以下|下面|下列)[^。！？\n]*[：:]\s*\z"
)
ONE_LINE = r"\A[^\n]*\s[^\n]*[:：]\s*\z"
# A question is whole with its colon, and so is a line of code.
WHOLE = (
    r"(?i)\A\W*(?:what|who|whose|where|when|why|which|how|is|are|was|were|do|does|did|"
    r"can)(?-u:\b)[^\n]*\z|(?:[)\]}>\"']|\belse|\btry|finally):\s*\z"
)


@stage("echo", order=40)
@dataclass(frozen=True)
class Echo:
    """Drop rows in which a response is the user turn before it, but for case and outer blanks.

    Greetings are echoed in good faith, so repeats of at most `max_chars` characters are kept. colon: the verdict
    on a prompt that announces an input, ends with a colon and goes on with nothing; it only tags.
    """

    max_chars: int = limit(20)
    verdict: Verdict = limit(Verdict.DROP)
    colon: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn, how many characters of the user turn before the response repeats, and whether
        that turn breaks off at a colon."""
        is_answer = has_role(ANSWERS) & (previous("role") == Role.USER.value)
        said = pl.col("text").str.strip_chars().str.to_lowercase()
        pairs = (
            turns.select("row_id", "turn", "role", said=said)
            .select("row_id", "turn", "said", asked=pl.when(is_answer).then(previous("said")))
            .filter(pl.col("asked").is_not_null())
        )
        repeats = pl.col("said") == pl.col("asked")
        repeated = pl.when(repeats).then(pl.col("said").str.len_chars()).otherwise(0).cast(pl.Float64)
        measured = pairs.select("row_id", "turn", repeated_chars=repeated)
        return measured.with_columns(dangling=_dangling(pairs["asked"]))

    def rules(self) -> tuple[Rule, ...]:
        """Return the bound on repeated characters and the rule over colons."""
        return (
            Rule("repeated_chars", "echo", high=self.max_chars, verdict=self.verdict),
            Rule("dangling", "dangling_colon", high=0, verdict=self.colon),
        )


def _dangling(asked: pl.Series) -> pl.Series:
    """Return 1.0 for prompts, stripped and in lower case, that break off at a colon; 0.0 for others."""
    at = asked.str.tail(1).is_in([":", "："]).arg_true()
    ends = pl.col("asked").str
    breaks_off = (ends.contains(POINTS) | ends.contains(ONE_LINE)) & ~ends.contains(WHOLE)
    found = asked.gather(at).to_frame("asked").select(where(breaks_off)).to_series()
    return pl.zeros(len(asked), dtype=pl.Float64, eager=True).scatter(at, found)
