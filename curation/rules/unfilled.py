"""A field of a canned reply that nobody filled in: `Dear {{first_name}}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import CODE
from tilth.curation.rules.response import GOOD_RESPONSES, has_role, previous
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Verdict

_WORDS = r"[\pL_][\pL\d_]*(?:[ .\-][\pL\d_]+){0,4}"
# What a mail program fills in, named as such: one brace or bracket alone is also a set, a citation, an aside.
_FIELD = (
    r"(?:first|last|full|sur|user|agent|customer|client|company|product|order|ticket|account|invoice|tracking|contact|"
    r"case|reference|recipient|sender|support|store|shop|phone|email|e-mail|employee|manager|business|brand)"
    r"[ _.\-]?(?:name|number|no|id|email|e-mail|date|link|url|address|phone|code|team|title)"
)
FIELD = (
    rf"(?:^|[^{{}}$\\^_\pL])\{{\{{\s?[#/]?{_WORDS}\s?\}}\}}(?:[^}}]|$)|\$\{{{_WORDS}\}}|%%{_WORDS}%%|"
    rf"(?i)[{{\[<%](?:your |the |insert )?{_FIELD}(?: here)?[}}\]>%](?:[^(]|$)"
)
_OPENS = r"\{\{|\$\{|%%|[{\[<%][A-Za-z]{3}"  # cheap: what every field begins with
WANTS_FIELDS = (
    r"(?i)template|placeholder|fill[ -]in|fill out|blank|variable|jinja|handlebars|mustache|liquid|vue|angular|react|"
    r"django|latex|format|string|code|program|script|function|java|python|html|sql|php|bash|shell|regex|yaml|json|xml|"
    r"(?-u:\b)api(?-u:\b)|prompt|generic|"
    r"(?:write|draft|compose|create|generate|prepare|make|need)[^\n]{0,60}(?:letter|e-?mail|message|invitation|contract|"
    r"agreement|resume|cv(?-u:\b)|memo|note|invoice|script|announcement|speech|statement|report|plan|post|form|policy|notice)|"
    r"vorlage|plantilla|modèle|modello|模板|テンプレート|шаблон"
)


@stage("unfilled", order=93)
@dataclass(frozen=True)
class Unfilled:
    """Tag answers with a field that was to be filled in: `{{order}}`, `[Customer Name]`, `${name}`, `%%id%%`.

    Code is passed over, and so is an answer whose prompt has such fields, asks for a text to be filled in, or is
    about templates and programs.
    """

    verdict: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and the number of open fields; answers without one are left out."""
        spoken = turns.select("row_id", "turn", "role", "text", asked=previous("text"))
        spoken = spoken.filter(has_role(GOOD_RESPONSES), pl.col("text").str.contains(_OPENS))
        spoken = spoken.filter(pl.col("text").str.contains(FIELD))
        prose = pl.col("text").str.replace_all(CODE, " ")
        wanted = pl.col("asked").str.contains(WANTS_FIELDS) | pl.col("asked").str.contains(FIELD)
        fields = prose.str.count_matches(FIELD).cast(pl.Float64)
        found = spoken.select(
            "row_id", "turn", fields=pl.when(wanted.fill_null(False)).then(0.0).otherwise(fields)
        )
        return found.filter(pl.col("fields") > 0)

    def rules(self) -> tuple[Rule, ...]:
        """Return the one rule."""
        return (Rule("fields", "unfilled_field", high=0, verdict=self.verdict),)
