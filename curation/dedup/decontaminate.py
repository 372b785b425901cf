"""Rows that hold items of the evaluation sets."""

from __future__ import annotations

import glob
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from tilth.curation.stage import Phase, Texts, limit, stage
from tilth.shards.errors import SourceError
from tilth.shards.tables import FINDINGS, Role, Verdict, empty

PROMPT, RESPONSE = "prompt", "response"
MIN_RESPONSE_TOKENS = 24  # shorter answers (labels, calls, set phrases) recur without a leak
_ASKED = (Role.USER.value, Role.DOCUMENT.value)
_ANSWERED = (Role.ASSISTANT.value, Role.CHOSEN.value)
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
        "turn": pl.UInt16(),
    }
)


@stage("decontaminate")
@dataclass(frozen=True)
class Decontaminate:
    """Drop rows that hold an evaluation item.

    paths: evaluation files, in any shape a source may have. A row is out if it covers more than
    `max_coverage` of the tokens of an item's prompt or of its response (the two are never averaged) with runs
    of `ngram` words, the rule of Tulu 3 (arXiv 2411.15124), and at least `min_tokens` of them or all (one run
    of 8 is half of a short task that many tasks resemble); or if it shares a span of `max_span` tokens or
    more with one (ConTAM, arXiv 2411.03923; null for off). A prompt of fewer than `ngram` words must be a
    whole turn of the row; a response of fewer than 24 is not looked for. Runs in more than
    max(`max_gram_rows`, 0.1 %) of the rows are turns of phrase and are ignored.
    """

    paths: tuple[str, ...] = ()
    max_coverage: float = limit(0.5)
    min_tokens: int = limit(10)
    max_span: int | None = limit(50)
    ngram: int = 8
    max_gram_rows: int = 10

    phase: ClassVar[Phase] = Phase.DECONTAMINATE

    def evidence(self, rows: pl.DataFrame, texts: Texts) -> pl.DataFrame:
        """Return, per row, the item it covers most and the item it shares the longest span with.

        Columns: row_id, item ("path:line"), item_id (the row id of the item), field, is_short (a whole turn
        of few words), coverage, tokens (covered), span (tokens), turn. Raises SourceError if an evaluation
        file cannot be read.
        """
        if not self.paths:
            return empty(_EVIDENCE)
        items = _read_items(self.paths)
        turns = texts.turns().select("row_id", "turn", "role", "text").collect()
        return self.compare(turns.join(rows.select("row_id"), on="row_id", how="semi"), items)

    def compare(self, turns: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
        """Compare training turns (row_id, turn, role, text) with items (item, item_id, field, text)."""
        from tilth.curation.overlap import overlaps

        turns = turns.with_columns(pl.col("role").cast(pl.String), pl.col("text").fill_null(""))
        turns = turns.filter(~pl.col("role").is_in(_UNSEEN)).rename({"row_id": "row"})
        words = _tokens(items["text"])
        long = items.filter(
            pl.when(pl.col("field") == PROMPT)
            .then(words >= self.ngram)
            .otherwise(words >= MIN_RESPONSE_TOKENS)
        )
        short = items.filter((pl.col("field") == PROMPT) & (words > 0) & (words < self.ngram))
        numbered = long.with_row_index("number")
        max_rows = max(self.max_gram_rows, turns["row"].n_unique() // 1000)
        shared = overlaps(
            turns.select("row", "turn", "text"), numbered.select("text", item="number"), self.ngram, max_rows
        )
        covered = (
            shared.rename({"item": "number"})
            .join(numbered.drop("text"), on="number")
            .with_columns(is_short=pl.lit(False))
        )
        whole = _whole_turns(turns, short)
        both = pl.concat([frame.rename({"row": "row_id"}).select(
            pl.col(name).cast(dtype) for name, dtype in _EVIDENCE.items()
        ) for frame in (whole, covered)])  # fmt: skip
        ties = ["item", "field", "item_id"]
        most = both.sort("row_id", "coverage", "span", *ties, descending=[False, True, True, *[False] * 3])
        longest = both.sort("row_id", "span", "coverage", *ties, descending=[False, True, True, *[False] * 3])
        best = [frame.unique("row_id", keep="first", maintain_order=True) for frame in (most, longest)]
        return pl.concat(best).unique(maintain_order=True).sort("row_id", maintain_order=True)

    def decide(self, rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that hold an evaluation item, with what they hold of it as value."""
        enough = (pl.col("tokens") >= self.min_tokens) | (pl.col("coverage") == 1.0)
        covers = (pl.col("coverage") > self.max_coverage) & enough
        spans = pl.lit(False) if self.max_span is None else pl.col("span") >= self.max_span
        reason = (
            pl.when(pl.col("is_short"))
            .then(pl.lit("is_eval_item"))
            .when(covers)
            .then(pl.lit("covers_eval_item"))
            .otherwise(pl.lit("shares_eval_span"))
        )
        found = evidence.filter(covers | spans).unique("row_id", keep="first", maintain_order=True)
        if not found.height:
            return empty(FINDINGS)
        return found.select(
            "row_id",
            verdict=pl.lit(Verdict.DROP.value),
            reason=reason,
            value=pl.when(covers).then("coverage").otherwise(pl.col("span").cast(pl.Float64)),
            threshold=pl.when(covers).then(pl.lit(self.max_coverage)).otherwise(float(self.max_span or 0)),
            turn="turn",
        )


def _tokens(texts: pl.Series) -> pl.Series:
    """Return the number of tokens of each text."""
    from tilth.curation.shingles import gram_lists

    return gram_lists(texts, 1).list.len().cast(pl.Int64)


def _whole_turns(turns: pl.DataFrame, short: pl.DataFrame) -> pl.DataFrame:
    """Return the turns that say exactly what a short item says, case, blanks and end signs apart."""
    asked = turns.filter(pl.col("role").is_in(_ASKED)).select("row", "turn", key=_plain(pl.col("text")))
    return asked.join(short.with_columns(key=_plain(pl.col("text"))), on="key").with_columns(
        coverage=pl.lit(1.0), tokens=_words(pl.col("key")), span=_words(pl.col("key")), is_short=pl.lit(True)
    )


def _plain(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars(" .,;:!?\"'")


def _words(text: pl.Expr) -> pl.Expr:
    return text.str.count_matches(" ", literal=True).cast(pl.Int64) + 1


def _read_items(paths: tuple[str, ...]) -> pl.DataFrame:
    """Return item ("path:line"), item_id, field and text of every prompt and response of the files.

    Raises SourceError naming the first line that cannot be read: an item that is not seen cannot be found.
    """
    from tilth.curation.limits import ReadLimits
    from tilth.curation.read import ingest
    from tilth.curation.source import Source

    with tempfile.TemporaryDirectory(prefix="tilth-") as scratch:
        sources = [Source(path=glob.escape(str(Path(path).resolve()))) for path in paths]
        read = ingest(sources, Path("/"), Path(scratch), ReadLimits())
        seen = pl.concat([pl.read_parquet(part.occurrences) for part in read.parts]).sort(
            "source_path", "line"
        )
        turns = pl.concat([pl.read_parquet(part.turns) for part in read.parts]).unique(["row_id", "turn"])
    lost = seen.filter(pl.col("row_id").is_null() & (pl.col("reader_reason") != "blank"))
    if lost.height:
        first = lost.row(0, named=True)
        raise SourceError(
            f"{first['source_path']}:{first['line']}",
            f"this evaluation line cannot be read ({first['reader_reason']}), one of {lost.height:,}",
            "Rows that hold it could not be found",
            "repair the file, or take it out of curation.decontaminate",
        )
    named = (
        seen.filter(pl.col("row_id").is_not_null())
        .unique("row_id", keep="first", maintain_order=True)
        .select("row_id", item=pl.format("{}:{}", "source_path", "line"))
    )
    role = pl.col("role").cast(pl.String)
    fields = (
        turns.with_columns(
            field=pl.when(role.is_in(_ASKED))
            .then(pl.lit(PROMPT))
            .when(role.is_in(_ANSWERED))
            .then(pl.lit(RESPONSE))
        )
        .filter(pl.col("field").is_not_null())
        .sort("row_id", "field", "turn")
        .group_by("row_id", "field", maintain_order=True)
        .agg(text=pl.col("text").fill_null("").str.join("\n"))
    )
    return (
        fields.join(named, on="row_id")
        .select("item", "field", "text", item_id="row_id")
        .sort("item", "field")
    )
