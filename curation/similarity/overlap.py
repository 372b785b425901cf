"""How much of each evaluation item stands in one training row, word for word.

An item's tokens are covered by its grams (runs of `width` tokens) that also stand in the row. Grams that many
training rows have in common are turns of phrase and are ignored: neither do they cover a token, nor does a
token that only they could cover count. An item made of nothing else must stand in the row whole.

With `own_words` two things are told apart that frequency alone confuses. Grams that several items have are the
instruction they share: they say nothing of any one of them, and do not count where an item has grams of its own.
And a leak that stands in many rows is no turn of phrase: rows are counted by what they say, and a row that has an
item's words all but one in fifteen is compared with every gram. A row that begins with an item's first line and
goes on with other words follows the same instruction.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from tilth.curation.similarity.shingles import as_arrays, gram_lists

_FILTER_BITS = 24
_BATCH_TURNS = 20_000
_MIN_NEARLY_WHOLE = 0.3  # of an item's words in shared runs; the rest is looked at word by word
_WORDS_PER_CHANGE = 15  # of an item; a row that lacks one in so many, or one at all, has the item
# A line, and what stands below it.
_FIRST_LINE = r"(?s)\A\s*([^\n]*\S)[ \t]*\n(.*\S.*)\z"
_OTHER_WORDS = (
    0.5  # of what an item says below its first line; a row that lacks more says something else there
)


def overlaps(
    turns: pl.DataFrame, items: pl.DataFrame, width: int, max_rows: int, *, own_words: bool = False
) -> pl.DataFrame:
    """Return row, item, coverage, tokens, span, start, turn for every row and item that share a gram.

    turns: row, turn, text. items: item, text. coverage: share of the item's tokens that can count which the
    row covers; of an item whose every gram is in more than `max_rows` rows, 1 or 0. tokens: how many the row
    covers. span: the longest run of the item's tokens whose every gram is in the row, in tokens; start: the
    token of the item at which it begins, from 0. turn: the first turn that shares a gram.
    """
    postings = _postings(items, width)
    if own_words:
        postings = _own(postings, items)
    hits = _hits(turns, postings["gram"].unique().sort(), width)
    said = hits.join(turns.select("row", "turn", said=pl.col("text").hash()), on=["row", "turn"])
    rows_of_gram = said.group_by("gram").agg(rows=pl.col("said" if own_words else "row").n_unique())
    every = postings.join(rows_of_gram, on="gram", how="left").with_columns(
        is_frequent=pl.col("rows").fill_null(0) > max_rows
    )
    is_whole = pl.col("is_frequent").all().over("item")
    rare = every.with_columns(is_whole=is_whole).filter(~pl.col("is_frequent") | pl.col("is_whole"))
    found = _shared(rare, hits, width)
    if not own_words:
        return found
    frequent = every.filter(pl.col("is_frequent").any().over("item")).with_columns(is_whole=pl.lit(False))
    whole = _nearly_whole(_shared(frequent, hits, width), turns, items)
    both = (
        pl.concat([found, whole])
        .sort("row", "item", "coverage", descending=[False, False, True])
        .unique(["row", "item"], keep="first", maintain_order=True)
    )
    return both.join(
        _same_instruction(both, turns, items), on=["row", "item"], how="anti", maintain_order="left"
    )


def _shared(postings: pl.DataFrame, hits: pl.DataFrame, width: int) -> pl.DataFrame:
    """Return what rows and items share of the grams of `postings`, in order of row and item."""
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


def _own(postings: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Leave out the grams that several items of different words have, but of an item that has no other."""
    texts = items.select("item", text=pl.col("text").hash())
    postings = postings.join(texts, on="item", maintain_order="left")
    postings = postings.with_columns(is_own=pl.col("text").n_unique().over("gram") == 1)
    return postings.filter(pl.col("is_own") | ~pl.col("is_own").any().over("item")).drop("text", "is_own")


def _same_instruction(shared: pl.DataFrame, turns: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Return row and item of the pairs that begin with the same line and go on with other words."""
    first, rest = pl.col("text").str.extract(_FIRST_LINE, 1), pl.col("text").str.extract(_FIRST_LINE, 2)
    of_items = items.select("item", line=first.str.to_lowercase(), rest=rest).drop_nulls()
    of_turns = turns.select("row", "turn", "text", line=first.str.to_lowercase()).drop_nulls()
    pairs = (
        shared.select("row", "item", "turn")
        .join(of_items, on="item", maintain_order="left")
        .join(of_turns, on=["row", "turn", "line"], maintain_order="left")
    )
    own, said = (gram_lists(pairs[name], 1).list.unique() for name in ("rest", "text"))
    lacks = own.list.set_difference(said).list.len()
    return pairs.filter(lacks > _OTHER_WORDS * own.list.len()).select("row", "item")


def _nearly_whole(shared: pl.DataFrame, turns: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs whose row has nearly all words of the item in the turn that shares a gram."""
    pairs = shared.filter(pl.col("coverage") >= _MIN_NEARLY_WHOLE)
    if not pairs.height:
        return pairs
    of_items = items.join(pairs.select("item").unique(), on="item", how="semi")
    of_items = of_items.select("item", asked=gram_lists(of_items["text"], 1).list.unique())
    of_turns = turns.join(pairs.select("row", "turn").unique(), on=["row", "turn"], how="semi")
    of_turns = of_turns.select("row", "turn", said=gram_lists(of_turns["text"], 1).list.unique())
    lacks = pl.col("asked").list.set_difference(pl.col("said")).list.len()
    allowed = pl.max_horizontal(pl.col("asked").list.len() // _WORDS_PER_CHANGE, 1)
    return (
        pairs.join(of_items, on="item", maintain_order="left")
        .join(of_turns, on=["row", "turn"], maintain_order="left")
        .filter(lacks <= allowed)
        .drop("asked", "said")
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
