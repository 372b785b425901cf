"""Tags of a web page or of a mail left in an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import CODE
from tilth.curation.rules.asked import ABOUT_MARKUP
from tilth.curation.rules.response import GOOD_RESPONSES, has_role, previous
from tilth.curation.stage import Count, Phase, Rule, limit, stage
from tilth.shards.tables import Verdict

# Tags by name, so that `<name>` of a usage line, `a < b` and generics are none; a closed pair, or one that is empty.
_PAIRED = (
    r"(?:p|div|span|a|b|i|u|s|em|strong|small|big|font|center|ul|ol|li|table|thead|tbody|tr|td|th|h[1-6]|blockquote|"
    r"pre|code|sup|sub|style|script|body|html|head|title|button|section|article|header|footer|label|form)"
)
_VOID = r"(?:br|hr|img|input|meta|link)"
TAG = rf"(?i)</{_PAIRED}\s*>|<{_VOID}(?:\s[^<>\n]*)?/?>|<(?:p|div|span|a|font|table|td)\s[a-z-]+=[^<>\n]*>"
WANTS_TAGS = (
    rf"{ABOUT_MARKUP}|(?i)html|css|xml|svg|xss|web ?(?:page|site|app|form|server|development|design|scrap)|browser|"
    r"java|php|react|vue|angular|jsx|django|flask|rails|node|code|program|function|script|snippet|element|button|hyperlink|"
    r"navbar|canvas|dom(?-u:\b)|selector|bootstrap|</?[a-z][a-z0-9]*[\s>/]"
)


@stage("html", order=87)
@dataclass(frozen=True)
class Html:
    """Tag answers and documents with HTML tags in their prose: `<br>`, `</p>`, `<span style=…>`.

    Code is passed over, and so is an answer whose prompt has tags itself or is about pages, markup or programs.
    max_tags: how many are left alone.
    """

    max_tags: Count = limit(0)
    verdict: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and the number of tags in the prose; texts without `<` are left out."""
        spoken = turns.select("row_id", "turn", "role", "text", asked=previous("text")).filter(
            has_role(GOOD_RESPONSES), pl.col("text").str.contains("<", literal=True)
        )
        tags = pl.col("text").str.replace_all(CODE, " ").str.count_matches(TAG).cast(pl.Float64)
        wanted = pl.col("asked").str.contains(WANTS_TAGS).fill_null(False)
        return spoken.select("row_id", "turn", tags=pl.when(wanted).then(0.0).otherwise(tags))

    def rules(self) -> tuple[Rule, ...]:
        """Return the one rule."""
        return (Rule("tags", "html_markup", high=self.max_tags, verdict=self.verdict),)
