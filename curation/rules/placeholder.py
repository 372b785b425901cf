"""Inputs that are none: a mark for "no input", an image, a bare link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.rules.response import has_role, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

# The reader sets the input behind the instruction, after an empty line.
_LAST = r"(?:\A|\n[ \t]*\n)\s*(?:(?:input|context)\s?:\s*)?"
PLACEHOLDER = (
    rf"(?i){_LAST}[<\[({{]*\s*(?:no[ _-]?(?:inputs?|context)(?: (?:is |was )?(?:required|needed|"
    rf"provided|given|necessary|available))?|"
    r"n\s?/\s?a|none|null|nil|not (?:applicable|provided|given|needed|required))\s*[>\])}]*\s?[.!]?\s*\z"
    rf"|(?i:{_LAST})(?:<(?i:input|context|text)>|\[(?i:input|context|text|your text|"
    rf"insert [^\]\n]{{1,60}}|your [^\]\n]{{1,60}})\]"
    r"|\{{1,2}\s?(?i:input|context|text)\s?\}{1,2}|<(?i:empty|blank)>|\((?i:empty|blank)\)|\[(?i:empty|"
    r"blank)\])\s*\z"
    r"|(?i)[<\[(]\s*no[ _-]?inputs?\s*[>\])]\s*\z"
    rf"|{_LAST}[<\[({{]*\s*(?:keine? (?:eingabe|input|text)|(?:pas d['’]|aucune )entrée|(?:sin|ninguna) entrada|"
    r"(?:sem|nenhuma) entrada|nessun (?:input|ingresso)|(?:нет|без) (?:ввода|входных данных)|"
    r"无输入|没有输入|無輸入|入力なし)"
    r"\s*[>\])}]*\s?[.。]?\s*\z"
)
_IMAGE = r"(?:jpe?g|png|gif|webp|bmp|tiff?|heic|svg|mp[34]|wav|avi|mov|webm)"
IMAGE = (
    rf"(?i){_LAST}(?:!\[[^\]\n]*\]\([^)\n]*\)|<img\b[^>]*>|<image>|[\[(](?:image|photo|picture|"
    rf"video)(?: (?:of|here|attached)[^\])\n]*)?[\])]|"
    rf"data:image/\S+|[^\s]+\.{_IMAGE}(?:\?\S*)?)\s*\z"
)
LINK = rf"(?i){_LAST}<?(?:https?://|www\.)[^\s]+>?\s*\z"
# A task about the address or the file itself needs no more than its name.
ABOUT_THE_NAME = (
    r"(?i)\b(?:urls?|uri|links?|domains?|host ?names?|address|web ?sites?|web ?pages?|parse|scrap\w+|"
    r"request|download\w*|api|code|function|"
    r"program|script|python|java|javascript|html|css|php|regex|command|file ?names?|extension|tools?|"
    r"search)\b"
)


@stage("placeholder", order=92)
@dataclass(frozen=True)
class Placeholder:
    """Tag prompts whose input is a placeholder ("<noinput>", "N/A"), an image or a bare link.

    An image or a link is passed over where the instruction is about addresses, tools or programs.
    """

    verdict: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and whether the input is a placeholder, an image, a link.

        User turns whose end looks like none of them are left out.
        """
        text = pl.col("text")
        end = text.str.tail(_END_CHARS)
        suspects = turns.filter(has_role((Role.USER,))).filter(end.str.contains(_TRACE))
        about_text = ~text.str.replace(LINK, "").str.contains(ABOUT_THE_NAME)
        image = text.str.contains(IMAGE)
        return suspects.select(
            "row_id",
            "turn",
            placeholder=where(text.str.contains(PLACEHOLDER)),
            image=where(image & about_text),
            link=where(~image & text.str.contains(LINK) & about_text),
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule for each kind of input that is none."""
        return (
            Rule("placeholder", "placeholder_input", high=0, verdict=self.verdict),
            Rule("image", "image_input", high=0, verdict=self.verdict),
            Rule("link", "link_input", high=0, verdict=self.verdict),
        )


_END_CHARS = 240
_TRACE = (
    r"(?i)(?:input|context|text|/ ?a|none|null|nil|applicable|empty|blank|required|needed|provided|"
    r"given|necessary|available|eingabe|entrée|entrada|ingresso|ввода|данных|输入|輸入|なし)"
    rf"\W*\z|[\])>}}]\s*\z|\.{_IMAGE}(?:\?\S*)?\s*\z|(?:https?://|www\.)\S+\s*\z"
)
