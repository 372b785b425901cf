"""When a text counts as holding an evaluation item: the published rules, and the one that is the default.

>>> import polars as pl
>>> from tilth.curation.dedup.contamination import find
>>> find(pl.Series(["Q: How many eggs do twelve hens lay in a week of rain? A:"]),
...      pl.Series(["How many eggs do twelve hens lay in a week of rain"]))["coverage"].to_list()
[1.0]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

RuleName = Literal["tilth", "tulu-3", "gpt-3", "llama-2", "longest-span"]
EVERY_ROW = 1 << 62


@dataclass(frozen=True)
class ContaminationRule:
    """Bounds on what a text may share with an item, in the words of shingles.py.

    ngram: words of a run that counts as shared. max_gram_rows: a run in more texts than this, and than one in a
    thousand, is a turn of phrase and does not count; null: every run counts. max_coverage: the largest share of
    an item's words that shared runs may cover; null: any. min_tokens: fewer covered words than this are
    forgiven, unless they are the whole item. max_span: a shared span of this many words is too long; null: none.
    own_words: an instruction that items share does not count, and a leak in many rows does (overlap.py).
    """

    ngram: int
    max_gram_rows: int | None
    max_coverage: float | None
    min_tokens: int
    max_span: int | None
    own_words: bool = False

    def max_rows(self, rows: int) -> int:
        """Return in how many of `rows` texts a run may stand and still count."""
        return EVERY_ROW if self.max_gram_rows is None else max(self.max_gram_rows, rows // 1000)

    def covers(self) -> pl.Expr:
        """Return whether a text covers too much of an item (columns coverage, tokens)."""
        if self.max_coverage is None:
            return pl.lit(False)
        enough = (pl.col("tokens") >= self.min_tokens) | (pl.col("coverage") == 1.0)
        return (pl.col("coverage") > self.max_coverage) & enough

    def spans(self) -> pl.Expr:
        """Return whether a text shares too long a span with an item (column span)."""
        return pl.lit(False) if self.max_span is None else pl.col("span") >= self.max_span


RULES: dict[RuleName, ContaminationRule] = {
    # Tulu 3's coverage, with turns of phrase left out and at least ten words (one run of eight is half of a short
    # task that many tasks resemble), or a long span.
    "tilth": ContaminationRule(8, 10, 0.5, 10, 50, own_words=True),
    # Tulu 3 (arXiv 2411.15124, section 3.2): more than half of an item's words in 8-grams of one row.
    "tulu-3": ContaminationRule(8, None, 0.5, 0, None),
    # GPT-3 (arXiv 2005.14165, appendix C): any 13-gram that stands in at most ten documents.
    "gpt-3": ContaminationRule(13, 10, 0.0, 0, None),
    # Llama 2 (arXiv 2307.09288, appendix A.6): at least 80 % of the words in shared spans of more than ten, here
    # of one row and without the four skipped words.
    "llama-2": ContaminationRule(11, None, 0.8 - 1e-9, 0, None),
    # ConTAM (arXiv 2411.03923): the longest contaminated span.
    "longest-span": ContaminationRule(8, 10, None, 0, 50),
}


def find(texts: pl.Series, items: pl.Series, rule: RuleName = "tilth") -> pl.DataFrame:
    """Return the texts that hold an evaluation item by a rule, each with the item it holds most of.

    Columns: index (of the text), item (index of the item), coverage (share of the item's words), tokens (words
    covered), span (longest shared run, in words), words (that run as the item writes it). In order of index.
    A text or an item of fewer words than the rule's run is not found.
    """
    from tilth.curation.similarity.overlap import overlaps
    from tilth.curation.similarity.spans import words_of

    bounds = RULES[rule]
    turns = pl.DataFrame({"row": pl.int_range(len(texts), eager=True), "text": texts.fill_null("")})
    numbered = pl.DataFrame({"item": pl.int_range(len(items), eager=True), "text": items.fill_null("")})
    shared = overlaps(
        turns.with_columns(turn=pl.lit(0, pl.UInt16)),
        numbered,
        bounds.ngram,
        bounds.max_rows(len(texts)),
        own_words=bounds.own_words,
    )
    found = (
        shared.filter(bounds.covers() | bounds.spans())
        .sort("row", "coverage", "span", "item", descending=[False, True, True, False])
        .unique("row", keep="first", maintain_order=True)
    )
    words = [
        words_of(items[i], start, span)
        for i, start, span in found.select("item", "start", "span").iter_rows()
    ]
    return found.select("item", "coverage", "tokens", "span", index="row").select(
        "index", pl.exclude("index"), words=pl.Series(words, dtype=pl.String)
    )


def frontier(shared: pl.DataFrame) -> pl.DataFrame:
    """Return, of each row's items (row_id, coverage, tokens, span), those that some bounds could single out.

    Whatever the bounds, if an item of a row is over them then one that is kept is: in falling coverage, an item
    stays if it has more words or a longer span than all before it. Order: row_id, coverage, falling.
    """
    ordered = shared.sort(
        "row_id", "coverage", "tokens", "span", "item", "field", "item_id",
        descending=[False, True, True, True, False, False, False],
    )  # fmt: skip

    def grows(name: str) -> pl.Expr:
        return pl.col(name) > pl.col(name).cum_max().shift(1).over("row_id")

    is_first = pl.int_range(pl.len()).over("row_id") == 0
    return ordered.filter(is_first | grows("tokens") | grows("span"))
