"""An answer cut inside a word that the row says whole elsewhere: "Please restart the rou"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import CODE
from tilth.curation.rules.response import ANSWERS, has_role
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Verdict

# A finished sentence, then one whose last word has nothing behind it.
OPEN_END = r"(?s)\p{Ll}{3}[\"'”’)]?[.!?][\"'”’)]?\s.*[ ,]\p{Ll}{3,}\z"
_LAST = re.compile(r"[^\W\d_]+\Z")
_WORD = re.compile(r"[^\W\d_]+")
# What is added to a whole word: the longer one is then no sign that the shorter was cut.
_ENDINGS = re.compile(
    r"s|es|e|d|ed|r|er|ers|n|en|ing|ings|ly|y|al|able|ability|ful|less|ment|ments|ness|ist|ists|ism|ive|ion|ions|ation|"
    r"ations|or|ors|ous|ic|ical|ity|ty|ship|hood|ward|wards|self|selves|th|a|o|i|st|est|like|ish|man|men|um|us|ia|an|ian"
)


@stage("cut_word", order=51)
@dataclass(frozen=True)
class CutWord:
    """Tag answers whose last word is the beginning of a longer word of the row, and stands nowhere else in it.

    A finished sentence must come before it, and no mark behind it. A longer word that only has an ending more
    (return, returned) or is a compound of whole words is no sign.
    """

    verdict: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and whether an answer ends inside a word; answers that end otherwise are left out."""
        ends = pl.col("text").str.strip_chars_end().str.contains(OPEN_END)
        suspects = turns.filter(has_role(ANSWERS), ends).select("row_id", "turn", "text")
        said = turns.join(suspects.select("row_id"), on="row_id", how="semi").group_by("row_id")
        whole = said.agg(row=pl.col("text").fill_null("").str.replace_all(CODE, " ").str.join("\n"))
        found = suspects.join(whole, on="row_id", how="left", maintain_order="left")
        cut = [is_cut(text, row) for text, row in found.select("text", "row").iter_rows()]
        return found.select("row_id", "turn", cut=pl.Series([float(one) for one in cut], dtype=pl.Float64))

    def rules(self) -> tuple[Rule, ...]:
        """Return the one rule."""
        return (Rule("cut", "cut_inside_word", high=0, verdict=self.verdict),)


def is_cut(answer: str, row: str) -> bool:
    """Return whether the last word of an answer is only the beginning of a word of its row."""
    last = _LAST.search(answer.rstrip())
    if last is None:
        return False
    words = [word.lower() for word in _WORD.findall(row)]
    end = last[0].lower()
    if words.count(end) > 1:
        return False
    longer = {word[len(end) :] for word in words if word.startswith(end) and word != end}
    return bool(longer) and not any(_ENDINGS.fullmatch(rest) or rest in words for rest in longer)
