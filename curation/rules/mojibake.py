"""Text whose bytes were read in the wrong encoding: `Ã©` for é, `â€™` for ’, `Ð¿Ñ€Ð¸` for при."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import CODE
from tilth.curation.rules.response import has_role, previous
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

# The bytes 80 to BF of UTF-8 as Latin-1 and as Windows-1252 show them.
_REST = (
    "[\u0080-\u00bf\u20ac\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u017d\u2018\u2019\u201c"
    "\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u017e\u0178]"
)
# Of them, those that no word and no quotation is written with.
_SIGNS = (
    "[\u0080-\u00a9\u00ac-\u00b4\u00b6-\u00b9\u00bc-\u00bf\u20ac\u201a\u0192\u2020\u2021\u02c6\u2030\u2039\u02dc\u2122"
    "\u203a]"
)
GARBLED = (
    rf"\u00c3{_SIGNS}|\u00c2[\u0080-\u00a9\u00ac-\u00b9\u00bc-\u00bf]|\u00e2\u20ac{_REST}|\u00e2\u0080[\u0080-\u00bf]|"
    rf"\u00ef\u00bb\u00bf|\u00f0[\u0178\u009f]{_REST}{_REST}|"
    rf"(?:[\u00d0\u00d1]{_REST}){{2,}}|(?:[\u00e3\u00e4\u00e5\u00e6\u00e7\u00e8\u00e9]{_REST}{_REST}){{2,}}|\ufffd"
)
_ABOUT = (
    r"(?i)mojibake|encod|decod|charset|character set|utf-?8|unicode|latin-?1|iso-?8859|cp-?1252|windows-?1252|garbled|"
    r"question mark|kodier|zeichensatz|codage|codifica"
)


@stage("mojibake", order=94)
@dataclass(frozen=True)
class Mojibake:
    """Tag texts that were read in the wrong encoding, or that hold the mark of a character that was lost.

    Code is passed over, and so are texts about encodings and answers to prompts about them. Prompts and answers are
    told apart.
    """

    verdict: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and the number of garbled places of an answer or of a prompt; others are left out."""
        spoken = turns.select("row_id", "turn", "role", "text", asked=previous("text"))
        garbled = spoken.filter(pl.col("text").str.contains(GARBLED))
        about = pl.col("text").str.contains(_ABOUT) | pl.col("asked").str.contains(_ABOUT).fill_null(False)
        places = pl.col("text").str.replace_all(CODE, " ").str.count_matches(GARBLED).cast(pl.Float64)
        places = pl.when(about).then(0.0).otherwise(places)
        is_prompt = has_role((Role.USER, Role.SYSTEM, Role.TOOL))
        return garbled.select(
            "row_id", "turn", answer=pl.when(~is_prompt).then(places), prompt=pl.when(is_prompt).then(places)
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule for answers and one for prompts."""
        return (
            Rule("answer", "mojibake", high=0, verdict=self.verdict),
            Rule("prompt", "mojibake_in_prompt", high=0, verdict=self.verdict),
        )
