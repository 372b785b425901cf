"""Reasoning that was cut or lost, and answers without the box that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import CODE
from tilth.curation.rules.response import ANSWERS, has_role, previous, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

_NAMES = r"(?:think|thinking|thought|reasoning|scratchpad)"
TAG = rf"</?{_NAMES}>"
BOX = r"\\boxed|\\fbox"
# A tag that opens a line or closes at the end of one is a mark; in the middle of a line it is talked about.
OPENED = rf"(?m)^[ \t]*<{_NAMES}>"
CLOSED = rf"(?m)^[ \t]*</{_NAMES}>|</{_NAMES}>[ \t]*$|[.!?…]\s?</{_NAMES}>"
EMPTY = rf"<{_NAMES}>\s*</{_NAMES}>"
# The prompt asks for the box; a formula that merely has one in it does not.
ASKS_FOR_BOX = (
    r"(?i)\b(?:put|place|give|write|enclose|wrap|express|present|provide|return|state|report|box|"
    r"answer|solution|"
    r"result|use|using|within|inside)\b[^\n]{0,80}\\+boxed|\\+boxed\{\s*(?:\}|answer|your|\.\.\.|…|\?)"
)


@stage("reasoning", order=88)
@dataclass(frozen=True)
class Reasoning:
    """Tag answers with think tags left open or empty, or without the `\\boxed` that the prompt asks for.

    Code is passed over: it may well be about such tags.
    """

    verdict: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn, and whether reasoning is open, whether it is empty, whether the box is missing.

        Answers with neither a tag nor a box asked for are left out.
        """
        system = pl.when(previous("role", 2) == Role.SYSTEM.value).then(previous("text", 2))
        asked = pl.when(previous("role") == Role.USER.value).then(previous("text"))
        has_tag, has_box = (
            pl.any_horizontal(pl.col(*columns).str.contains(mark).fill_null(False))
            for columns, mark in ((("text", "reasoning"), TAG), (("asked", "system"), BOX))
        )
        seen = (
            turns.with_columns(asked=asked, system=system)
            .filter(has_role(ANSWERS) & pl.col("text").is_not_null())
            .filter(has_tag | has_box)
        )
        prose, thought = (pl.col(name).str.replace_all(CODE, " ") for name in ("text", "reasoning"))
        wants_box = pl.any_horizontal(pl.col("asked", "system").str.contains(ASKS_FOR_BOX).fill_null(False))
        blank_column = (pl.col("reasoning").str.strip_chars() == "") & prose.str.contains(TAG)
        return seen.select(
            "row_id",
            "turn",
            unclosed=where(_unclosed(prose) | _unclosed(thought).fill_null(False)),
            empty=where(prose.str.contains(EMPTY) | blank_column.fill_null(False)),
            unboxed=where(wants_box & ~pl.col("text").str.contains(BOX)),
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule for each way of losing the thought or the box."""
        return (
            Rule("unclosed", "unclosed_reasoning", high=0, verdict=self.verdict),
            Rule("empty", "empty_reasoning", high=0, verdict=self.verdict),
            Rule("unboxed", "box_missing", high=0, verdict=self.verdict),
        )


def _unclosed(text: pl.Expr) -> pl.Expr:
    """Return whether more marks open than any tag closes, or more close than any tag opens."""
    opened, closed = (text.str.count_matches(mark) for mark in (OPENED, CLOSED))
    return (opened > text.str.count_matches(rf"</{_NAMES}>")) | (
        closed > text.str.count_matches(rf"<{_NAMES}>")
    )
