"""A response that only repeats what was asked, and a prompt that breaks off at its colon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl
from polars.expr.string import ExprStringNameSpace

from tilth.curation.language import WIDE
from tilth.curation.rules.asked import (
    ASKS_ABOUT,
    CHANGES,
    LONG_INPUT_BYTES,
    RETURNS_INPUT,
    WANTS_ALL_OF_IT,
    WANTS_REPEATS,
)
from tilth.curation.rules.response import ANSWERS, has_role, previous, where
from tilth.curation.stage import Count, Phase, Rule, limit, stage
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
# A question is whole with its colon, and so are a line of code and a task that asks for one thing of a kind ("Write
# a question about tea:") without pointing at an input.
QUESTION = (
    r"(?i)\A\W*(?:what|who|whose|where|when|why|which|how|is|are|was|were|do|does|did|can)(?-u:\b)[^\n]*\z"
    r"|\A\W*(?:please )?(?:write|create|compose|generate|give|tell|make|invent|draft|suggest|come up with|"
    r"name|list|produce|"
    r"provide|describe|explain|design|develop|think of|propose|show|ask|schreibe?|nenne?|erfinde|erstelle|"
    r"gib|écri[ts]|écrivez|"
    r"rédige[sz]?|donne[sz]?|propose[sz]?|invente[sz]?|escrib[ae]|da(?:me)?|crea|inventa|scrivi|dammi|"
    r"escrev[ae]|dê|crie|schrijf|"
    r"geef|skriv|ge mig|napisz|podaj|напиши|придумай|назови|дай)(?-u:\b)[^\n]*\z|\A\s*(?:请|請)?(?:写|寫|"
    r"列出|给出|給出|创作|描述|设计)[^\n]*\z"
)
CODE_END = r"(?i)(?:[)\]}>\"']|\belse|\btry|finally):\s*\z"
# The answer is announced, not an input: "Step-by-step reasoning process:".
BEFORE_ANSWER = (
    r"(?i)(?-u:\b)(?:answer|response|reply|output|result|reasoning|process|explanation|rationale|thoughts?|solution|"
    r"translation|summary|label|antwort|lösung|réponse|respuesta|risposta|resposta|odpowiedź|ответ)\s*:\s*\z"
    r"|(?-u:\b)(?:think(?:ing)?|thoughts?|reason(?:ing)?|consciousness|step[- ]by[- ]step)(?-u:\b)[^.!?:\n]{0,40}:\s*\z"
    r"|(?:答案|回答|解答|답)\s*[:：]\s*\z"
)
BLANK_LINE_FIRST, BLANK_LINE_LAST = r"\A[ \t]*\n[ \t]*\n", r"\n[ \t]*\n[ \t]*\z"
OUTER = " \t\n\"'“”„«»‘’`*.!?…:;,。！？：，"
OUTER_BYTES = 8  # by which marks around a text may lengthen it


@stage("echo", order=40)
@dataclass(frozen=True)
class Echo:
    """Tag rows in which a response is the user turn before it, but for case and outer
    blanks and marks; or the instruction or input of it.

    An input is what stands behind an instruction and an empty line. It counts where the instruction asks for
    another text (translate, summarise, into the past tense) or something about a long one, and does not leave it as
    it is where nothing is wrong with it (correct, put in order, which); where it does neither, the row is tagged
    `input_returned`. A whole turn counts unless an earlier one wants repeats, translations or corrections.

    Greetings are echoed in good faith, so repeats of at most `max_chars` characters are kept; a Chinese, Japanese
    or Korean letter counts as two. returned: the verdict on an input given back that may be the answer. colon: the
    verdict on a prompt that announces an input, ends with a colon and goes on with nothing.
    """

    max_chars: Count = limit(20)  # of a repeat that is kept: a greeting
    verdict: Verdict = limit(Verdict.KEEP)
    returned: Verdict = limit(Verdict.KEEP)
    colon: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn, how many characters of the user turn before the response repeats, or gives back
        of an input that may be the answer, and whether that turn breaks off at a colon."""
        is_answer = has_role(ANSWERS) & (previous("role") == Role.USER.value)
        stripped = turns.select("row_id", "turn", "role", said=pl.col("text").str.strip_chars())
        pairs = stripped.with_columns(asked=pl.when(is_answer).then(previous("said"))).filter(
            pl.col("asked").is_not_null()
        )
        repeated, returned = _repeated(pairs, stripped)
        return pairs.select(
            "row_id",
            "turn",
            repeated_chars=repeated,
            returned_chars=returned,
            dangling=_dangling(pairs["asked"]),
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return the bounds on repeated and returned characters and the rule over colons."""
        return (
            Rule("repeated_chars", "echo", high=self.max_chars, verdict=self.verdict),
            Rule("returned_chars", "input_returned", high=self.max_chars, verdict=self.returned),
            Rule("dangling", "dangling_colon", high=0, verdict=self.colon),
        )


def _repeated(pairs: pl.DataFrame, turns: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return how many characters of `asked` each of `said` repeats, and how many it gives back that may be the
    answer; a wide letter counts as two."""
    said, asked = pl.col("said").str, pl.col("asked").str
    longer = asked.len_bytes().cast(pl.Int64) - said.len_bytes()
    suspect = longer.abs() <= OUTER_BYTES
    suspect |= (longer > 0) & (asked.starts_with(pl.col("said")) | asked.ends_with(pl.col("said")))
    at = pairs.select(suspect.fill_null(False))["asked"].arg_true()
    prompt, instruction = asked.strip_prefix(pl.col("said")).str, asked.strip_suffix(pl.col("said")).str
    is_instruction = (longer > 0) & prompt.contains(BLANK_LINE_FIRST)
    is_input = (longer > 0) & instruction.contains(BLANK_LINE_LAST)
    changes = instruction.contains(CHANGES) & ~instruction.contains(RETURNS_INPUT)
    changes |= (
        instruction.contains(ASKS_ABOUT)
        & ~instruction.contains(WANTS_ALL_OF_IT)
        & (said.len_bytes() >= LONG_INPUT_BYTES)
    )
    whole = (_bare(said) == _bare(asked)) | is_instruction
    chars = said.len_chars() + said.count_matches(WIDE)
    found = pairs[at].select(
        "row_id",
        "turn",
        repeated=pl.when(whole | (is_input & changes)).then(chars).otherwise(0),
        returned=pl.when(is_input & ~changes & ~whole & ~instruction.contains(RETURNS_INPUT))
        .then(chars)
        .otherwise(0),
    )
    wanted = _wanted_before(found.filter(pl.col("repeated") > 0), turns)
    repeated = found.select(pl.when(wanted).then(0).otherwise("repeated").cast(pl.Float64)).to_series()
    spread = (repeated, found["returned"].cast(pl.Float64))
    one, other = (pl.zeros(pairs.height, dtype=pl.Float64, eager=True).scatter(at, chars) for chars in spread)
    return one, other


def _wanted_before(found: pl.DataFrame, turns: pl.DataFrame) -> pl.Expr:
    """Return whether an earlier turn of the row, not an answer, wants what it is told repeated or put right."""
    asked = turns.filter(~has_role(ANSWERS)).join(
        found.select("row_id", answer="turn"), on="row_id", how="inner", maintain_order="left"
    )
    # The turn right before is the one that is repeated.
    earlier = asked.filter(pl.col("turn").cast(pl.Int64) < pl.col("answer").cast(pl.Int64) - 1)
    wants = earlier.filter(pl.col("said").str.contains(WANTS_REPEATS))["row_id"].unique()
    return pl.col("row_id").is_in(wants.implode())


def _bare(text: ExprStringNameSpace) -> pl.Expr:
    return text.strip_chars(OUTER).str.to_lowercase()


def _dangling(asked: pl.Series) -> pl.Series:
    """Return 1.0 for prompts, stripped, that break off at a colon; 0.0 for others."""
    at = asked.str.tail(1).is_in([":", "："]).arg_true()
    ends = pl.col("asked").str
    one_line = ends.contains(ONE_LINE) & ~ends.contains(QUESTION)
    breaks_off = (ends.contains(POINTS) | one_line) & ~ends.contains(f"{CODE_END}|{BEFORE_ANSWER}")
    found = asked.gather(at).to_frame("asked").select(where(breaks_off)).to_series()
    return pl.zeros(len(asked), dtype=pl.Float64, eager=True).scatter(at, found)
