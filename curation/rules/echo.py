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
QUESTION = (
    r"(?i)\A\W*(?:what|who|whose|where|when|why|which|how|is|are|was|were|do|does|did|can)(?-u:\b)[^\n]*\z"
)
CODE_END = r"(?i)(?:[)\]}>\"']|\belse|\btry|finally):\s*\z"
# What leaves an input as it is where nothing is wrong with it, or wants it back.
RETURNS_INPUT = (
    r"(?i)correct|grammar|spell|proofread|punctuat|edit|fix|improve|repeat|copy|echo|check|revise|"
    r"necessary|needed|"
    r"format|extract|quote|print|output|return|remove|delete|replace|redact|sort|same|unchanged|say|read|type"
)


@stage("echo", order=40)
@dataclass(frozen=True)
class Echo:
    """Drop rows in which a response is the user turn before it, or the input of it, but for case and outer blanks.

    An input is what stands behind an instruction and an empty line; where the instruction may want it back
    (correct, repeat, extract) it is kept.

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
        words = pl.col("text").str.strip_chars()
        turns = turns.select("row_id", "turn", "role", words=words).with_columns(
            said=pl.col("words").str.to_lowercase()
        )
        before = {"asked": previous("said"), "input": previous("words")}
        pairs = turns.with_columns(
            pl.when(is_answer).then(text).alias(name) for name, text in before.items()
        ).filter(pl.col("asked").is_not_null())
        repeats = (pl.col("said") == pl.col("asked")) | _returned(pairs)
        repeated = pl.when(repeats).then(pl.col("said").str.len_chars()).otherwise(0).cast(pl.Float64)
        measured = pairs.select("row_id", "turn", repeated_chars=repeated)
        return measured.with_columns(dangling=_dangling(pairs["asked"]))

    def rules(self) -> tuple[Rule, ...]:
        """Return the bound on repeated characters and the rule over colons."""
        return (
            Rule("repeated_chars", "echo", high=self.max_chars, verdict=self.verdict),
            Rule("dangling", "dangling_colon", high=0, verdict=self.colon),
        )


def _returned(pairs: pl.DataFrame) -> pl.Series:
    """Return whether `words` are, case and all, the input behind an instruction that did not want it back."""
    words, prompt = pl.col("words"), pl.col("input").str
    is_input = pairs.select(prompt.ends_with(pl.concat_str(pl.lit("\n\n"), words)))["input"]
    at = is_input.arg_true()
    instruction = prompt.strip_suffix(words).str
    found = pairs[at].select(returned=~instruction.contains(RETURNS_INPUT))["returned"]
    return pl.repeat(False, pairs.height, dtype=pl.Boolean, eager=True).scatter(at, found)


def _dangling(asked: pl.Series) -> pl.Series:
    """Return 1.0 for prompts, stripped and in lower case, that break off at a colon; 0.0 for others."""
    at = asked.str.tail(1).is_in([":", "："]).arg_true()
    ends = pl.col("asked").str
    one_line = ends.contains(ONE_LINE) & ~ends.contains(QUESTION)
    breaks_off = (ends.contains(POINTS) | one_line) & ~ends.contains(CODE_END)
    found = asked.gather(at).to_frame("asked").select(where(breaks_off)).to_series()
    return pl.zeros(len(asked), dtype=pl.Float64, eager=True).scatter(at, found)
