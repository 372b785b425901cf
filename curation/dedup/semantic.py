"""Vectors of prompts and responses, for duplicates in meaning: made of words here, or read from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tilth.shards.errors import SourceError

if TYPE_CHECKING:
    from tilth.curation.similarity.vector_join import Vectors

FIELDS = ("prompt_meaning", "response_meaning")


def meaning(
    rows: pl.DataFrame, prompts: pl.Series, responses: pl.Series, embeddings: str | None
) -> pl.DataFrame:
    """Return what vectors are made of, aligned with `rows`: prompt_meaning and response_meaning.

    Without `embeddings` they are counts of words (List(UInt32), see lexical.py), else the vectors that this
    file holds (Array(Int16), see `read_embeddings`). Either way of a row by itself.
    """
    from tilth.curation.similarity import lexical

    if embeddings is None:
        return pl.DataFrame(dict(zip(FIELDS, map(lexical.word_counts, (prompts, responses)))))
    return pl.DataFrame(dict(zip(FIELDS, read_embeddings(embeddings, rows["text_digest"]))))


def to_vectors(evidence: pl.DataFrame, lines: pl.Series) -> Vectors:
    """Return the vectors of rows that have `meaning`; `lines` is the line of each row in `evidence`."""
    from tilth.curation.similarity import lexical
    from tilth.curation.similarity.cells import cells
    from tilth.curation.similarity.vector_join import by_cell

    prompt, response = (
        np.ascontiguousarray(said.to_numpy()) if isinstance(said.dtype, pl.Array) else lexical.vectors(said)
        for said in (evidence[name] for name in FIELDS)
    )
    return by_cell(prompt, response, cells(prompt, response), lines.to_numpy())


def read_embeddings(path: str, text_digests: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of prompts and responses, int16, aligned with `text_digests`.

    The file is Parquet with `text_digest` (32 bytes) and `prompt` and `response`, each an array of numbers of
    one length. A row that it does not hold gets zeros: it is like no other. Raises SourceError if the file
    cannot be read as such.
    """
    from tilth.curation.similarity.lexical import quantized

    try:
        wanted = pl.LazyFrame({"text_digest": text_digests}).with_row_index("place")
        stored = pl.scan_parquet(path, glob=False).select("text_digest", "prompt", "response")
        stored = stored.join(wanted.select("text_digest"), on="text_digest", how="semi").unique("text_digest")
        found = wanted.join(stored, on="text_digest", maintain_order="left").collect()
        widths = [found.schema[name].shape[0] for name in ("prompt", "response")]  # type: ignore[attr-defined]
    except (OSError, AttributeError, pl.exceptions.PolarsError):
        raise _unreadable(path) from None
    out = []
    for name, width in zip(("prompt", "response"), widths):
        vectors = np.zeros((text_digests.len(), width), np.int16)
        vectors[found["place"].to_numpy()] = quantized(found[name].to_numpy().astype(np.float32))
        out.append(vectors)
    return out[0], out[1]


def _unreadable(path: str) -> SourceError:
    missing = not Path(path).exists()
    return SourceError(
        path,
        "no such file" if missing else "cannot be read as embeddings",
        "Duplicates in meaning could not be found",
        "curate once with --set curation.dedup.embeddings=null, then: train embed RECIPE, and curate again"
        if missing
        else "write the file anew with: train embed RECIPE",
    )
