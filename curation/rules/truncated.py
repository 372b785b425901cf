"""A response that stops in the middle: an open fence, formula or JSON value, or a generator that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import CODE
from tilth.curation.rules.response import ANSWERS, GOOD_RESPONSES, following, has_role, previous, where
from tilth.curation.stage import Phase, Positive, Rule, limit, stage
from tilth.shards.tables import Verdict

FENCE_LINE = r"(?m)^[ \t]{0,3}```"
TILDE_BLOCK = r"(?ms)^[ \t]{0,3}~~~[^\n]*\n.*?^[ \t]{0,3}~~~[ \t]*$"
JSON_START = r"^\s*(?:\{\s*\"|\[\s*[\[{\"])"
JSON_STRING = r'(?s)"(?:[^"\\]|\\.)*(?:"|\z)'
# After the last `$$`: a TeX command. Shells and price lists have `$$` too.
TEX_TAIL = r"\$\$[^$]*\\[A-Za-z]+[^$]*\z"

# A finished sentence (four letters before its mark: no initial, no list number), then one that ends in a word
# which needs another, in a comma or hyphen, or inside a bracket. One that only lacks its mark is no sign: of 71
# such in 34,000 real rows next to none were cut.
_NEEDS_MORE = (
    r"the|a|an|of|to|and|or|but|nor|with|for|from|by|at|which|because|was|were|has|have|had|will|would|"
    r"should|their|its|"
    r"your|my|our|these|those|if|while|than|such|be|between|into|whose|whether|although|including|using|"
    r"during|without|"
    r"within|upon|towards?|where|who|is|are|"
    r"der|die|den|dem|des|eine?|eine[nmrs]|und|oder|für|von|dass|weil|sowie|durch|ihre|seine|sind|wird|"
    r"le|les|une?|du|de|et|ou|dans|avec|pour|par|que|qui|leurs?|aux|est|sont|el|los|las|una|del|y|con|para|"
    r"por|sus?"
)
_SENTENCE = r"\p{Ll}{4}[\"'”’)]?[.!?][\"'”’)]?[ \t]+\p{Lu}"
OPEN_SENTENCE = (
    rf"{_SENTENCE}[^\n.!?:;()=]*(?:(?-u:\b)(?:{_NEEDS_MORE})|,|\pL-)\s*\z"
    rf"|{_SENTENCE}[^\n]*\s\(\pL[^()\n]*\z"
)
# A list is announced at the very end of a row; who asks for an input may end like that.
ANNOUNCED = (
    r"(?i)(?:\A|\n|[.!?] )[^.!?:\n(){}=]*(?-u:\b)(?:following|follows?|below|here(?: is| are|['’]s)|these|"
    r"such as|includes?|including|steps|e\.g\.|for example|folgende[nrms]?|suivante?s?|voici|siguientes?)"
    r"(?-u:\b)[^.!?:\n(){}=]*:\s*\z"
    r"|(?:如下|以下)[^。！？\n]*[：:]\s*\z"
)
ASKS = r"(?i)(?-u:\b)(?:please|provide|enter|paste|share|send|tell me|choose|pick|select|which)(?-u:\b)[^.!?\n]*\z"
_OPEN_END = rf"(?:[,:：]|\pL-|(?-u:\b)(?:{_NEEDS_MORE}))\s*\z|\([^()\n]*\z"
_TAIL_CHARS = 400
# A prompt that is about fences, or about a text that is not whole.
WANTS_OPEN = (
    r"(?i)markdown|fence|back-?ticks?(?-u:\b)|code block|codeblock|prefix|partial|incomplete|unclosed|"
    r"unfinished|truncat|cut (?:it |the \w+ )?off|"
    r"codeblöck|bloc de code|bloque de código|blocco di codice|bloco de código|unvollständig|incompl|"
    r"incomplet|onvolledig|"
    r"блок кода|неполн|незаверш|代码块|代碼塊|不完整|コードブロック|不完全|코드 블록|불완전"
)

# How servers say that the cap on tokens ended an answer, in the attributes of a row.
FINISH = (
    r"\"(?:finish_?[rR]eason|stop_?[rR]eason|done_reason|finish_type)\":\"(?i:length|max_?tokens|"
    r"max_output_tokens|max_new_tokens|"
    r"token_limit|model_length|model_context_window_exceeded)\""
)
TOKENS = r"\"(?:completion|output|generated|response)_tokens\":([0-9]{1,9})\b"
CAP = r"\"max_(?:completion_|output_|new_)?tokens\":([0-9]{1,9})\b"
BYTES_PER_TOKEN = 4  # of UTF-8: about right for English and for Chinese, 20 % off elsewhere
CAP_SHARE = 0.98
TERMINAL = r"[.!?…。！？؟।:;)\]}>\"'”’»*_|`$\d]\s*\z"


@stage("truncated", order=50)
@dataclass(frozen=True)
class Truncated:
    """Drop rows whose attributes say that the cap on tokens ended them; tag those that look so.

    open: the verdict on a response that leaves a code fence, a `$$` formula or a JSON value open, or that reaches
    98 % of the cap on tokens without a terminal mark. Where the prompt is about fences or about a text that is not
    whole, an open fence or value does not count. sentence: the verdict on a last sentence that breaks off (at "the",
    at a comma, in a bracket, before the list it announces). Tokens and cap come from the attributes of the row
    (`completion_tokens`, `max_tokens`); where they lack, the cap is max_tokens_cap, null for none, and four bytes
    count as a token.
    """

    verdict: Verdict = limit(Verdict.DROP)
    open: Verdict = limit(Verdict.KEEP)
    sentence: Verdict = limit(Verdict.KEEP)
    max_tokens_cap: Positive | None = None  # where no attribute states one; null: none

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and the number of fences, formulas, JSON brackets and sentences left open.

        finished: 1.0 for the last response of a row that the cap ended. capped: at the cap without an end.
        """
        text = pl.col("text")
        is_last = following("row_id").is_null()
        responses = turns.select(
            "row_id",
            "turn",
            "role",
            "text",
            is_last=is_last,
            asked=pl.when(has_role(ANSWERS)).then(previous("text")),
            attributes=pl.when(is_last).then("attributes"),
        ).filter(has_role(GOOD_RESPONSES))
        measured = responses.select(
            "row_id",
            "turn",
            "asked",
            finished=where(pl.col("attributes").str.contains(FINISH)),
            capped=self._capped(text),
            fences=_fences(text),
            formulas=_formulas(responses["text"]),
            json=_json(text),
            sentences=_sentences(responses),
        )
        return _without_wanted(measured).drop("asked")

    def _capped(self, text: pl.Expr) -> pl.Expr:
        """Return 1.0 for a response near its cap without a terminal mark, null where no cap is known."""
        counted, cap = (pl.col("attributes").str.extract(key).cast(pl.Float64) for key in (TOKENS, CAP))
        tokens = pl.coalesce(counted, text.str.len_bytes() / BYTES_PER_TOKEN)
        near = tokens >= CAP_SHARE * pl.coalesce(cap, pl.lit(self.max_tokens_cap, pl.Float64))
        return (near & ~text.str.tail(8).str.contains(TERMINAL)).cast(pl.Float64)

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule for each kind of open end."""
        return (
            Rule("finished", "finish_reason_length", high=0, verdict=self.verdict),
            Rule("capped", "ends_at_token_cap", high=0, verdict=self.open),
            Rule("fences", "open_code_fence", high=0, verdict=self.open),
            Rule("formulas", "open_formula", high=0, verdict=self.open),
            Rule("json", "open_json", high=0, verdict=self.open),
            Rule("sentences", "open_sentence", high=0, verdict=self.sentence),
        )


def _without_wanted(measured: pl.DataFrame) -> pl.DataFrame:
    """Take back open fences and JSON values where the prompt (`asked`) is about such."""
    at = ((measured["fences"] > 0) | (measured["json"] > 0).fill_null(False)).arg_true()
    wanted = at.filter(measured["asked"].gather(at).str.contains(WANTS_OPEN).fill_null(False))
    if not len(wanted):
        return measured
    return measured.with_columns(measured[name].scatter(wanted, 0.0) for name in ("fences", "json"))


def _fences(text: pl.Expr) -> pl.Expr:
    """Return 1.0 for an odd number of fences, counted both at line starts and anywhere.

    Four backticks quote fences, so nothing is said of texts that have them; so do tildes, within their block.
    """
    text = text.str.replace_all(TILDE_BLOCK, "")
    odd = (text.str.count_matches(FENCE_LINE) % 2 == 1) & (
        text.str.count_matches("```", literal=True) % 2 == 1
    )
    return where(odd & ~text.str.contains("````", literal=True))


def _sentences(responses: pl.DataFrame) -> pl.Series:
    """Return 1.0 for responses whose last sentence breaks off; few end in a way that says so."""
    tails = responses.select("is_last", tail=pl.col("text").str.tail(_TAIL_CHARS))
    at = tails["tail"].str.contains(_OPEN_END).fill_null(False).arg_true()
    tail = pl.col("tail").str
    announced = pl.col("is_last") & tail.contains(ANNOUNCED) & ~tail.contains(ASKS)
    is_open = tails[at].select(where(tail.contains(OPEN_SENTENCE) | announced)).to_series()
    return pl.zeros(responses.height, dtype=pl.Float64, eager=True).scatter(at, is_open)


def _formulas(texts: pl.Series) -> pl.Series:
    """Return 1.0 for texts whose last `$$`, code left out, opens a formula; few texts have one at all."""
    at = texts.str.contains("$$", literal=True).fill_null(False).arg_true()
    prose = texts.gather(at).str.replace_all(CODE, " ")
    is_open = (prose.str.count_matches("$$", literal=True) % 2 == 1) & prose.str.contains(TEX_TAIL)
    return pl.zeros(len(texts), dtype=pl.Float64, eager=True).scatter(at, is_open.cast(pl.Float64))


def _json(text: pl.Expr) -> pl.Expr:
    """Return how many brackets a JSON value leaves open at the end; not applicable to other texts."""
    bare = text.str.replace_all(JSON_STRING, '""')
    opened, closed = (bare.str.count_matches(bracket).cast(pl.Float64) for bracket in (r"[\[{]", r"[\]}]"))
    return pl.when(text.str.contains(JSON_START)).then((opened - closed).clip(0.0))
