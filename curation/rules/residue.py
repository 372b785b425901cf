"""What scraping leaves in a text: pager marks, button labels, broken lists, stuck digits, escaped signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import CODE
from tilth.curation.rules.response import GOOD_RESPONSES, has_role, previous, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

# The page mark of a chat export, glued to the text or on a line of its own; a fraction has neither, and
# in round brackets stands before a lower-case letter or a sign.
PAGER = (
    r"\A\s*(?:\d{1,3} / \d{1,3}\pL|[<‹«\[] ?\d{1,3} ?/ ?\d{1,3} ?[>›»\]][ \t]*(?:\n|\pL)"
    r"|\( ?\d{1,3} ?/ ?\d{1,3} ?\)[ \t]*(?:\n|\p{Lu}\p{Ll}+ )"
    r"|(?:1 / 1|2 / 2|3 / 3|4 / 4|5 / 5|6 / 6|7 / 7|8 / 8|9 / 9)[ \t]*\n\s*\S)"
)
LAST_PAGER = r"\n[ \t]*[<‹] ?\d{1,3} ?/ ?\d{1,3} ?[>›]\s*\z"
# Labels stand alone on a line, or glued to the language of the code below them.
_LABEL_MARKS = (
    *("Copy code", "opy to clipboard", "opied to clipboard", "oo many requests in", "egenerate response"),
    *(
        "Share this",
        "top generating",
        "ontent policy",
        "ontinue generating",
        "how drafts",
        "iew other drafts",
    ),
    *(
        "Google it",
        "ChatGPT can make mistakes",
        "ee Research Preview",
        "Read more",
        "Show more",
        "Click here to",
    ),
    *("Advertisement", "use cookies", "uses cookies", "ll rights reserved", "Give feedback", "etwork error"),
    *(
        "omething went wrong",
        "error generating a response",
        "help.openai.com",
        "ign up for our",
        "ubscribe to",
    ),
    *("Was this response", "Was this answer", "Was this article"),
)
LABEL = (
    r"(?m)^[A-Za-z+#0-9]{1,12}Copy code|^Copy code(?:[A-Za-z#<{(]|[ \t]*$)"
    r"|(?:^\W*|[.!?] )Too many requests in 1 hour|(?:^|[.!?] ?)Regenerate response[ \t]*$"
    r"|^Stop generating[ \t]*$|^Share this(?: (?:post|article|page|story|entry|answer))?:?[ \t]*$"
    r"|^(?:Copy|Copied) to clipboard!?[ \t]*$|^Was this (?:response|answer|article) (?:better or worse|"
    r"helpful)\?"
    r"|^(?:Continue generating|View other drafts|Show drafts|Google it|Give feedback|Read more|Show more|"
    r"Advertisement|Click here to (?:read|continue|view) more\.?)[ \t]*$|[.!?] ?Continue generating[ \t]*$"
    r"|^(?:Free Research Preview\b|ChatGPT can make mistakes\b|All rights reserved\.?[ \t]*$)"
    r"|^(?:network error|Something went wrong\. If this issue persists)"
    r"|^(?:This (?:web ?)?site uses|We use) cookies\b"
    r"|^(?:There was an error generating a response|This content may violate our content policy)"
    r"|^(?:Sign up for|Subscribe to) our (?:free |weekly |daily )?newsletter\b"
)
COPY_IN_FENCE = r"(?m)^```[^\n]*\n(?:[a-z+#0-9]{1,12}[ \t]*\n)?(?:[a-z+#0-9]{1,12})?Copy code"
# Two items in a row with the number 1, or a last item with nothing in it.
BROKEN_LIST = (
    r"(?m)^1\. [^\n]+\n{1,2}1\. [^\n]+(?:\n|\z)|^1[.)] 1[.)] \S|\n[ \t]*\d{1,2}[.)]\s*\z"
    r"|\n[ \t]*[•·●▪◦‣][ \t]*(?:\n\s*[•·●▪◦‣][ \t]*)*\z|^[ \t]*[•·●▪◦‣][ \t]*\n\s*[•·●▪◦‣][ \t]*$"
    r"|^[-*+][ \t]*\n[-*+][ \t]*$|^[-*+] [^\n]*\S[^\n]*\n[-*+][ \t]*\z|^[•·●▪◦‣] ?[•·●▪◦‣] ?[\pL]"
)
_LIST_MARKS = (
    "\n1. ",
    "1. 1. ",
    "1) 1) ",
    *"•·●▪◦‣",
    *(f"\n{mark}{end}" for mark in "-*+" for end in ("\n", " \n")),
)
_BARE_END = r"\n[ \t]*(?:[0-9]{1,2}[.)]|[-*+])\s*\z"
# A sign that HTML wrote for another, in prose; twice escaped, or with no HTML about.
ENTITY = (
    r"&(?:amp|lt|gt|quot|apos|nbsp|ndash|mdash|hellip|lsquo|rsquo|ldquo|rdquo|bull|middot|laquo|raquo|copy|"
    r"reg|trade|deg|euro|"
    r"pound|frac12|times|rarr|larr|shy|zwj|eacute|egrave|agrave|ccedil|ntilde|[aouAOU]uml|szlig|oslash|"
    r"aring|iacute|oacute|uacute|aacute|"
    r"#(?:[0-9]{2,5}|x[0-9A-Fa-f]{2,5}));"
)
_ENTITY_TRACE = (
    "&amp",
    "&lt;",
    "&gt;",
    "&quot",
    "&apos",
    "&nbsp",
    "dash;",
    "&hellip",
    "quo;",
    "&#",
    "&bull",
    "&copy",
    "acute;",
    "uml;",
    "&deg;",
)
# Who is about HTML or about such signs has them on purpose; so has a text with tags of its own.
ABOUT_HTML = (
    r"(?i)html|xml|entit|escap|web ?page|markup|css|javascript|&[a-z]{2,6};|</?[a-z][^<>\n]*>|url|php|rss|svg|jsx|"
    r"react"
)
ABOUT_HTML_TEXT = r"(?i)html|xml|entit|escap|</?[a-z][^<>\n]*>"
REPEATED = tuple(str(digit) * 9 for digit in range(10))
DIGITS = "|".join(REPEATED)
# More digits than a double has, so no program's 1 / 3.
LONG_DECIMAL = rf"[0-9]\.[0-9]{{0,3}}(?:{'|'.join(f'{digit}{{18}}' for digit in range(1, 10))})"
# Nine equal digits are nothing odd in a round number, behind a decimal point, in binary or in hexadecimal.
_SOUND = r"[0-9]*[.,][0-9]+|\b[1-9][0-9]{0,3}0{9,18}\b|\b[01]*(?:01|10)[01]*\b|\b(?:0x|#)[0-9A-Fa-f]+"


@stage("residue", order=86)
@dataclass(frozen=True)
class Residue:
    """Tag turns with residue of scraping; each kind has its own reason.

    pager: a page mark ("2 / 2") before a prompt or response. label: "Copy code", "Regenerate response",
    "Too many requests in 1 hour", "Share this" as a line of its own. broken_list: 1. 1., a bare last number, bullets
    without items. stuck_digits: nine times the same digit, where the prompt has no such number, or 18 times behind
    a decimal point. escaped_signs: `&quot;` and its like outside code, where neither the text nor the prompt is
    about HTML.
    """

    verdict: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and whether each kind of residue is in it; turns without a trace are left out."""
        text, asked = pl.col("text"), pl.col("asked").fill_null("")
        marks = [*_LABEL_MARKS, *_LIST_MARKS, *REPEATED, *_ENTITY_TRACE]
        seen = turns.select(
            "row_id",
            "turn",
            "text",
            is_response=has_role(GOOD_RESPONSES),
            is_user=has_role((Role.USER,)),
            asked=previous("text"),
            paged=text.str.contains(PAGER) | text.str.tail(16).str.contains(LAST_PAGER),
        ).filter(
            pl.col("paged")
            | text.str.contains_any(marks)
            | (pl.col("is_response") & text.str.tail(8).str.contains(_BARE_END))
        )
        seen = seen.filter(pl.col("is_response") | pl.col("is_user")).with_columns(
            prose=text.str.replace_all(CODE, " "),
            repeated=pl.col("is_response") & text.str.contains_any([*REPEATED]),
            labelled=text.str.contains_any([*_LABEL_MARKS]),
            escaped=text.str.contains_any([*_ENTITY_TRACE]),
        )
        prose = pl.col("prose")
        stuck = prose.str.contains(LONG_DECIMAL) | (
            prose.str.replace_all(_SOUND, " ").str.contains(DIGITS) & ~asked.str.contains_any([*REPEATED])
        )
        labelled = prose.str.contains(LABEL) | text.str.contains(COPY_IN_FENCE)
        meant = prose.str.contains(ABOUT_HTML_TEXT) | asked.str.contains(ABOUT_HTML)
        found = [
            seen.filter("escaped").select(
                "row_id", "turn", entities=where(prose.str.contains(ENTITY) & ~meant)
            ),
            seen.filter("labelled").select("row_id", "turn", label=where(labelled)),
            seen.filter("repeated").select("row_id", "turn", stuck_digits=where(stuck)),
        ]
        kinds = seen.select(
            "row_id",
            "turn",
            pager=where(pl.col("paged")),
            broken_list=where(pl.col("is_response") & prose.str.contains(BROKEN_LIST)),
        )
        for kind in found:
            kinds = kinds.join(kind, on=["row_id", "turn"], how="left", maintain_order="left")
        return kinds.with_columns(pl.col("label", "stuck_digits", "entities").fill_null(0.0))

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule for each kind."""
        return (
            Rule("pager", "pager_residue", high=0, verdict=self.verdict),
            Rule("label", "label_residue", high=0, verdict=self.verdict),
            Rule("broken_list", "broken_list", high=0, verdict=self.verdict),
            Rule("stuck_digits", "stuck_digits", high=0, verdict=self.verdict),
            Rule("entities", "escaped_signs", high=0, verdict=self.verdict),
        )
