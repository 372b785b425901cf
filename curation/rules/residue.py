"""What scraping leaves in a text: pager marks, button labels, broken lists, stuck digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import CODE
from tilth.curation.response import GOOD_RESPONSES, has_role, previous, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

# The page mark of a chat export, glued to the text or on a line of its own; a fraction has neither.
PAGER = (
    r"\A\s*(?:\d{1,3} / \d{1,3}\pL|(?:1 / 1|2 / 2|3 / 3|4 / 4|5 / 5|6 / 6|7 / 7|8 / 8|9 / 9)[ \t]*\n\s*\S)"
)
# Labels stand alone on a line, or glued to the language of the code below them.
_TRACE = (
    r"Copy code|opy to clipboard|oo many requests in|egenerate response|Share this|top generating|"
    r"ontent policy"
    r"|error generating a response|help\.openai\.com|Was this (?:response|answer|article)|"
    r"ign up for our|ubscribe to"
)
LABEL = (
    r"(?m)^[A-Za-z+#0-9]{1,12}Copy code|^Copy code(?:[A-Za-z#<{(]|[ \t]*$)"
    r"|(?:^\W*|[.!?] )Too many requests in 1 hour|(?:^|[.!?] ?)Regenerate response[ \t]*$"
    r"|^Stop generating[ \t]*$|^Share this(?: (?:post|article|page|story|entry|answer))?:?[ \t]*$"
    r"|^(?:Copy|Copied) to clipboard!?[ \t]*$|^Was this (?:response|answer|article) (?:better or worse|"
    r"helpful)\?"
    r"|^(?:There was an error generating a response|This content may violate our content policy)"
    r"|^(?:Sign up for|Subscribe to) our (?:free |weekly |daily )?newsletter\b"
)
COPY_IN_FENCE = r"(?m)^```[^\n]*\n(?:[a-z+#0-9]{1,12}[ \t]*\n)?(?:[a-z+#0-9]{1,12})?Copy code"
# Two items in a row with the number 1, or a last item with nothing in it.
BROKEN_LIST = r"(?m)^1\. [^\n]+\n{1,2}1\. [^\n]+(?:\n|\z)|^1[.)] 1[.)] \S|\n[ \t]*\d{1,2}[.)]\s*\z"
_LIST_TRACE, _BARE_END = r"\n1\. |1\. 1\. |1\) 1\) ", r"[0-9][.)]\s*\z"
DIGITS = "|".join(f"{digit}{{9}}" for digit in range(10))
# Nine equal digits are nothing odd in a round number, behind a decimal point, in binary or in hexadecimal.
_SOUND = r"[0-9]*[.,][0-9]+|\b[1-9][0-9]{0,3}0{9,18}\b|\b[01]*(?:01|10)[01]*\b|\b(?:0x|#)[0-9A-Fa-f]+"


@stage("residue", order=86)
@dataclass(frozen=True)
class Residue:
    """Tag turns with residue of scraping; each kind has its own reason.

    pager: a page mark ("2 / 2") before a prompt or response. label: "Copy code", "Regenerate response",
    "Too many requests in 1 hour", "Share this" as a line of its own. broken_list: 1. 1. or a bare last number.
    stuck_digits: nine times the same digit, where the prompt has no such number.
    """

    verdict: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and whether each kind of residue is in it; turns without a trace are left out."""
        text = pl.col("text")
        seen = turns.select(
            "row_id",
            "turn",
            "text",
            is_response=has_role(GOOD_RESPONSES),
            is_user=has_role((Role.USER,)),
            asked=previous("text"),
            paged=text.str.contains(PAGER),
            labelled=text.str.contains(_TRACE),
            listed=text.str.contains(_LIST_TRACE) | text.str.tail(8).str.contains(_BARE_END),
            stuck=text.str.contains(DIGITS),
        ).filter(
            (pl.col("is_response") & pl.any_horizontal("paged", "labelled", "listed", "stuck"))
            | (pl.col("is_user") & (pl.col("paged") | pl.col("labelled")))
        )
        prose = text.str.replace_all(CODE, " ")
        stuck = prose.str.replace_all(_SOUND, " ").str.contains(DIGITS) & ~(
            pl.col("asked").fill_null("").str.contains(DIGITS)
        )
        return seen.select(
            "row_id",
            "turn",
            pager=where(pl.col("paged")),
            label=where(pl.col("labelled") & (prose.str.contains(LABEL) | text.str.contains(COPY_IN_FENCE))),
            broken_list=where(pl.col("is_response") & pl.col("listed") & prose.str.contains(BROKEN_LIST)),
            stuck_digits=where(pl.col("is_response") & pl.col("stuck") & stuck),
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule for each kind."""
        return (
            Rule("pager", "pager_residue", high=0, verdict=self.verdict),
            Rule("label", "label_residue", high=0, verdict=self.verdict),
            Rule("broken_list", "broken_list", high=0, verdict=self.verdict),
            Rule("stuck_digits", "stuck_digits", high=0, verdict=self.verdict),
        )
