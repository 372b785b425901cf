"""Rows that hold items of the evaluation sets."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import ClassVar

import polars as pl

from tilth.curation.dedup.contamination import RULES, ContaminationRule, RuleName, frontier
from tilth.curation.dedup.evaluation_items import ASKED, PROMPT, read_items
from tilth.curation.stage import Phase, Positive, Share, Texts, Words, limit, stage
from tilth.shards.tables import FINDINGS, Role, Verdict, empty

MIN_RESPONSE_TOKENS = 24  # shorter answers (labels, calls, set phrases) recur without a leak
MAX_NOTE_CHARS = 200
MIN_REWORDED_TOKENS = 8  # of an item; fewer words say too little to be told again
_UNSEEN = (Role.SYSTEM.value, Role.DEVELOPER.value)
_EVIDENCE = pl.Schema(
    {
        "row_id": pl.Binary(),
        "item": pl.String(),
        "item_id": pl.Binary(),
        "field": pl.String(),
        "is_short": pl.Boolean(),
        "coverage": pl.Float64(),
        "tokens": pl.Int64(),
        "span": pl.Int64(),
        "words": pl.String(),
        "turn": pl.UInt16(),
        "cosine": pl.Float64(),
    }
)


@stage("decontaminate")
@dataclass(frozen=True)
class Decontaminate:
    """Drop rows that hold an evaluation item.

    paths: evaluation files, in any shape a source may have. map: as that of a source.
    rule: whose bounds (contamination.py has them): a
    row is out if it covers more than `max_coverage` of the words of an item's prompt or of its response (the two
    are never averaged) with runs of `ngram` words, and at least `min_tokens` of them or all; or if it shares a
    span of `max_span` words with one. Whichever of the five is set replaces the rule's own. A prompt of fewer
    than `ngram` words must be a whole turn of the row; a response of fewer than 24 is not looked for.

    rewordings: the cosine of TF-IDF word vectors (rewording.py) from which on a prompt says an item's prompt in other
    words; null: off. At .65 it finds 36 % of the rewordings of GSM8K's items and 0.2 % of its clean rows; they are
    tagged, or get the verdict `reworded`.
    """

    paths: tuple[str, ...] = ()
    rule: RuleName = "tilth"
    max_coverage: Share | None = limit(None)  # of an item's words in a row; null: as `rule` has it
    min_tokens: Positive | None = limit(None)  # of an item that a row must cover; null: as `rule` has it
    max_span: Positive | None = limit(None)  # words shared in one run; null: as `rule` has it
    ngram: Words | None = None  # words of a run that is compared; null: as `rule` has it
    max_gram_rows: Positive | None = None  # rows in which a run of words may stand; null: as `rule` has it

    map: dict[str, str] | None = None  # part -> column, where the files have columns that are not recognised

    rewordings: Share | None = None  # cosine from which on a prompt says an item in other words; null: off
    reworded: Verdict = limit(Verdict.KEEP)  # of rows that do; `keep` tags

    phase: ClassVar[Phase] = Phase.DECONTAMINATE

    def evidence(self, rows: pl.DataFrame, texts: Texts) -> pl.DataFrame:
        """Return, per row, the items that some bounds could find it by, the most covered first.

        Columns: row_id, item ("file:line"), item_id (the row id of the item), field, is_short (a whole turn
        of few words), coverage, tokens (covered), span (words), words (of the span, the first 200
        characters), turn, cosine (of a prompt in other words, else null). Raises SourceError if an evaluation
        file cannot be read.
        """
        if not self.paths:
            return empty(_EVIDENCE)
        items = read_items(self.paths, self.map)
        turns = texts.turns().select("row_id", "turn", "role", "text").collect()
        turns = turns.join(rows.select("row_id"), on="row_id", how="semi")
        found = self.compare(turns, items)
        return (
            found if self.rewordings is None else pl.concat([found, _reworded(turns, items, self.rewordings)])
        )

    def compare(self, turns: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
        """Compare training turns (row_id, turn, role, text) with items (item, item_id, field, text)."""
        from tilth.curation.similarity.overlap import overlaps

        bounds = self.bounds()
        turns = turns.with_columns(pl.col("role").cast(pl.String), pl.col("text").fill_null(""))
        turns = turns.filter(~pl.col("role").is_in(_UNSEEN)).rename({"row_id": "row"})
        words = _tokens(items["text"])
        long = items.filter(
            pl.when(pl.col("field") == PROMPT)
            .then(words >= bounds.ngram)
            .otherwise(words >= max(bounds.ngram, MIN_RESPONSE_TOKENS))
        )
        short = items.filter((pl.col("field") == PROMPT) & (words > 0) & (words < bounds.ngram))
        numbered = long.with_row_index("number")
        max_rows = bounds.max_rows(turns["row"].n_unique())
        shared = overlaps(
            turns.select("row", "turn", "text"),
            numbered.select("text", item="number"),
            bounds.ngram,
            max_rows,
            own_words=bounds.own_words,
        )
        covered = (
            shared.rename({"item": "number"}).join(numbered, on="number").with_columns(is_short=pl.lit(False))
        )
        names = [name for name in _EVIDENCE if name not in ("row_id", "words", "cosine")]
        both = pl.concat(
            [
                frame.select(
                    pl.col("row").cast(pl.Binary).alias("row_id"),
                    *(pl.col(name).cast(_EVIDENCE[name]) for name in names),
                    pl.col("start").cast(pl.Int64),
                    "text",
                )
                for frame in (_whole_turns(turns, short), covered)
            ]
        )
        best = frontier(both)
        named = best.with_columns(words=_span_words(best), cosine=pl.lit(None, pl.Float64))
        return named.select(list(_EVIDENCE))

    def bounds(self) -> ContaminationRule:
        """Return the bounds of the rule with those that the recipe sets."""
        rule = RULES[self.rule]
        own = {f.name: getattr(self, f.name) for f in fields(rule) if f.name != "own_words"}
        return replace(rule, **{name: value for name, value in own.items() if value is not None})

    def decide(self, rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that hold an evaluation item, with what they hold of it as value and in words."""
        bounds = self.bounds()
        covers, spans = bounds.covers(), bounds.spans()
        reason = (
            pl.when(pl.col("is_short"))
            .then(pl.lit("is_eval_item"))
            .when(covers)
            .then(pl.lit("covers_eval_item"))
            .otherwise(pl.lit("shares_eval_span"))
        )
        over = (covers | spans | pl.col("is_short")) & pl.col("cosine").is_null()
        found = evidence.filter(over).unique("row_id", keep="first", maintain_order=True)
        alike = evidence.filter(pl.col("cosine") >= (self.rewordings or 2.0)).join(
            found, on="row_id", how="anti"
        )
        if not found.height + alike.height:
            return empty(FINDINGS)
        by_coverage = covers | pl.col("is_short")
        held = found.select(
            "row_id",
            verdict=pl.lit(Verdict.DROP.value),
            reason=reason,
            value=pl.when(by_coverage).then("coverage").otherwise(pl.col("span").cast(pl.Float64)),
            threshold=pl.when(by_coverage)
            .then(pl.lit(bounds.max_coverage or 0.0))
            .otherwise(float(bounds.max_span or 0)),
            turn="turn",
            note=pl.format("{} of {}, {} words: {}", "field", "item", "span", "words"),
        )
        said_again = alike.select(
            "row_id",
            verdict=pl.lit(self.reworded.value),
            reason=pl.lit("rewords_eval_item"),
            value="cosine",
            threshold=pl.lit(self.rewordings, pl.Float64),
            turn="turn",
            note=pl.format("{} of {} in other words: {}", "field", "item", "words"),
        )
        return pl.concat([held, said_again]) if alike.height else held


