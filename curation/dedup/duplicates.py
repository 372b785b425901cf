"""Duplicates of a column of texts, for notebooks: what the `dedup` stage finds, without a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from tilth.curation.similarity.vector_join import Vectors


def near_duplicates(
    texts: pl.Series,
    responses: pl.Series | None = None,
    *,
    jaccard: float = 0.8,
    shingle_words: int = 5,
    keep_siblings: bool = True,
) -> pl.DataFrame:
    """Return the texts that repeat an earlier one: index, witness, similarity (Float64), ordered by index.

    Similarity is the exact Jaccard similarity of word shingles, and no pair >= `jaccard` is missed. `witness`
    is the index of the most similar earlier text that repeats none itself, so that dropping every `index`
    keeps every witness. With `responses`, `texts` are their prompts, and both must be similar: the lesser of
    the two counts. keep_siblings: see marks.py. Raises ValueError for a `jaccard` that is no share, or lengths
    that differ.

    >>> near_duplicates(pl.Series(["a b c d e f", "g h i j k l", "A b  c d e f!"]))["witness"].to_list()
    [0]
    """
    return _repeats(texts, responses, shingle_words, keep_siblings, near=jaccard)


def semantic_duplicates(
    texts: pl.Series,
    responses: pl.Series | None = None,
    *,
    cosine: float = 0.95,
    vectors: np.ndarray | None = None,
    response_vectors: np.ndarray | None = None,
    keep_siblings: bool = True,
) -> pl.DataFrame:
    """Return the texts that say what an earlier one says: index, witness, similarity, ordered by index.

    Similarity is the cosine of the vectors, exact over 16-bit integers; `witness` as in `near_duplicates`.
    vectors, response_vectors: (texts, dimensions) of an encoder of yours; without them vectors are made of
    words (lexical.py). Texts of at most one shingle are alike only if they are the same. Pairs in different
    k-means cells are missed; up to 1,535 texts there is one cell. Raises ValueError as `near_duplicates`.

    >>> said = pl.Series(["how tall is the old tower of Pisa", "the old tower of Pisa is how tall"])
    >>> semantic_duplicates(said, cosine=0.6)["witness"].to_list()
    [0]
    """
    from tilth.curation.similarity import lexical
    from tilth.curation.similarity.cells import cells
    from tilth.curation.similarity.vector_join import by_cell

    prompts, answers = _fields(texts, responses)
    given = (vectors, response_vectors) if responses is not None else (None, vectors)
    asked, said = (
        lexical.vectors(lexical.word_counts(field))
        if one is None
        else lexical.quantized(one.astype(np.float32))
        for field, one in zip((prompts, answers), given)
    )
    if len(asked) != len(said) or len(said) != texts.len():
        raise ValueError("there must be one vector for every text")
    made = by_cell(asked, said, cells(asked, said), np.arange(texts.len()))
    return _repeats(texts, responses, 5, keep_siblings, semantic=cosine, vectors=made)


def _fields(texts: pl.Series, responses: pl.Series | None) -> tuple[pl.Series, pl.Series]:
    """Return prompts and responses, no prompts where texts stand alone."""
    if responses is not None:
        if texts.len() != responses.len():
            raise ValueError("there must be one response for every prompt")
        return texts, responses
    return pl.Series([""], dtype=pl.String).new_from_index(0, texts.len()), texts


def _repeats(
    texts: pl.Series,
    responses: pl.Series | None,
    width: int,
    keep_siblings: bool,
    near: float | None = None,
    semantic: float | None = None,
    vectors: Vectors | None = None,
) -> pl.DataFrame:
    from tilth.curation.similarity.marks import marks
    from tilth.curation.similarity.near_join import KEPT, Bounds, Rows, find_repeats
    from tilth.curation.similarity.sets import field_of, in_place
    from tilth.curation.similarity.shingles import describe

    for bound in (near, semantic):
        if bound is not None and not 0 <= bound <= 1:
            raise ValueError(f"a similarity is from 0 to 1, not {bound}")
    prompts, answers = _fields(texts, responses)
    asked, said = (describe(field, width) for field in (prompts, answers))
    keys = pl.concat([asked.select("low", "high"), said.select(low2="low", high2="high")], how="horizontal")
    same = keys.select(pl.struct(pl.all()).rank("dense").cast(pl.Int64) - 1).to_series().to_numpy().copy()
    split, beside = np.zeros(texts.len(), np.uint8), np.zeros(texts.len(), np.int64)
    sets = in_place(asked["shingles"], said["shingles"])
    prompt, response = (field_of(some, each["low"], each["high"]) for some, each in zip(sets, (asked, said)))
    of_siblings = in_place(marks(prompts, answers))[0] if keep_siblings else None
    found = find_repeats(
        Rows(same, split, split, beside, prompt, prompt, response, of_siblings, vectors),
        Bounds(near, None, semantic),
    )
    out = np.flatnonzero(found.kind != KEPT)
    return pl.DataFrame({"index": out, "witness": found.witness[out], "similarity": found.similarity[out]})
