"""Which item a text says in other words: the cosine of TF-IDF vectors of single words, whatever their order.

Words are tokens of shingles.py; each weighs (1 + ln count) * (1 + ln((1 + texts) / (1 + texts with it))) over texts and
items together, so that what a collection is about weighs little and what one item is about weighs much.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from tilth.curation.similarity.shingles import as_arrays, gram_lists

_BATCH_TEXTS = 5_000


def nearest(texts: pl.Series, items: pl.Series) -> pl.DataFrame:
    """Return, for each text, the `item` (its index) of the highest `cosine`; both null where no word is shared."""
    from scipy.sparse import csr_matrix

    words = [gram_lists(part.fill_null(""), 1) for part in (items, texts)]
    (item_words, item_ends), (text_words, text_ends) = map(as_arrays, words)
    known, columns = np.unique(np.concatenate([item_words, text_words]), return_inverse=True)
    shape = (items.len() + texts.len(), known.size)
    ends = np.concatenate([item_ends, item_ends[-1] + text_ends[1:]])
    counts = csr_matrix((np.ones(columns.size, np.float32), columns, ends), shape)
    counts.sum_duplicates()
    documents = np.bincount(counts.indices, minlength=known.size)
    idf = (np.log((1 + shape[0]) / (1 + documents)) + 1).astype(np.float32)
    counts.data = (1 + np.log(counts.data)) * idf[counts.indices]
    length = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    counts.data /= np.repeat(np.maximum(length, 1e-9), np.diff(counts.indptr))
    asked, said = counts[: items.len()].T.tocsr(), counts[items.len() :]
    found = []
    for start in range(0, texts.len(), _BATCH_TEXTS):
        alike = (said[start : start + _BATCH_TEXTS] @ asked).tocsr()
        best = np.asarray(alike.argmax(axis=1)).ravel()
        cosine = np.asarray(alike.max(axis=1).todense()).ravel()
        found.append(pl.DataFrame({"item": best.astype(np.int64), "cosine": cosine.astype(np.float64)}))
    if not found:
        return pl.DataFrame(schema={"item": pl.Int64, "cosine": pl.Float64})
    shared = pl.col("cosine") > 0
    return pl.concat(found).select(
        pl.when(shared).then("item"), pl.when(shared).then(pl.col("cosine").round(6))
    )
