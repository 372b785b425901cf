"""How much of each evaluation item stands in one training row, word for word.

An item's tokens are covered by its grams (runs of `width` tokens) that also stand in the row. Grams that many
training rows have in common are turns of phrase and are ignored: neither do they cover a token, nor does a
token that only they could cover count. An item made of nothing else must stand in the row whole.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from tilth.curation.similarity.shingles import as_arrays, gram_lists

_FILTER_BITS = 24
_BATCH_TURNS = 20_000


def overlaps(turns: pl.DataFrame, items: pl.DataFrame, width: int, max_rows: int) -> pl.DataFrame:
    """Return row, item, coverage, tokens, span, start, turn for every row and item that share a gram.

    turns: row, turn, text. items: item, text. coverage: share of the item's tokens that can count which the
    row covers; of an item whose every gram is in more than `max_rows` rows, 1 or 0. tokens: how many the row
    covers. span: the longest run of the item's tokens whose every gram is in the row, in tokens; start: the
    token of the item at which it begins, from 0. turn: the first turn that shares a gram.
    """
    postings = _postings(items, width)
    hits = _hits(turns, postings["gram"].unique().sort(), width)
    rows_of_gram = hits.group_by("gram").agg(rows=pl.col("row").n_unique())
    postings = postings.join(rows_of_gram, on="gram", how="left").with_columns(
        is_frequent=pl.col("rows").fill_null(0) > max_rows
    )
    is_whole = pl.col("is_frequent").all().over("item")
    postings = postings.with_columns(is_whole=is_whole).filter(~pl.col("is_frequent") | pl.col("is_whole"))
    countable = _covered(postings, ["item"], width).select("item", countable="covered")
    shared = (
        hits.join(postings.select("gram", "item", "position", "is_whole"), on="gram")
        .group_by("row", "item", "position", "is_whole")
        .agg(pl.col("turn").min())
    )
    share = pl.col("covered") / pl.col("countable")
    return (
        _covered(shared, ["row", "item"], width)
        .join(countable, on="item")
        .with_columns(coverage=pl.when("is_whole").then((share == 1.0).cast(pl.Float64)).otherwise(share))
        .select("row", "item", "coverage", "span", "start", "turn", tokens="covered")
        .sort("row", "item")
    )


def _postings(items: pl.DataFrame, width: int) -> pl.DataFrame:
    """Return item, position and gram of every gram of every item."""
    lists = items.select("item", gram=gram_lists(items["text"], width)).filter(pl.col("gram").list.len() > 0)
    return lists.with_columns(position=pl.int_ranges(0, pl.col("gram").list.len())).explode(
        "gram", "position"
    )


def _hits(turns: pl.DataFrame, grams: pl.Series, width: int) -> pl.DataFrame:
    """Return row, turn and gram, each once, wherever a turn has one of `grams` (sorted)."""
    wanted = grams.to_numpy()
    shift = np.uint64(64 - _FILTER_BITS)
    may_be = np.zeros(1 << _FILTER_BITS, np.bool_)
    may_be[wanted >> shift] = True
    found = [
        pl.DataFrame(schema={"row": turns.schema["row"], "turn": turns.schema["turn"], "gram": pl.UInt64})
    ]
    for batch in turns.iter_slices(_BATCH_TURNS):
        values, offsets = as_arrays(gram_lists(batch["text"], width))
        at = np.flatnonzero(may_be[values >> shift])
        place = np.minimum(np.searchsorted(wanted, values[at]), max(wanted.size - 1, 0))
        at = at[wanted[place] == values[at]] if wanted.size else at[:0]
        owner = np.searchsorted(offsets, at, side="right") - 1
        found.append(
            batch.select("row", "turn")[owner].with_columns(gram=pl.Series(values[at], dtype=pl.UInt64))
        )
    return pl.concat(found).unique().sort("row", "turn", "gram")


def _covered(positions: pl.DataFrame, by: list[str], width: int) -> pl.DataFrame:
    """Return per group: tokens covered by the grams at `position`, the longest span and where it starts,
    is_whole, least turn."""
    step = pl.col("position").diff().over(by)
    others = [pl.col("turn").min()] if "turn" in positions.columns else []
    return (
        positions.sort(*by, "position")
        .with_columns(step=step)
        .with_columns(run=(pl.col("step").fill_null(0) != 1).cum_sum())
        .with_columns(span=pl.len().over("run") + width - 1, start=pl.col("position").min().over("run"))
        .group_by(by)
        .agg(
            pl.col("step").fill_null(width).clip(0, width).sum().alias("covered"),
            pl.col("span").max(),
            pl.col("start").filter(pl.col("span") == pl.col("span").max()).min(),
            pl.col("is_whole").first(),
            *others,
        )
    )
