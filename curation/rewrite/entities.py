"""HTML entities that a scraper or an export left in prose: `&quot;`, `&rsquo;`, `&#39;`.

They stay in rows that speak of markup, in texts that hold markup or code, and where they spell a tag.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from tilth.curation.stage import CHANGES, Phase, stage

ENTITY = r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#[0-9]{2,7}|#[xX][0-9A-Fa-f]{2,6});"
# A tag, code, or an escaped tag: here an entity may be what is meant.
MARKED_UP = r"</?[A-Za-z!]|`|&lt;/?[A-Za-z!]|&#0*60;/?[A-Za-z!]|&amp;lt;|\\begin\{|(?m)^(?: {4}|\t)\S"
SPEAKS_OF_IT = (
    r"(?i)html|xml|\bsvg\b|\bentit(?:y|ies)\b|escap|markup|\btags?\b|\bencod|\bdecod|latex|markdown|javascript|\bcss\b"
    r"|\bphp\b|web ?page|website|ampersand|实体|转义|エスケープ|entidad|entité|entität"
)
_TIMES = 2  # `&amp;quot;` was escaped twice
_SHOWN = 8


@stage("entities", order=15)
@dataclass(frozen=True)
class Entities:
    """Write the character for an HTML entity in prose; the names of HTML and numbers, closed by a semicolon."""

    phase: ClassVar[Phase] = Phase.REWRITE

    def rewrite(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return the turns with the same keys; tool calls are data and stay as they are."""
        text = pl.col("text")
        holds = text.str.contains(ENTITY).fill_null(False)
        if not turns.select(holds.any()).item():
            return turns
        speaks = (text.str.contains(SPEAKS_OF_IT) | text.str.contains(MARKED_UP)).fill_null(False)
        rows = turns.lazy().filter(holds).select("row_id").unique()
        near = turns.lazy().with_row_index("place").join(rows, on="row_id", how="semi", maintain_order="left")
        places = near.filter(~speaks.any().over("row_id") & holds).select("place").collect()["place"]
        texts = turns["text"].gather(places)
        written = [_written(said) for said in texts]
        changed = [number for number, (was, now) in enumerate(zip(texts, written)) if was != now]
        if not changed:
            return turns
        said: list[list[dict[str, str]] | None] = [None] * turns.height
        for number in changed:
            found = dict.fromkeys(re.findall(ENTITY, texts[number]))
            said[places[number]] = [{"kind": "entity", "shown": " ".join(list(found)[:_SHOWN])}]
        return turns.with_columns(
            turns["text"].scatter(places.gather(changed), [written[number] for number in changed]),
            changes=pl.Series(said, dtype=CHANGES),
        )


def _written(text: str) -> str:
    for _ in range(_TIMES):
        text = re.sub(ENTITY, lambda hit: html.unescape(hit[0]).replace("\u00a0", " "), text)
    return text
