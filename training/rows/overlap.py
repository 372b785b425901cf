"""Which texts hold another text, word for word or nearly: what judges a run must not be trained on in it.

A text is held where `NEAR` of its runs of `WIDTH` words stand in the other, one of fewer than `MIN_WORDS` where both
have the same words. Case, marks and spaces do not count; neither do runs that more than `MAX_ITEMS` of the texts looked
for have in common, as those of an instruction that all share. In scripts without spaces every character is a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

WIDTH = 3
MIN_WORDS = 8
NEAR = 0.8
MAX_ITEMS = 3
WORD = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]|[\p{L}\p{N}\p{M}]"
_WORDS = rf"{WORD.partition('|')[0]}|[\p{{L}}\p{{N}}\p{{M}}]+"
_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5, 1], np.uint64
)


def text_of(turns: Sequence[dict[str, Any]]) -> str:
    """Return what is said in turns (TURNS columns), calls included; system prompts, which many rows share, are not."""
    told = [turn for turn in turns if turn["role"] not in ("system", "developer")]
    return "\n".join(turn.get(part) or "" for turn in told for part in ("text", "tool_calls"))


def holding(texts: Sequence[str], items: Sequence[str]) -> np.ndarray:
    """Return bool (texts,): which of the texts hold one of the items, or nearly."""
    return np.isin(np.arange(len(texts)), _pairs(texts, items)["text"].to_numpy())


def held(texts: Sequence[str], items: Sequence[str]) -> np.ndarray:
    """Return bool (items,): which of the items one of the texts holds, or nearly."""
    return np.isin(np.arange(len(items)), _pairs(texts, items)["item"].to_numpy())


def _pairs(texts: Sequence[str], items: Sequence[str]) -> pl.DataFrame:
    """Return `text` and `item`: the indices of each text and of an item that it holds; equal items are all there."""
    schema = pl.Schema({"text": pl.Int64(), "item": pl.Int64()})
    once = list(dict.fromkeys(items))
    if not texts or not once:
        return pl.DataFrame(schema=schema)
    grams, of_item, words, counts = _grams(once)
    grams, of_item = grams[counts[of_item] >= MIN_WORDS], of_item[counts[of_item] >= MIN_WORDS]
    their_grams, of_text, their_words, _ = _grams(texts)
    named = pl.DataFrame({"item": np.arange(len(once)), "words": words}).filter(pl.col("words") != 0)
    said = pl.DataFrame({"text": np.arange(len(texts)), "words": their_words})
    equal = said.join(named, on="words").select(pl.col("text", "item").cast(pl.Int64))
    wanted = np.unique(np.stack([of_item.astype(np.uint64), grams], axis=1), axis=0)
    known = np.isin(their_grams, wanted[:, 1])
    found = pl.DataFrame({"text": of_text[known], "gram": their_grams[known]}).unique()
    postings = pl.DataFrame({"item": wanted[:, 0], "gram": wanted[:, 1]}).filter(
        pl.len().over("gram") <= MAX_ITEMS
    )
    near = (
        found.join(postings, on="gram")
        .group_by("text", "item")
        .len("shared")
        .join(postings.group_by("item").len("all"), on="item")
        .filter(pl.col("shared") >= NEAR * pl.col("all"))
        .select(pl.col("text", "item").cast(pl.Int64))
    )
    numbers = {text: number for number, text in enumerate(once)}
    again = pl.DataFrame({"of": [numbers[text] for text in items], "item": np.arange(len(items))})
    pairs = pl.concat([equal, near]).rename({"item": "of"})
    return pairs.join(again, on="of").select("text", "item").cast(schema)


def _grams(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return hashes of every run of WIDTH words, the text each is of, and by text the hash and count of all its words.

    The hash is 0 for a text without words.
    """
    lists = pl.Series(texts, dtype=pl.String).str.to_lowercase().str.extract_all(_WORDS)
    words = pl.DataFrame({"text": np.arange(len(texts)), "word": lists}).explode("word").drop_nulls()
    hashes, of = words["word"].hash().to_numpy(), words["text"].to_numpy()
    last = max(0, len(hashes) - WIDTH + 1)
    runs = sum(
        (hashes[i : i + last] * _FACTORS[i] for i in range(WIDTH)), start=np.zeros(last, dtype=np.uint64)
    )
    whole = of[:last] == of[WIDTH - 1 :][:last]
    joined, counts = lists.list.join(" ").hash().to_numpy(), lists.list.len().to_numpy()
    return runs[whole], of[:last][whole], np.where(counts > 0, joined, np.uint64(0)), counts