def _reworded(turns: pl.DataFrame, items: pl.DataFrame, bound: float) -> pl.DataFrame:
    """Return, as evidence, the item that a prompt of each row says in other words."""
    from tilth.curation.similarity.rewording import nearest

    asked = turns.filter(pl.col("role").cast(pl.String).is_in(ASKED) & pl.col("text").is_not_null())
    of_items = items.filter((pl.col("field") == PROMPT) & (_tokens(items["text"]) >= MIN_REWORDED_TOKENS))
    if not of_items.height or not asked.height:
        return empty(_EVIDENCE)
    found = asked.select("row_id", "turn").hstack(nearest(asked["text"], of_items["text"]))
    found = found.filter(pl.col("cosine") >= bound).sort(
        "row_id", "cosine", "turn", descending=[False, True, False]
    )
    named = of_items.with_row_index("number").with_columns(pl.col("number").cast(pl.Int64))
    return (
        found.unique("row_id", keep="first", maintain_order=True)
        .join(named, left_on="item", right_on="number", maintain_order="left", suffix="_name")
        .select(
            pl.col("row_id").cast(pl.Binary),
            pl.col("item_name").alias("item"),
            "item_id",
            "field",
            is_short=pl.lit(False),
            coverage=pl.lit(0.0),
            tokens=pl.lit(0, pl.Int64),
            span=pl.lit(0, pl.Int64),
            words=pl.col("text").str.head(MAX_NOTE_CHARS),
            turn=pl.col("turn").cast(pl.UInt16),
            cosine="cosine",
        )
    )


def _span_words(found: pl.DataFrame) -> pl.Series:
    """Return the words of each span as its item writes them, cut to what a person reads."""
    from tilth.curation.similarity.spans import words_of

    spans = found.select("text", "start", "span").iter_rows()
    return pl.Series([words_of(*span)[:MAX_NOTE_CHARS] for span in spans], dtype=pl.String)


def _tokens(texts: pl.Series) -> pl.Series:
    """Return the number of tokens of each text."""
    from tilth.curation.similarity.shingles import gram_lists

    return gram_lists(texts, 1).list.len().cast(pl.Int64)


def _whole_turns(turns: pl.DataFrame, short: pl.DataFrame) -> pl.DataFrame:
    """Return the turns that say exactly what a short item says, case, blanks and end signs apart."""
    asked = turns.filter(pl.col("role").is_in(ASKED)).select("row", "turn", key=_plain(pl.col("text")))
    return asked.join(short.with_columns(key=_plain(pl.col("text"))), on="key").with_columns(
        coverage=pl.lit(1.0),
        tokens=_words(pl.col("key")),
        span=_words(pl.col("key")),
        start=pl.lit(0),
        is_short=pl.lit(True),
    )


def _plain(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars(" .,;:!?\"'")


def _words(text: pl.Expr) -> pl.Expr:
    return text.str.count_matches(" ", literal=True).cast(pl.Int64) + 1
