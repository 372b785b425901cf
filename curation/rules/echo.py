"""A response that only repeats what was asked, and a prompt that breaks off at its colon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl
from polars.expr.string import ExprStringNameSpace

from tilth.curation.language import WIDE
from tilth.curation.rules.response import ANSWERS, has_role, previous, where
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

BLANK_LINE_FIRST, BLANK_LINE_LAST = r"\A[ \t]*\n[ \t]*\n", r"\n[ \t]*\n[ \t]*\z"
OUTER = " \t\n\"'“”„«»‘’`*.!?…:;,。！？：，"
OUTER_BYTES = 8  # by which marks around a text may lengthen it


@stage("echo", order=40)
@dataclass(frozen=True)
class Echo:
    """Drop rows in which a response is the user turn before it, but for case and outer
    blanks and marks; or the instruction or input of it.

    An input is what stands behind an instruction and an empty line; where the instruction may want it back
    (correct, repeat, extract) it is kept.

    Greetings are echoed in good faith, so repeats of at most `max_chars` characters are kept; a Chinese, Japanese
    or Korean letter counts as two. colon: the verdict on a prompt that announces an input, ends with a colon and
    goes on with nothing; it only tags.
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
        stripped = turns.select("row_id", "turn", "role", said=pl.col("text").str.strip_chars())
        pairs = stripped.with_columns(asked=pl.when(is_answer).then(previous("said"))).filter(
            pl.col("asked").is_not_null()
        )
        return pairs.select(
            "row_id", "turn", repeated_chars=_repeated(pairs), dangling=_dangling(pairs["asked"])
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return the bound on repeated characters and the rule over colons."""
        return (
            Rule("repeated_chars", "echo", high=self.max_chars, verdict=self.verdict),
            Rule("dangling", "dangling_colon", high=0, verdict=self.colon),
        )


def _repeated(pairs: pl.DataFrame) -> pl.Series:
    """Return how many characters of `asked` each of `said` repeats as a whole; a wide letter counts as two."""
    said, asked = pl.col("said").str, pl.col("asked").str
    longer = asked.len_bytes().cast(pl.Int64) - said.len_bytes()
    suspect = longer.abs() <= OUTER_BYTES
    suspect |= (longer > 0) & (asked.starts_with(pl.col("said")) | asked.ends_with(pl.col("said")))
    at = pairs.select(suspect.fill_null(False))["asked"].arg_true()
    prompt, instruction = asked.strip_prefix(pl.col("said")).str, asked.strip_suffix(pl.col("said")).str
    is_instruction = prompt.contains(BLANK_LINE_FIRST)
    is_input = instruction.contains(BLANK_LINE_LAST) & ~instruction.contains(RETURNS_INPUT)
    repeats = (_bare(said) == _bare(asked)) | ((longer > 0) & (is_instruction | is_input))
    chars = said.len_chars() + said.count_matches(WIDE)
    found = pairs[at].select(pl.when(repeats).then(chars).otherwise(0).cast(pl.Float64)).to_series()
    return pl.zeros(pairs.height, dtype=pl.Float64, eager=True).scatter(at, found)


def _bare(text: ExprStringNameSpace) -> pl.Expr:
    return text.strip_chars(OUTER).str.to_lowercase()


def _dangling(asked: pl.Series) -> pl.Series:
    """Return 1.0 for prompts, stripped, that break off at a colon; 0.0 for others."""
    at = asked.str.tail(1).is_in([":", "："]).arg_true()
    ends = pl.col("asked").str
    one_line = ends.contains(ONE_LINE) & ~ends.contains(QUESTION)
    breaks_off = (ends.contains(POINTS) | one_line) & ~ends.contains(CODE_END)
    found = asked.gather(at).to_frame("asked").select(where(breaks_off)).to_series()
    return pl.zeros(len(asked), dtype=pl.Float64, eager=True).scatter(at, found)
