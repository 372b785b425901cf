"""Inputs that are none, and answers that are none: a mark for "no input", an image, a bare link, "<nooutput>"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.rules.response import ANSWERS, has_role, previous, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

# The reader sets the input behind the instruction, after an empty line.
_LAST = r"(?:\A|\n[ \t]*\n)\s*(?:(?:input|context)\s?:\s*)?"
PLACEHOLDER = (
    rf"(?i){_LAST}[<\[({{]*\s*(?:no[ _-]?(?:inputs?|context)(?: (?:is |was )?(?:required|needed|"
    rf"provided|given|necessary|available))?|"
    r"n\s?/\s?a|none|null|nil|nan|<na|not (?:applicable|provided|given|needed|required))\s*[>\])}]*\s?[.!]?\s*\z"
    rf"|(?i:{_LAST})(?:<(?i:input|context|text)>|\[(?i:input|context|text|your text|"
    rf"insert [^\]\n]{{1,60}}|your [^\]\n]{{1,60}})\]"
    r"|\{{1,2}\s?(?i:input|context|text)\s?\}{1,2}|<(?i:empty|blank)>|\((?i:empty|blank)\)|\[(?i:empty|"
    r"blank)\])\s*\z"
    r"|(?i)[<\[(]\s*no[ _-]?inputs?\s*[>\])]\s*\z"
    rf"|{_LAST}[<\[({{]*\s*(?:keine? (?:eingabe|input|text)|(?:pas d['’]|aucune )entrée|(?:sin|"
    rf"ninguna) entrada|"
    r"(?:sem|nenhuma) entrada|nessun (?:input|ingresso)|(?:нет|без) (?:ввода|входных данных)|"
    r"无输入|没有输入|無輸入|入力なし)"
    r"\s*[>\])}]*\s?[.。]?\s*\z"
)
_IMAGE = r"(?:jpe?g|png|gif|webp|bmp|tiff?|heic|svg|mp[34]|wav|avi|mov|webm)"
IMAGE = (
    rf"(?i){_LAST}(?:!\[[^\]\n]*\]\([^)\n]*\)|<img\b[^>]*>|[<\[({{]{{1,2}} ?(?:an? |the |see |insert |"
    rf"attached )?"
    rf"(?:image|photo|photograph|picture|video|audio|screenshot|drawing|bild|foto|imagen|immagine|imagem|"
    rf"图片|圖片|图像|画像)s?"
    rf"(?:[ :_-][^\])>}}\n]{{0,120}})? ?[\])>}}]{{1,2}}|"
    rf"data:image/\S+|[^\s]+\.{_IMAGE}(?:\?\S*)?)\s*\z"
)
LINK = rf"(?i){_LAST}<?(?:https?://|www\.)[^\s]+>?\s*\z"
# A task about the address or the file itself needs no more than its name; one about what lies behind it does.
ABOUT_THE_NAME = (
    r"(?i)\b(?:urls?|uri|domains?|host ?names?|ip address|url address|address of|parse|scrap\w+|"
    r"(?:hyper)?links? (?:to|with|in|for|that (?:opens|points))|(?:create|make|write|add|insert|build|"
    r"shorten|open|"
    r"copy|format|turn|convert|share|post)\b[^.\n]{0,40}\b(?:hyper)?links?|web ?sites?|request|download\w*|"
    r"api|code|function|"
    r"program|script|python|java|javascript|html|css|php|regex|command|file ?names?|extension|tools?|"
    r"search)\b"
)


# Behind a link, above it, given: what is meant is the page, whatever else the instruction says of links.
BEHIND_THE_LINK = (
    r"(?i)\b(?:article|page|post|story|text|content|website|site|paper|report|video|document|recipe|"
    r"news)s? (?:behind|at|in|on|from|"
    r"under|of) (?:this|the|that|following|given)? ?(?:\w+ )?(?:link|url|address|website|page|site)\b"
    r"|\b(?:summari[sz]e|read|review|analy[sz]e|describe|explain|translate|visit|"
    r"open and)\b[^.\n]{0,40}\b(?:link|url|article|website|"
    r"web ?page)\b"
)
# Tools and programs open pages by themselves.
OPENS_PAGES = (
    r"(?i)\b(?:tool\w*|request\w*|api|function|code|program|script|python|javascript|html|php|scrap\w+|"
    r"download\w*)\b"
)
# A response that is a mark for "no output"; "None" may be the answer where it is asked for or a choice.
NO_ANSWER = (
    r"(?i)\A\s*(?:[<\[({]{1,2}\s*(?:no[ _-]?(?:outputs?|response|answers?|text)(?: (?:is |was )?(?:needed|"
    r"required|provided|given|"
    r"necessary|available|possible|expected))?|empty|blank|null|none|n ?/ ?a|outputs?|response|answer|"
    r"your (?:answer|response)(?: here)?|"
    r"insert [^\n]{1,40}|placeholder|todo|tbd|keine ausgabe|aucune (?:sortie|réponse)|sin (?:salida|"
    r"respuesta)|sem (?:saída|resposta)|"
    r"nessun output|нет (?:вывода|ответа)|无输出|無輸出|没有输出|出力なし|출력 없음)\s*[>\])}]{1,2}"
    r"|no[ _-]?outputs?(?: (?:is |was )?(?:needed|required|provided|given|necessary|available|possible|"
    r"expected))?|nooutput|"
    r"no (?:response|answer) (?:is |was )?(?:needed|required|provided|given|necessary|available|possible|"
    r"expected)|n ?/ ?a|"
    r"not (?:applicable|available|provided)|null|nil|undefined|tbd|todo|placeholder|lorem ipsum[^\n]*|"
    r"keine ausgabe|"
    r"(?:pas de|aucune) (?:sortie|réponse)|sin (?:salida|respuesta)|sem (?:saída|resposta)|нет (?:вывода|"
    r"ответа)|无输出|無輸出|没有输出|出力なし|"
    r"출력 없음)\s*[.!。]?\s*\z"
)
_NO_ANSWER_CHARS = 80
# Where the words of the mark are what the prompt asks about, or what it says to answer with.
NAMES_THE_MARK = (
    r"(?i)n ?/ ?a|not (?:applicable|available)|null|\bnil\b|undefined|\bnone\b|placeholder|tbd|todo|"
    r"no (?:output|answer|response)|"
    r"nothing|empty|blank|lorem|code|function|program|print|console|json|sql|python|javascript"
)


@stage("placeholder", order=92)
@dataclass(frozen=True)
class Placeholder:
    """Tag prompts whose input is a placeholder ("<noinput>", "N/A"), an image or a bare link, and answers that are
    a placeholder ("<nooutput>", "N/A").

    An image or a link is passed over where the instruction is about addresses, tools or programs, an answer where
    the prompt has its words.
    """

    verdict: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and whether the input is a placeholder, an image, a link, or the answer none.

        User turns whose end looks like none of them are left out, and so are answers that say something.
        """
        return pl.concat([self._inputs(turns), self._answers(turns)], how="diagonal").sort("row_id", "turn")

    def _inputs(self, turns: pl.DataFrame) -> pl.DataFrame:
        text = pl.col("text")
        end = text.str.tail(_END_CHARS)
        suspects = turns.filter(has_role((Role.USER,))).filter(end.str.contains(_TRACE))
        instruction = text.str.replace(LINK, "").str
        behind = instruction.contains(BEHIND_THE_LINK) & ~instruction.contains(OPENS_PAGES)
        about_text = ~instruction.contains(ABOUT_THE_NAME) | behind
        image = text.str.contains(IMAGE)
        return suspects.select(
            "row_id",
            "turn",
            placeholder=where(text.str.contains(PLACEHOLDER)),
            image=where(image & about_text),
            link=where(~image & text.str.contains(LINK) & about_text),
        )

    def _answers(self, turns: pl.DataFrame) -> pl.DataFrame:
        asked = pl.when(previous("role") == Role.USER.value).then(previous("text")).fill_null("")
        short = (
            turns.select("row_id", "turn", "role", "text", asked=asked)
            .filter(has_role(ANSWERS))
            .filter(pl.col("text").str.len_chars() <= _NO_ANSWER_CHARS)
            .filter(pl.col("text").str.contains(NO_ANSWER))
        )
        return short.select("row_id", "turn", no_answer=where(~pl.col("asked").str.contains(NAMES_THE_MARK)))

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule for each kind of input that is none, and one for answers."""
        return (
            Rule("placeholder", "placeholder_input", high=0, verdict=self.verdict),
            Rule("image", "image_input", high=0, verdict=self.verdict),
            Rule("link", "link_input", high=0, verdict=self.verdict),
            Rule("no_answer", "placeholder_answer", high=0, verdict=self.verdict),
        )


_END_CHARS = 240
_TRACE = (
    r"(?i)(?:input|context|text|/ ?a|none|null|nil|nan|applicable|empty|blank|required|needed|provided|"
    r"given|necessary|available|eingabe|entrée|entrada|ingresso|ввода|данных|输入|輸入|なし)"
    rf"\W*\z|[\])>}}]\s*\z|\.{_IMAGE}(?:\?\S*)?\s*\z|(?:https?://|www\.)\S+\s*\z"
)
