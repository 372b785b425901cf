"""A response that stops in the middle: an open code fence, formula or JSON value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import CODE
from tilth.curation.response import GOOD_RESPONSES, has_role, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Verdict

FENCE_LINE = r"(?m)^[ \t]{0,3}```"
JSON_START = r"^\s*(?:\{\s*\"|\[\s*[\[{\"])"
JSON_STRING = r'(?s)"(?:[^"\\]|\\.)*(?:"|\z)'
# After the last `$$`: a TeX command. Shells and price lists have `$$` too.
TEX_TAIL = r"\$\$[^$]*\\[A-Za-z]+[^$]*\z"

# A finished sentence (four letters before its mark: no initial, no list number), then one that ends in a
# letter or a comma: cut, or written by someone in a hurry.
OPEN_SENTENCE = r"\p{Ll}{4}[\"'”’)]?[.!?][\"'”’)]? \p{Lu}[^\n.!?:;()=]*[\pL,]\s*\z"


@stage("truncated", order=50)
@dataclass(frozen=True)
class Truncated:
    """Drop rows with a response that leaves a code fence, a `$$` formula or a JSON value open.

    A last sentence without an end is tagged: of 71 in 34,000 real rows, next to none were cut.
    """

    verdict: Verdict = limit(Verdict.DROP)
    sentence: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and the number of fences, formulas, JSON brackets and sentences left open."""
        text = pl.col("text")
        responses = turns.filter(has_role(GOOD_RESPONSES)).select("row_id", "turn", "text")
        return responses.select(
            "row_id",
            "turn",
            fences=_fences(text),
            formulas=_formulas(text),
            json=_json(text),
            sentences=where(text.str.contains(OPEN_SENTENCE)),
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule for each kind of open end."""
        return (
            Rule("fences", "open_code_fence", high=0, verdict=self.verdict),
            Rule("formulas", "open_formula", high=0, verdict=self.verdict),
            Rule("json", "open_json", high=0, verdict=self.verdict),
            Rule("sentences", "open_sentence", high=0, verdict=self.sentence),
        )


def _fences(text: pl.Expr) -> pl.Expr:
    """Return 1.0 for an odd number of fences, counted both at line starts and anywhere.

    Four backticks quote fences, so nothing is said of texts that have them.
    """
    odd = (text.str.count_matches(FENCE_LINE) % 2 == 1) & (
        text.str.count_matches("```", literal=True) % 2 == 1
    )
    return where(odd & ~text.str.contains("````", literal=True))


def _formulas(text: pl.Expr) -> pl.Expr:
    prose = text.str.replace_all(CODE, " ")
    return where((prose.str.count_matches("$$", literal=True) % 2 == 1) & prose.str.contains(TEX_TAIL))


def _json(text: pl.Expr) -> pl.Expr:
    """Return how many brackets a JSON value leaves open at the end; not applicable to other texts."""
    bare = text.str.replace_all(JSON_STRING, '""')
    opened, closed = (bare.str.count_matches(bracket).cast(pl.Float64) for bracket in (r"[\[{]", r"[\]}]"))
    return pl.when(text.str.contains(JSON_START)).then((opened - closed).clip(0.0))
